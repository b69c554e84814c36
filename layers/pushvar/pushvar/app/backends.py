"""The backends of one configuration, of every kind, side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING

from pushvar.app.remote_write_backend import RemoteWriteBackend
from pushvar.app.stamps import stamps_of
from pushvar.deliver.lane import forsaken
from pushvar.net.session import load_client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.app.http_backend import HttpBackend
    from pushvar.app.world import World
    from pushvar.config.schema import Config
    from pushvar.deliver.spool import Spool
    from pushvar.model import Delivery, Family, Load
    from pushvar.net.secrets import Secrets


class Backends:
    """All backends of a configuration; a slow one does not hold up the others.

    A request that is begun in time may take ``overrun_s`` longer than the deadline of its delivery. Requests
    end ``lane_s`` earlier for each lane, which may have to be kept.
    """

    def __init__(
        self, config: Config, secrets: Secrets, world: World, *, overrun_s: float = 0.0, lane_s: float = 0.0
    ) -> None:
        self._world = world
        external = config.global_.external_labels
        remotes = (RemoteWriteBackend(block, external, secrets, world) for block in config.remote_write)
        self._backends: list[HttpBackend] = [*remotes]
        if config.pushgateways:  # who has none loads nothing for them
            from pushvar.app.pushgateway_backend import PushgatewayBackend

            stamp = stamps_of(config)
            gateways = (
                PushgatewayBackend(block, external, stamp, secrets, world) for block in config.pushgateways
            )
            self._backends += gateways
        for backend in self._backends:
            backend.overrun_s, backend.lane_s = overrun_s, lane_s
        self._ready = False

    def get_ready(self) -> None:
        """Load what the first request needs, in a thread: the fetches that begin now mostly wait.

        It would take the first samples of a new process a tenth of a second. Later calls do nothing.
        """
        if not self._ready:
            self._ready = True
            Thread(target=load_client, name="push client").start()

    def deliver(
        self, load: Load, families: Mapping[str, Family], deadline_s: float, spool: Spool
    ) -> tuple[Delivery, ...]:
        """Send the scrapes of a load, and what waits in the spool, to every backend that it is for.

        One delivery for each, in the order of the configuration, ``remote_write`` first; then those of
        backends that the configuration does not have any more, when something of theirs was given up.
        """
        everything = [*load.gone, *load.fresh] if load.gone else load.fresh

        def deliver(backend: HttpBackend) -> Delivery:
            scrapes = load.fresh if backend.takes_parts else everything
            return backend.deliver(backend.wanted(scrapes), families, deadline_s, spool)

        meant = [one for one in self._backends if load.whole or one.takes_parts]
        left = forsaken(spool, [one.name for one in self._backends], self._world.now_ms())
        if len(meant) <= 1:
            return (*map(deliver, meant), *left)
        with ThreadPoolExecutor(len(meant)) as pool:
            return (*pool.map(deliver, meant), *left)

    def each(self) -> Sequence[HttpBackend]:
        """All of them, in the order of the configuration."""
        return tuple(self._backends)

    def check(self) -> None:
        """Raise ConfigError when a secret or a TLS file of any of them is not there."""
        for backend in self._backends:
            backend.check()

    def close(self) -> None:
        """Close all connections."""
        for backend in self._backends:
            backend.close()
