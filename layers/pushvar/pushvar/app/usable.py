"""Whether a configuration can be worked with here: its secrets are there, its TLS files can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.app.backends import Backends
from pushvar.app.engine import Engine
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.app.world import World
    from pushvar.collect.registry.protocol import Snapshot


def usable_in(world: World) -> Callable[[Snapshot], None]:
    """What raises ConfigError for a snapshot that is right in itself and cannot be used in this world."""
    secrets = Secrets(world.environment, world.read_file, world.monotonic_s)

    def demand(snapshot: Snapshot) -> None:
        Engine(snapshot.config, (), secrets).check()
        backends = Backends(snapshot.config, secrets, world)
        try:
            backends.check()
        finally:
            backends.close()

    return demand
