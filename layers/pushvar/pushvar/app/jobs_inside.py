"""A job that runs inside this process, as Python code: told of as ``pushvar job run`` tells of a command."""

from __future__ import annotations

import logging
import os
import resource
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.app.jobs import HEARTBEAT_S, PATIENCE_S, SLACK_S, open_where, presence
from pushvar.app.jobs_courier import Courier
from pushvar.errors import ConfigError
from pushvar.jobs.records import Records
from pushvar.jobs.run import Ending, Run
from pushvar.jobs.run_status import outcome_of

if TYPE_CHECKING:
    from pushvar.app.jobs_presence import Presence
    from pushvar.app.world import World
    from pushvar.jobs.run import Declared

logger = logging.getLogger("pushvar.batch")

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_LEAST_S = 0.2
"""What the end's push is given however little time is left."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A job, and how it is told of."""

    declared: Declared
    to: str | None = None
    remote_write: str | None = None
    heartbeat_s: float = HEARTBEAT_S
    patience_s: float = PATIENCE_S


class InsideRun:
    """One run, which begins now. What goes wrong with its metrics is logged."""

    def __init__(self, telling: Telling, world: World) -> None:
        self.records = Records()
        self._telling = telling
        self._world = world
        self._process = os.getpid()
        self._began_s, self._began_cpu_s = world.monotonic_s(), _cpu_s()
        self._presence: Presence | None = None
        self._run = Run(telling.declared, world.now_ms, overlapping=self._enter())
        self._courier = self._start()
        self._budget_s = 0.0

    def end(self, error: BaseException | None, most_s: float | None = None) -> None:
        """It ended, by this error or well; pushing that may take ``most_s`` at most. Waits for nothing."""
        if os.getpid() != self._process:  # a fork of this process, which is not the job
            self._courier = None
            return
        code, status = outcome_of(error)
        duration_s = self._world.monotonic_s() - self._began_s
        ending = Ending(code, status, duration_s, _cpu_s() - self._began_cpu_s, _max_rss_bytes())
        alone = self._presence is None or self._presence.leave()
        told = self.records.families()
        self._budget_s = self._telling.patience_s if most_s is None else min(most_s, self._telling.patience_s)
        self._budget_s = max(self._budget_s, _LEAST_S)
        if self._courier is not None:
            self._courier.finish(
                lambda first: self._run.ended(ending, told, first=first, alone=alone), self._budget_s
            )

    def wait(self) -> None:
        """Wait until its end is pushed, or cannot be; no thread of it is left then, unless one hangs."""
        courier = self._courier
        if courier is None:
            return
        courier.wait(self._budget_s + SLACK_S)
        for problem in self.records.problems:
            self._log(problem)
        if courier.error:
            self._log(f"the end of this run was not pushed: {courier.error}")
        elif courier.refused:
            self._log(f"pushed without what the job set, which was refused: {courier.refused}")

    def _enter(self) -> bool | None:
        try:
            self._presence = presence(self._telling.declared, self._world)
            return self._presence.enter()
        except (OSError, RuntimeError):  # no folder to write to, as on Lambda: nobody knows
            return None

    def _start(self) -> Courier | None:
        telling, told = self._telling, self.records.families
        try:
            way = open_where(telling.declared, telling.to, telling.remote_write, self._world)
        except ConfigError as error:
            self._log(f"nothing is pushed: {error}")
            return None
        courier = Courier(
            way, lambda first: self._run.live(told(), first=first), self._world, telling.heartbeat_s
        )
        courier.start()
        return courier

    def _log(self, words: str) -> None:
        logger.warning("job %s: %s", self._telling.declared.name, words)


def _cpu_s() -> float:
    """CPU time of this process and of the children that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _max_rss_bytes() -> int:
    """Peak memory of the largest of them; that of this process is of its whole life."""
    whos = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in whos) * _MAXRSS_UNIT
