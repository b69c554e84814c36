"""The backends of one configuration: a session, a sink and a queue for each, side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pushvar.app.engine import tls_settings
from pushvar.deliver import metadata
from pushvar.deliver.batches import cut
from pushvar.deliver.queue import Patience, send_in_order
from pushvar.deliver.sinks.remote_write import RemoteWriteSink
from pushvar.errors import ConfigError, PushError
from pushvar.model import Delivery
from pushvar.net.auth import auth_header
from pushvar.net.session import Session
from pushvar.net.tls import context_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.app.world import World
    from pushvar.config.schema import RemoteWrite
    from pushvar.model import Batch, Family, Scrape
    from pushvar.net.secrets import Secrets


class Backend:
    """One ``remote_write`` block at work. Whatever goes wrong in it is its own delivery's error."""

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
            self._signed,
        )

    def deliver(
        self, scrapes: Sequence[Scrape], families: Mapping[str, Family], deadline_s: float
    ) -> Delivery:
        """Send the samples, in order, then the metadata that is due: it must not use up their time.

        Raises nothing: a fault of our own is the delivery's error too.
        """
        try:
            return self._deliver(scrapes, families, deadline_s)
        except Exception as fault:  # noqa: BLE001 - the other backends' deliveries must be told
            samples = sum(scrape.carried for scrape in scrapes)
            return Delivery(self.settings.name, failed=samples, error=f"{type(fault).__name__}: {fault}")

    def check(self) -> None:
        """Raise ConfigError when a secret or a TLS file of this backend is not there."""
        self._signed(self.settings.url, self._headers(), b"")
        if self.settings.url.startswith("https:"):
            context_for(tls_settings(self.settings.tls_config))

    def _deliver(
        self, scrapes: Sequence[Scrape], families: Mapping[str, Family], deadline_s: float
    ) -> Delivery:
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
        batches = cut(scrapes, max_samples=settings.queue_config.max_samples_per_send)
        sent = send_in_order(settings.name, batches, self._push, patience)
        if sent.failed and not sent.sent:  # it would not hear of metadata either
            return sent
        told = self._tell(families, patience)
        return sent if told is None else told.add(sent)

    def _push(self, batch: Batch, attempt: int, timeout_s: float) -> int:
        try:
            return self._sink.push(batch, attempt, timeout_s)
        except ConfigError as error:  # a secret or a certificate that went away while we run
            raise PushError(str(error)) from None

    def _tell(self, families: Mapping[str, Family], patience: Patience) -> Delivery | None:
        block, count = self.settings.metadata_config, len(families)
        now_ms = int(self._world.monotonic_s() * 1000)
        name, interval_ms = self.settings.name, block.send_interval.ms
        due = self._metadata.due(name, families, now_ms, interval_ms) if block.send else ()
        if not due:
            return None
        requests = metadata.cut(due, max_per_request=block.max_samples_per_send)
        told = send_in_order(name, requests, self._push, patience)
        if not told.error:
            self._metadata.told(name, count, now_ms, interval_ms)
        return told

    def _headers(self) -> dict[str, str]:
        headers = dict(self.settings.headers)
        auth = auth_header(self.settings.basic_auth, self.settings.authorization, self._secrets.resolve)
        if auth:
            headers["Authorization"] = auth
        return headers

    def _signed(self, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """The headers as they are sent: signed for AWS when the configuration says so."""
        if self.settings.sigv4 is None:
            return headers
        from pushvar.net.auth.sigv4 import region_and_credentials, signed

        region, credentials = region_and_credentials(
            self.settings.sigv4, self._secrets.resolve, self._world.environment
        )
        now_s = self._world.now_ms() / 1000
        return signed(url, headers, body, region=region, credentials=credentials, now_s=now_s)

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

    def check(self) -> None:
        """Raise ConfigError when a secret or a TLS file of any of them is not there."""
        for backend in self._backends:
            backend.check()

    def close(self) -> None:
        """Close all connections."""
        for backend in self._backends:
            backend.close()
