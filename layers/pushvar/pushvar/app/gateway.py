"""The front door for batch jobs, joined: configuration, credentials, state; one object for every door."""

from __future__ import annotations

import secrets as chance
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from pushvar.app.type_tables import TypeTables
from pushvar.collect.groups import sweep
from pushvar.config.schema import Gateway
from pushvar.errors import ConfigError, StateError
from pushvar.jobs.api import Effects, PushApi
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.app.world import World
    from pushvar.jobs.exchange import PushReply, PushRequest
    from pushvar.state.protocol import StateStore

RELOAD_S = 30.0
"""How long a configuration is used before the registry is asked whether there is another one."""

SWEEP_S = 3600.0

VERSION_BYTES = 8


Problems = tuple[ConfigError, ...]


class GatewayDoor:
    """Takes requests by the configuration of the moment; threads may share it.

    ``settings`` gives the block in use now, and what is wrong with a newer one; it may raise ConfigError.
    The last good one then works on. With ``sweeps`` groups that ended long ago are removed: where no table
    does it by itself, and perhaps nobody forwards.
    """

    def __init__(
        self,
        settings: Callable[[], tuple[Gateway, Problems]],
        state: StateStore,
        world: World,
        *,
        sweeps: bool = False,
    ) -> None:
        self._settings, self._state, self._world = settings, state, world
        self._secrets = Secrets(world.environment, world.read_file, world.monotonic_s)
        self._tables = TypeTables(state, world.monotonic_s)
        self._lock = threading.Lock()
        self._block, self.problems = settings()
        self._api = self._api_of(self._block)
        self._asked_s = self._swept_s = world.monotonic_s()
        self._sweeps = sweeps

    def _api_of(self, block: Gateway) -> PushApi:
        effects = Effects(
            store=self._state,
            settle=self._tables,
            secret=self._secrets.resolve,
            now_ms=self._world.now_ms,
            new_version=partial(chance.token_urlsafe, VERSION_BYTES),
        )
        return PushApi(block, effects)

    @property
    def settings(self) -> Gateway:
        """The block in use."""
        return self._block

    @property
    def anonymous_only(self) -> bool:
        """Whether no credential is configured: whoever reaches the door may push."""
        return not self._block.credentials

    def handle(self, request: PushRequest) -> PushReply:
        """Answer one request."""
        return self._current().handle(request)

    def push_event(self, event: object, principal: str = "") -> PushReply:
        """Take one event."""
        return self._current().push_event(event, principal)

    def _current(self) -> PushApi:
        """The API of the newest usable configuration; one thread at a time looks for it, the others go on."""
        now_s = self._world.monotonic_s()
        if now_s - self._asked_s >= RELOAD_S and self._lock.acquire(blocking=False):
            try:
                self._asked_s = now_s
                self._reload()
                if self._sweeps and now_s - self._swept_s >= SWEEP_S:
                    self._swept_s = now_s
                    with suppress(StateError):  # the same
                        sweep(self._state, self._world.now_ms())
            finally:
                self._lock.release()
        return self._api

    def _reload(self) -> None:
        try:
            block, self.problems = self._settings()
        except ConfigError as error:
            self.problems = (error,)
            return
        except StateError:  # the request meets it too, and tells
            return
        if block != self._block:
            self._block, self._api = block, self._api_of(block)

    def close(self) -> None:
        """Close the state store."""
        self._state.close()


def gateway_of(world: World) -> GatewayDoor:
    """The door that a function's environment describes. Raises ConfigError for what is not usable."""
    from pushvar.app.functions import REGISTRY, STATE, demand
    from pushvar.app.gateway_settings import GatewayParameter
    from pushvar.app.log_lines import log_share
    from pushvar.state import open_state

    log_share(world.environment)
    state = open_state(demand(world.environment, STATE, "aws:TABLE/BUCKET"))
    registry = demand(world.environment, REGISTRY, "ssm:/pushvar/<stage>")
    return GatewayDoor(GatewayParameter(registry, state).load, state, world)


def local_gateway(config: str | None, registry: str | None, state: str | None, world: World) -> GatewayDoor:
    """The door on one machine; without a configuration anybody may push, for the customer ``default``.

    Its state is that of ``pushvar run`` with the same configuration, unless ``state`` names another.
    Raises ConfigError.
    """
    from pushvar.app.last_good import LastGood
    from pushvar.app.world import default_state, means_of, state_name
    from pushvar.collect.registry import open_registry
    from pushvar.state import open_state

    reference = config or registry
    if reference is None:
        store = open_state(state or default_state(world, "gateway"))
        return GatewayDoor(lambda: (Gateway(anonymous="default"), ()), store, world, sweeps=True)
    store = open_state(state or default_state(world, state_name(reference)))
    good = LastGood(
        open_registry(reference, means_of(world)), store, world.now_ms, demand=lambda _config: None
    )

    def settings() -> tuple[Gateway, Problems]:
        snapshot = good.load()
        return snapshot.config.gateway, snapshot.problems if snapshot.outdated else ()

    return GatewayDoor(settings, store, world, sweeps=True)
