"""A ``remote_write`` block at work: batches of packed series, then the metadata that is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.app.http_backend import HttpBackend
from pushvar.deliver import metadata
from pushvar.deliver.batches import cut
from pushvar.deliver.queue import send_in_order
from pushvar.deliver.sinks.remote_write import RemoteWriteSink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.app.world import World
    from pushvar.config.schema import RemoteWrite
    from pushvar.deliver.queue import Patience
    from pushvar.model import Delivery, Family, Scrape
    from pushvar.net.secrets import Secrets


class RemoteWriteBackend(HttpBackend):
    """Sends every sample of every scrape."""

    def __init__(self, settings: RemoteWrite, secrets: Secrets, world: World) -> None:
        super().__init__(settings, secrets, world)
        self._settings = settings
        self._metadata = metadata.MetadataSchedule()
        sink = RemoteWriteSink(settings.url, self._request("POST"), self._headers, self._now_s, self._signed)
        self._push = self._guarded(sink.push)

    def check(self) -> None:
        """Raise ConfigError also when there is nothing to sign with."""
        super().check()
        self._signed(self._settings.url, {}, b"")

    def _deliver(
        self, scrapes: Sequence[Scrape], families: Mapping[str, Family], deadline_s: float
    ) -> Delivery:
        """The samples, in order, then the metadata: it must not use up their time."""
        queue = self._settings.queue_config
        patience = self._patience(deadline_s, queue)
        batches = cut(scrapes, max_samples=queue.max_samples_per_send)
        sent = send_in_order(self._settings.name, batches, self._push, patience)
        if sent.failed and not sent.sent:  # it would not hear of metadata either
            return sent
        told = self._tell(families, patience)
        return sent if told is None else told.add(sent)

    def _samples(self, scrape: Scrape) -> int:
        return scrape.carried

    def _tell(self, families: Mapping[str, Family], patience: Patience) -> Delivery | None:
        block, count = self._settings.metadata_config, len(families)
        now_ms = int(self._world.monotonic_s() * 1000)
        name, interval_ms = self._settings.name, block.send_interval.ms
        due = self._metadata.due(name, families, now_ms, interval_ms) if block.send else ()
        if not due:
            return None
        requests = metadata.cut(due, max_per_request=block.max_samples_per_send)
        told = send_in_order(name, requests, self._push, patience)
        if not told.error:
            self._metadata.told(name, count, now_ms, interval_ms)
        return told

    def _signed(self, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """The headers as they are sent: signed for AWS when the configuration says so."""
        if self._settings.sigv4 is None:
            return headers
        from pushvar.net.auth.sigv4 import region_and_credentials, signed

        region, credentials = region_and_credentials(
            self._settings.sigv4, self._secrets.resolve, self._world.environment
        )
        return signed(url, headers, body, region=region, credentials=credentials, now_s=self._now_s())
