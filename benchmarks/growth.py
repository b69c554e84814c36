"""CPU and memory per target at 100, 1,000 and 10,000 targets, in one process.

Each size has a client of its own, a process that runs whole cycles as ``pushvar run`` does: fetch, convert,
staleness, push, commit to SQLite. Targets and receiver are other processes. Its CPU is what it says of
itself; its memory is what the kernel says when the last cycle is over. ``pushvar.net.client.IDLE_LIMIT``
connections stay open; of more targets, most are met on a new connection in every cycle.

Goals of issue 10: less than 80 MB resident for 1,000 targets; flat CPU and memory per target, at 10,000 no
more than at 1,000.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise, starmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pushvar.net.client import IDLE_LIMIT

from benchmarks import client, measure, servers, workload
from benchmarks.alone import command
from benchmarks.measure import Spread, spread
from benchmarks.tables import Section
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SIZES, ROUNDS = (100, 1_000, 10_000), 3
MEASURED_AT, LIMIT_MB = 1_000, 80
"""What 1,000 targets may have resident."""

_WARM_UP = 2  # cycles: plans and templates are made, connections open
_KIB = 1_024
_MEGA = 1e6


@dataclass(frozen=True, slots=True)
class Size:
    """One number of targets: CPU of a target in a warm cycle in µs, memory of the process in MB.

    ``rss_mb`` is what was resident after the last cycle, ``peak_mb`` the most that ever was. ``added_kb`` is
    what each target took that the size before did not have, None for the first: what the process takes
    without any target is not in it.
    """

    targets: int
    cpu_us: Spread
    rss_mb: float
    peak_mb: float
    added_kb: float | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """All sizes, the smallest first."""

    rounds: int
    served_by: str
    sizes: tuple[Size, ...]

    def size(self, targets: int) -> Size | None:
        """The one of so many targets, if it was measured."""
        return next((size for size in self.sizes if size.targets == targets), None)


@dataclass(frozen=True, slots=True)
class Running:
    """A client's process."""

    process: subprocess.Popen[str]

    def cycle_s(self) -> float:
        """Let it run a cycle; gives its CPU seconds."""
        assert self.process.stdin is not None
        self.process.stdin.write("cycle\n")
        self.process.stdin.flush()
        return self.hear_s()

    def hear_s(self) -> float:
        """CPU seconds of what it says next; raises Failed when it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise servers.Failed("the client failed; its words are above")
        said = json.loads(line)
        return float(said["user_s"] + said["system_s"])

    def memory_mb(self, key: str) -> float:
        """``VmRSS`` or ``VmHWM``, of Linux."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) * _KIB / _MEGA


def run(
    sizes: Sequence[int],
    rounds: int,
    environment: dict[str, str],
    progress: Callable[[], object] = lambda: None,
) -> Growth:
    """Measure one size after the other, all on the same targets. Raises Failed; needs Linux."""
    servers.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        targets = stack.enter_context(servers.targets(max(sizes), folder))
        receiver = stack.enter_context(servers.receiver())
        measured = []
        for count in sorted(sizes):
            with _client(folder / str(count), targets.ports[:count], receiver.url, environment) as one:
                measured.append(_size(count, one, targets, rounds))
            progress()
    return Growth(rounds, targets.made_with, (measured[0], *starmap(_beside, pairwise(measured))))


def _beside(before: Size, size: Size) -> Size:
    """A size with what it has more than the one before."""
    added_kb = (size.rss_mb - before.rss_mb) * 1_000 / (size.targets - before.targets)
    return replace(size, added_kb=added_kb)


def _size(count: int, one: Running, targets: servers.Targets, rounds: int) -> Size:
    taken_s = []
    for number in range(_WARM_UP + rounds):
        targets.show(number)
        taken_s.append(one.cycle_s())
    cpu_us = spread(taken_s[_WARM_UP:]).times(1e6 / count)
    return Size(count, cpu_us, one.memory_mb("VmRSS"), one.memory_mb("VmHWM"))


@contextmanager
def _client(folder: Path, ports: Sequence[int], url: str, environment: dict[str, str]) -> Iterator[Running]:
    """Start a client with its own configuration and state."""
    folder.mkdir()
    client.prepare(folder, ports, url)
    command_line = [sys.executable, "-m", "benchmarks.client", "pushvar", str(folder)]
    with subprocess.Popen(
        command_line,
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        try:
            one = Running(process)
            one.hear_s()  # it is ready
            yield one
        finally:
            process.stdin.close()


def section(result: Growth) -> Section:
    """The table of a run."""
    return Section(
        f"Growth: CPU and memory by the number of targets, {result.rounds} warm cycles",
        ("targets", "CPU, µs per target", "least to most", "MB resident", "peak", "kB per further target"),
        tuple(
            (
                f"{size.targets:,}", f"{size.cpu_us.median:.0f}",
                f"{size.cpu_us.low:.0f}-{size.cpu_us.high:.0f}",
                f"{size.rss_mb:.0f}", f"{size.peak_mb:.0f}",
                "" if size.added_kb is None else f"{size.added_kb:.1f}",
            )
            for size in result.sizes
        ),
        f"{' '.join(_goals(result))} Up to {IDLE_LIMIT} connections are kept; {result.served_by} serves.",
    )  # fmt: skip


def _goals(result: Growth) -> Iterator[str]:
    """What became of the goals that these sizes tell about."""
    at = result.size(MEASURED_AT)
    if at is None:
        yield f"The goals of issue 10 are about {MEASURED_AT:,} targets and more: not measured in this run."
        return
    yield _judged(
        f"Goal of issue 10, {MEASURED_AT:,} targets in less than {LIMIT_MB} MB", at.rss_mb < LIMIT_MB
    )
    most = result.sizes[-1]
    if most is not at:
        above = f"per target no more at {most.targets:,} than at {at.targets:,}"
        yield _judged(f"CPU {above}", most.cpu_us.median <= at.cpu_us.median)
        if at.added_kb is not None and most.added_kb is not None:
            yield _judged(f"Memory {above}", most.added_kb <= at.added_kb)


def _judged(goal: str, reached: bool) -> str:  # noqa: FBT001 - what is judged
    return f"{goal}: {'reached' if reached else 'falls short'}."


def _measured(quick: bool) -> list[Section]:  # noqa: FBT001 - what a command is told
    with TemporaryDirectory(prefix="pushvar-bench-") as cache:
        environment = measure.with_bytecode(Path(cache))
        return [section(run(SIZES[:2] if quick else SIZES, ROUNDS, environment))]


main = command(_measured, f"CPU and memory of a target at 100 to 10,000 targets x {workload.SERIES} series.")

if __name__ == "__main__":
    main()
