"""Rounds inside one invocation, when each takes its time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from pushvar.app.rounds import rounds
from pushvar.app.world import World
from pushvar.collect.shards import ShardMessage
from pushvar.config.load import load
from pushvar.model import Report

START_MS = 1_795_176_000_000
CONFIG = load("scrape_configs: [{job_name: a, scrape_interval: 10s, scrape_timeout: 5s}]", source="test")


@dataclass
class Clock:
    """A time that only work and sleep let pass; what each round was given, in seconds after the start."""

    took_s: list[float]
    now_s: float = 0.0
    given: list[tuple[int, float, float]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """As the real one, which refuses to go back."""
        assert seconds >= 0
        self.now_s += seconds

    def run(self, cycle: int, budget_s: float) -> Report:
        """A round that takes what was said."""
        self.given.append(((cycle - START_MS) // 1000, self.now_s, budget_s))
        self.now_s += self.took_s.pop(0)
        return Report("0", cycle, START_MS, 0.0)

    def all(self, deadline_s: float) -> list[Report]:
        """Run a message's rounds."""
        world = World(
            {}, str, lambda: START_MS + round(self.now_s * 1000), lambda: self.now_s, self.sleep, lambda: 0.5
        )
        message = ShardMessage(
            cycle=START_MS, planned_at=START_MS, shard="0", config_version="0" * 64, slice_version="1" * 64
        )
        return list(rounds(message, CONFIG, world, deadline_s, self.run))


@pytest.mark.parametrize(
    ("took_s", "begun"),
    [
        ([2.0] * 6, [(0, 0.0, 10.0), (10, 10.0, 10.0), (20, 20.0, 10.0), (30, 30.0, 10.0), (40, 40.0, 10.0),
                     (50, 50.0, 6.0)]),
        ([2.0, 13.0, 1.0, 1.0, 1.0, 1.0], [(0, 0.0, 10.0), (10, 10.0, 10.0), (20, 23.0, 7.0),
                                           (30, 30.0, 10.0), (40, 40.0, 10.0), (50, 50.0, 6.0)]),
        ([25.0, 1.0, 1.0, 1.0], [(0, 0.0, 10.0), (20, 25.0, 5.0), (30, 30.0, 10.0), (40, 40.0, 10.0),
                                 (50, 50.0, 6.0)]),
    ],
)  # fmt: skip
def test_each_at_its_moment(took_s: list[float], begun: list[tuple[int, float, float]]) -> None:
    """One that ran over delays the next; a moment that has passed altogether is left out."""
    clock = Clock([*took_s, 1.0])
    assert [one.skipped for one in clock.all(56.0)] == [""] * len(begun)
    assert clock.given == begun


def test_no_time_for_the_last() -> None:
    """It is told, and left to the next minute."""
    clock = Clock([1.0, 1.0, 1.0, 1.0, 15.9])
    reports = clock.all(56.0)
    assert [(one.cycle - START_MS, one.skipped) for one in reports[-2:]] == [(40_000, ""), (50_000, "late")]
