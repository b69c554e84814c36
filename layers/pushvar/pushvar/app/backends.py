"""The backends of one configuration: a session, a sink and a queue for each, side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pushvar.app.engine import tls_settings
from pushvar.deliver import metadata
from pushvar.deliver.batches import cut
from pushvar.deliver.queue import Patience, send_in_order
from pushvar.deliver.sinks.remote_write import RemoteWriteSink
from pushvar.net.auth import auth_header
from pushvar.net.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.app.world import World
    from pushvar.config.schema import RemoteWrite
    from pushvar.model import Delivery, Family, Scrape
    from pushvar.net.secrets import Secrets


class Backend:
    """One ``remote_write`` block at work."""

    def __init__(self, settings: RemoteWrite, secrets: Secrets, world: World) -> None:
        self.settings = settings
        self._secrets = secrets
        self._world = world
        self._metadata = metadata.MetadataSchedule()
        self._session = Session(tls_settings(settings.tls_config))
        self._sink = RemoteWriteSink(
            settings.url,
            lambda url, body, headers, timeout_s: self._session.post(url, body, headers, timeout_s=timeout_s),
            self._headers,
            lambda: world.now_ms() / 1000,
        )

    def deliver(
        self, scrapes: Sequence[Scrape], families: Mapping[str, Family], deadline_s: float
    ) -> Delivery:
        """Send the metadata that is due, then the samples, in order."""
        settings, world = self.settings, self._world
        patience = Patience(
            settings.queue_config.min_backoff.s,
            settings.queue_config.max_backoff.s,
            settings.remote_timeout.s,
            deadline_s,
            world.monotonic_s,
            world.sleep,
            world.random,
        )
        told = self._tell(families, patience)
        batches = cut(scrapes, max_samples=settings.queue_config.max_samples_per_send)
        sent = send_in_order(settings.name, batches, self._sink.push, patience)
        return sent if told is None else told.add(sent)

    def _tell(self, families: Mapping[str, Family], patience: Patience) -> Delivery | None:
        block, now_ms, count = self.settings.metadata_config, self._world.now_ms(), len(families)
        name, interval_ms = self.settings.name, block.send_interval.ms
        due = self._metadata.due(name, families, now_ms, interval_ms) if block.send else ()
        if not due:
            return None
        requests = metadata.cut(due, max_per_request=block.max_samples_per_send)
        told = send_in_order(name, requests, self._sink.push, patience)
        if not told.error:
            self._metadata.told(name, count, now_ms, interval_ms)
        return told

    def _headers(self) -> dict[str, str]:
        headers = dict(self.settings.headers)
        auth = auth_header(self.settings.basic_auth, self.settings.authorization, self._secrets.resolve)
        if auth:
            headers["Authorization"] = auth
        return headers

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


class Backends:
    """All backends of a configuration; a slow one does not hold up the others."""

    def __init__(self, blocks: Sequence[RemoteWrite], secrets: Secrets, world: World) -> None:
        self._backends = [Backend(block, secrets, world) for block in blocks]

    def deliver(
        self, scrapes: Sequence[Scrape], families: Mapping[str, Family], deadline_s: float
    ) -> tuple[Delivery, ...]:
        """Send the scrapes to every backend; one delivery for each, in the order of the configuration."""
        if len(self._backends) == 1:
            return (self._backends[0].deliver(scrapes, families, deadline_s),)
        with ThreadPoolExecutor(max(len(self._backends), 1)) as pool:
            return tuple(pool.map(lambda one: one.deliver(scrapes, families, deadline_s), self._backends))

    def close(self) -> None:
        """Close all connections."""
        for backend in self._backends:
            backend.close()
