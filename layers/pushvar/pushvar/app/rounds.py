"""The rounds of a planned cycle: complete cycles, one after another inside one invocation.

Nothing wakes a function oftener than once a minute; jobs with shorter intervals have their turns here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.collect.schedule import current_round, intervals_ms, round_offsets
from pushvar.model import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.app.world import World
    from pushvar.collect.shards import ShardMessage
    from pushvar.config.schema import Config

_LEAST_S = 1.0
"""No round is begun with less time."""

_OVER = {"repeated", "resharded"}
"""A round that another run has made: that one makes the others too."""


def rounds(
    message: ShardMessage,
    config: Config,
    world: World,
    deadline_s: float,
    run: Callable[[int, float], Report],
) -> Iterator[Report]:
    """Run a cycle now, and one at each later moment of the minute at which a shorter interval begins.

    ``run`` takes the name of a round (Unix ms) and the seconds that it may take: until the next begins, or
    until ``deadline_s`` (on the clock of ``monotonic_s``). A moment that has passed is not made up for.
    """
    offsets = round_offsets(intervals_ms(config), message.cycle)
    at = current_round(offsets, world.now_ms() - message.due_ms)
    while True:
        left_s, later = deadline_s - world.monotonic_s(), offsets[at + 1 :]
        if later:
            left_s = min(left_s, (message.due_ms + later[0] - world.now_ms()) / 1000)
        report = run(message.cycle + offsets[at], max(left_s, _LEAST_S))
        yield report
        if not later or report.skipped in _OVER:
            return
        world.sleep(max(0.0, (message.due_ms + later[0] - world.now_ms()) / 1000))
        at = max(at + 1, current_round(offsets, world.now_ms() - message.due_ms))
        if deadline_s - world.monotonic_s() < _LEAST_S:
            detail = "the rounds before it took the time of the function"
            cycle = message.cycle + offsets[at]
            yield Report(message.shard, cycle, world.now_ms(), 0.0, skipped="late", detail=detail)
            return
