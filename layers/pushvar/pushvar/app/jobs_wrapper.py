"""``pushvar job run`` at work: a command runs, and somebody is told of it. The command always wins.

Its exit code is returned whatever happens to the metrics. What concerns them only, a URL, a label, a
secret, a lock, costs a word and never the job.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.app.jobs import HEARTBEAT_S, PATIENCE_S, SLACK_S, open_where, presence
from pushvar.app.jobs_child import FATAL, Child, NotStarted, hold_signals, woken
from pushvar.app.jobs_courier import Courier
from pushvar.app.jobs_records import RecordFiles, note
from pushvar.errors import ConfigError
from pushvar.jobs.run import Ending, Run, overlap_only, stage_duration
from pushvar.jobs.run_status import status_of
from pushvar.wire.exposition import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pushvar.app.jobs_courier import Say
    from pushvar.app.jobs_destinations import Destination
    from pushvar.app.jobs_presence import Presence
    from pushvar.app.world import World
    from pushvar.jobs.run import Declared

SKIPPED, TEMPORARILY_FAILED = 0, 75
"""Exit codes of a command that did not run because of another one: sysexits.h has EX_TEMPFAIL."""

KILL_AFTER_S = 10.0
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Options:
    """How a command is run and where it is told of; ``on_overlap`` is run, skip or fail."""

    to: str | None = None
    remote_write: str | None = None
    records: str | None = None
    stage: str = ""
    on_overlap: str = "run"
    heartbeat_s: float = HEARTBEAT_S
    kill_after_s: float = KILL_AFTER_S
    patience_s: float = PATIENCE_S


class Wrapper:
    """One command of one job; ``say`` is for words to a person."""

    def __init__(
        self, declared: Declared, options: Options, world: World, say: Callable[[str], None]
    ) -> None:
        self._declared = declared
        self._options = options
        self._world = world
        self._voice = say
        self._open: Callable[[Callable[[], float]], Destination] | None = None
        self._presence: Presence | None = None
        self._overlapping: bool | None = None
        self._files = RecordFiles(options.records)

    def run(self, command: Sequence[str]) -> int:
        """Run it to its end and give its exit code."""
        with self._spared():
            self._prepare()
        if self._overlapping and self._options.on_overlap != "run":
            with self._spared():
                self._pass_by()
            return SKIPPED if self._options.on_overlap == "skip" else TEMPORARILY_FAILED
        run = Run(self._declared, self._world.now_ms, overlapping=self._overlapping)
        told = self._files
        courier = self._courier(lambda first: run.live(told.read(whole=False).families(), first=first))
        ending = self._through(command, courier)
        with self._spared():
            self._tell(run, ending, courier)
        return ending.exit_code

    def _say(self, words: str) -> None:
        self._voice(f"{self._declared.name}: {words}")

    def _prepare(self) -> None:
        try:
            options = self._options
            self._open = open_where(self._declared, options.to, options.remote_write, self._world)
        except ConfigError as error:
            self._say(f"nothing is pushed: {error}")
        try:
            self._presence = presence(self._declared, self._world)
            self._overlapping = self._presence.enter()
        except (OSError, RuntimeError) as error:
            if self._options.on_overlap != "run":
                self._say(f"it runs, for whether another run is at work cannot be told: {error}")

    def _through(self, command: Sequence[str], courier: Courier | None) -> Ending:
        """The command from start to end. Nothing is told before it has started, and nothing holds it up."""
        world, limits = self._world, self._options
        if self._overlapping:
            self._say("another run is at work")
        began_s = world.monotonic_s()
        try:
            child = Child(command, {**world.environment, **self._files.environment})
        except NotStarted as error:
            self._say(str(error))
            return Ending(error.code, "not_started", 0.0)
        with self._spared():
            if courier is not None:
                courier.start()
        timeout_s = self._declared.timeout_s
        finished = child.wait(timeout_s, limits.kill_after_s)
        if finished.timed_out:
            self._say(f"ended, as it took longer than {timeout_s:g} s")
        status = status_of(finished.exit_code, heard=finished.heard, timed_out=finished.timed_out)
        duration_s = world.monotonic_s() - began_s
        return Ending(finished.exit_code, status, duration_s, finished.cpu_s, finished.max_rss_bytes)

    def _tell(self, run: Run, ending: Ending, courier: Courier | None) -> None:
        """Say how it ended, and wait for that no longer than agreed."""
        alone = self._presence is None or self._presence.leave()
        records = self._files.read(whole=True)
        if self._options.stage:
            records.stage(self._options.stage, ending.duration_s)
        self._files.remove()
        told = records.families()
        for problem in [*self._files.problems, *records.problems][:_SHOWN_PROBLEMS]:
            self._say(problem)
        self._finish(courier, lambda first: run.ended(ending, told, first=first, alone=alone))

    def _pass_by(self) -> None:
        """Say that it did not run; the group is the other run's."""
        self._say(f"another run is at work: {self._options.on_overlap} as asked")
        self._files.remove()
        hold_signals()
        said = overlap_only(self._world.now_ms())
        self._finish(self._courier(lambda _: said), lambda _: said)

    def _courier(self, live: Say) -> Courier | None:
        if self._open is None:
            return None
        return Courier(self._open, live, self._world, self._options.heartbeat_s, _wake)

    def _finish(self, courier: Courier | None, final: Say) -> None:
        """Wait for the end's push; whoever wants the wrapper to end, when the job has, gets that at once."""
        if courier is None:
            return
        courier.finish(final, self._options.patience_s)
        courier.start()
        monotonic_s = self._world.monotonic_s
        until_s = monotonic_s() + self._options.patience_s + SLACK_S
        called_off = False
        while not (courier.over.is_set() or called_off) and monotonic_s() < until_s:
            called_off = woken(until_s - monotonic_s()) in FATAL
        if courier.error:
            why = "a signal ended the wait" if called_off else courier.error
            self._say(f"the end of this run was not pushed: {why}")
        elif courier.refused:
            self._say(f"pushed without what the job set, which was refused: {courier.refused}")

    @contextmanager
    def _spared(self) -> Iterator[None]:
        """Whatever goes wrong with the metrics is told and forgotten."""
        try:
            yield
        except Exception as fault:  # noqa: BLE001 - the job's exit code is worth more than any of them
            with suppress(Exception):
                self._say(f"{type(fault).__name__}: {fault}")


def run_stage(
    command: Sequence[str],
    stage: str,
    options: Options,
    timeout_s: float,
    world: World,
    say: Callable[[str], None],
) -> int:
    """Run a command as one stage of the job that this process belongs to; gives its exit code."""
    began_s = world.monotonic_s()
    try:
        child = Child(command, world.environment)
    except NotStarted as error:
        say(f"{stage}: {error}")
        return error.code
    code = child.wait(timeout_s, options.kill_after_s).exit_code
    sample = stage_duration(stage, world.monotonic_s() - began_s)
    note(world.environment, [text.encode((sample,)).decode().splitlines()[-1]], say)
    return code


def _wake() -> None:
    """Let the main thread, which waits for signals, look again."""
    os.kill(os.getpid(), signal.SIGCHLD)
