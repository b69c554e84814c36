"""CPU and memory per target at 100, 1,000 and 10,000 targets, in one process for each size.

Each size has a client of its own, a process that runs whole cycles as ``pushvar run`` does: fetch, convert,
staleness, push, commit to SQLite. Targets and receiver are other processes. All clients are there from the
start, take turns and run as many cycles: memory grows in the first ones whatever the number of targets. CPU
is what a client says of itself; memory is what the kernel says when the last round is over.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise, starmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import client, servers, workload
from benchmarks.alone import command
from benchmarks.measure import Spread, in_turns, spread
from benchmarks.tables import Section, whole
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

SIZES, ROUNDS = (100, 1_000, 10_000), 5

_WARM_UP = 2  # cycles: plans and templates are made, connections open
_PORTS = 2_500  # of one program: 10,000 ports and their connections are more files than many systems allow
_KIB, _MEGA = 1_024, 1e6


@dataclass(frozen=True, slots=True)
class Size:
    """One number of targets: CPU of a target in a warm cycle in µs, its memory in MB of 10^6 bytes.

    ``rss_mb`` is what was resident after the last cycle, ``peak_mb`` the most that ever was. ``added_kb`` is
    what each target took that the size before did not have, None for the first: what the process takes
    without any target is not in it.
    """

    targets: int
    cpu_us: Spread
    rss_mb: float
    peak_mb: float
    added_kb: float | None = None

    @property
    def rss_kb(self) -> float:
        """Memory of the whole process, shared among its targets."""
        return self.rss_mb * 1e3 / self.targets


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
    """Measure all sizes on the same targets. Raises Failed; needs Linux."""
    servers.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        served = [stack.enter_context(one) for one in _servers(max(sizes), folder)]
        ports = [port for one in served for port in one.ports]
        receiver = stack.enter_context(servers.receiver())
        clients = {
            count: stack.enter_context(_client(folder / str(count), ports[:count], receiver.url, environment))
            for count in sorted(sizes)
        }
        shown = iter(range(1_000_000))

        def cycle_us(count: int, _: int) -> float:
            generation = next(shown)
            for one in served:
                one.show(generation)
            return clients[count].cycle_s() * 1e6 / count

        variants = {str(count): partial(cycle_us, count) for count in clients}
        in_turns(variants, _WARM_UP, lambda: None)
        measured = in_turns(variants, rounds, progress)
        found = [_size(count, one, measured[str(count)]) for count, one in clients.items()]
    return Growth(rounds, served[0].made_with, (found[0], *starmap(_beside, pairwise(found))))


def _servers(count: int, folder: Path) -> Iterator[AbstractContextManager[servers.Targets]]:
    """Programs for so many targets together."""
    for first in range(0, count, _PORTS):
        own = folder / f"targets-{first}"
        own.mkdir()
        yield servers.targets(min(_PORTS, count - first), own)


def _size(count: int, one: Running, measured_us: Sequence[float]) -> Size:
    return Size(count, spread(measured_us), one.memory_mb("VmRSS"), one.memory_mb("VmHWM"))


def _beside(before: Size, size: Size) -> Size:
    """A size with what it has more than the one before."""
    added_kb = (size.rss_mb - before.rss_mb) * 1e3 / (size.targets - before.targets)
    return replace(size, added_kb=added_kb)


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
        f"Growth: CPU and memory by the number of targets x {workload.SERIES} series, {result.rounds} rounds",
        (
            "targets", "CPU, µs per target", "least to most", "MB resident", "peak", "kB per target",
            "kB per further target",
        ),
        tuple(
            (
                f"{size.targets:,}", whole(size.cpu_us.median),
                f"{size.cpu_us.low:.0f}-{size.cpu_us.high:.0f}",
                whole(size.rss_mb), whole(size.peak_mb), f"{size.rss_kb:.1f}",
                "" if size.added_kb is None else f"{size.added_kb:.1f}",
            )
            for size in result.sizes
        ),
        f"Targets served by {result.served_by}.",
    )  # fmt: skip


main = command("growth", f"CPU and memory of a target at 100 to 10,000 targets x {workload.SERIES} series.")

if __name__ == "__main__":
    main()
