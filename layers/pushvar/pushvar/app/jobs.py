"""What the job wrapper, the Python API and the commands about jobs are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.app.jobs_destinations import Door, destination, where_of
from pushvar.app.jobs_presence import Presence, presence_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.app.jobs_destinations import Destination
    from pushvar.app.world import World
    from pushvar.jobs.run import Declared

HEARTBEAT_S = 30.0
PATIENCE_S = 10.0
"""How long the end of a job may take to be pushed, all in all."""

SLACK_S = 0.5
"""How much later than that nobody waits any more, whatever holds it up."""


def open_where(
    declared: Declared, to: str | None, remote_write: str | None, world: World
) -> Callable[[Callable[[], float]], Destination]:
    """What opens the way to where a job is told of, when it is first needed.

    Raises ConfigError for a job that has no group, or a URL that cannot be used.
    """
    declared.check()
    where = where_of(to, remote_write, world.environment)
    return lambda until_s: destination(declared, Door(where, world, until_s))


def presence(declared: Declared, world: World) -> Presence:
    """The run's presence on this machine; nobody sees it yet."""
    return Presence(presence_folder(world.environment), declared.grouping)
