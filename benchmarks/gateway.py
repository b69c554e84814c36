"""Many batch jobs that push at once: pushvar's gateway beside the real Pushgateway, at the same store sizes.

200 pushers, each with its own connection and its own group of 20 series, which it replaces again and again.
The store holds 0, 1,000 or 10,000 other groups. Both gateways do what they do by default: the Pushgateway
checks each push against all it has, which is where its time goes, and keeps its groups in memory (told not
to check, it answers before it has looked at a push, and is not compared); pushvar checks by family and has
each push on disk before it answers. The pushers are a Go program; their own CPU is told, so that it can be
seen that they wait.

``python -m benchmarks.gateway`` runs it alone. Linux only: CPU and memory are read from /proc.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from rich.console import Console

from benchmarks import measure
from benchmarks.gateway_servers import PUSHERS, PUSHGATEWAY, PUSHVAR, SERIES, WORDS, Gateway, Pushers, gateway
from benchmarks.measure import spread
from benchmarks.tables import Section, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.measure import Spread

SIZES = (0, 1_000, 10_000)
SECONDS = 5.0
ROUNDS = 3
_LARGE = 5_000  # from here on one round: a Pushgateway takes minutes for one push of each
_ALONE_S = 2.0
_MS = 1e3
_MEGA = 1e6


@dataclass(frozen=True, slots=True)
class Load:
    """One gateway at one store size. ``alone_ms`` is the median latency of a pusher without others beside it.

    ``cpu_ms`` is the server's CPU for each push, ``pushers_cores`` how many cores the pushers kept busy.
    """

    gateway: str
    stored: int
    pushes: int
    per_s: Spread
    median_ms: Spread
    p99_ms: Spread
    alone_ms: float
    cpu_ms: Spread
    rss_mb: float
    pushers_cores: float


@dataclass(frozen=True, slots=True)
class Pushing:
    """All loads of a run, by store size, the Pushgateway's before pushvar's."""

    pushers: int
    series: int
    loads: tuple[Load, ...]

    def of(self, name: str, stored: int) -> Load:
        """One of them."""
        return next(load for load in self.loads if (load.gateway, load.stored) == (name, stored))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The store sizes, smallest first."""
        return tuple(sorted({load.stored for load in self.loads}))


@dataclass(frozen=True, slots=True)
class _Turn:
    per_s: float
    median_ms: float
    p99_ms: float
    cpu_ms: float
    pushes: int
    cores: float


class _Series:
    """One gateway, pushed to in turns with the other."""

    def __init__(self, name: str, running: Gateway, pushers: Pushers, stored: int) -> None:
        self._name, self._running, self._pushers, self._stored = name, running, pushers, stored
        self._turns: list[_Turn] = []
        self._first, self._last = 1, (0,) * PUSHERS

    def turn(self, seconds: float) -> None:
        """Let all push; everything has to arrive."""
        cpu_s = self._running.cpu_s()
        pushed = self._pushers.load(self._running.url, pushers=PUSHERS, seconds=seconds, first=self._first)
        used_s = self._running.cpu_s() - cpu_s
        self._running.demand_arrived(self._stored, pushed.last)
        self._first = max(pushed.last) + 1
        self._turns.append(
            _Turn(
                pushed.pushes / pushed.wall_s, pushed.median_ms, pushed.p99_ms, used_s / pushed.pushes * _MS,
                pushed.pushes, pushed.cpu_s / pushed.wall_s,
            )
        )  # fmt: skip

    def alone(self) -> Load:
        """Let one push, and sum up."""
        one = self._pushers.load(self._running.url, pushers=1, seconds=_ALONE_S, first=self._first)
        turns = self._turns
        return Load(
            gateway=self._name,
            stored=self._stored,
            pushes=sum(turn.pushes for turn in turns),
            per_s=spread(turn.per_s for turn in turns),
            median_ms=spread(turn.median_ms for turn in turns),
            p99_ms=spread(turn.p99_ms for turn in turns),
            alone_ms=one.median_ms,
            cpu_ms=spread(turn.cpu_ms for turn in turns),
            rss_mb=self._running.resident_bytes() / _MEGA,
            pushers_cores=max(turn.cores for turn in turns),
        )


def run(
    sizes: Sequence[int] = SIZES,
    seconds: float = SECONDS,
    rounds: int = ROUNDS,
    done: Callable[[], object] = lambda: None,
) -> Pushing:
    """Push to both at every store size. Raises Failed when a push was refused or did not arrive."""
    loads: list[Load] = []
    with TemporaryDirectory(prefix="pushvar-bench-") as folder:
        pushers = Pushers(Path(folder))
        for stored in sizes:
            loads += _side_by_side(Path(folder), pushers, stored, seconds, 1 if stored >= _LARGE else rounds)
            done()
    return Pushing(PUSHERS, SERIES, tuple(loads))


def _side_by_side(folder: Path, pushers: Pushers, stored: int, seconds: float, rounds: int) -> list[Load]:
    with ExitStack() as both:
        series = []
        for name in WORDS:
            home = folder / f"{name}-{stored}"
            home.mkdir()
            series.append(
                _Series(name, both.enter_context(gateway(name, home, pushers, stored)), pushers, stored)
            )
        for _ in range(rounds):
            for one in series:
                one.turn(seconds)
        return [one.alone() for one in series]


def section(result: Pushing) -> Section:
    """The table of a run."""
    rows = []
    for stored in result.sizes:
        theirs, ours = result.of(PUSHGATEWAY, stored), result.of(PUSHVAR, stored)
        rows += [_row(theirs), _row(ours), _ratio(theirs, ours)]
    least, most = (result.of(PUSHVAR, size) for size in (result.sizes[0], result.sizes[-1]))
    cores = max(load.pushers_cores for load in result.loads)
    return Section(
        f"{result.pushers} pushers at once, {result.series} series a push, into stores that grow",
        ("stored groups", "pushes/s", "median, ms", "p99, ms", "alone, ms", "CPU, ms", "RSS, MB", "pushes"),
        tuple(rows),
        (
            f"From {least.stored:,} to {most.stored:,} stored groups a push takes pushvar"
            f" {most.cpu_ms.median / least.cpu_ms.median:.2f}x the CPU,"
            f" and {most.alone_ms / least.alone_ms:.2f}x the time alone."
            f" The pushers kept {cores:.2f} cores busy at most; each push was found in the store."
        ),
    )


def _row(load: Load) -> tuple[str, ...]:
    spreads = (load.per_s, load.median_ms, load.p99_ms, load.cpu_ms)
    per_s, median_ms, p99_ms, cpu_ms = (_shown(one.median) for one in spreads)
    times = (per_s, median_ms, p99_ms, _shown(load.alone_ms), cpu_ms)
    return (f"{load.stored:,}: {WORDS[load.gateway]}", *times, f"{load.rss_mb:.0f}", f"{load.pushes:,}")


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}"


def _ratio(theirs: Load, ours: Load) -> tuple[str, ...]:
    """How many times better ours is: more pushes, less of all else."""
    better = (
        ours.per_s.median / theirs.per_s.median,
        theirs.median_ms.median / ours.median_ms.median,
        theirs.p99_ms.median / ours.p99_ms.median,
        theirs.alone_ms / ours.alone_ms,
        theirs.cpu_ms.median / ours.cpu_ms.median,
        theirs.rss_mb / ours.rss_mb,
    )
    return (f"{ours.stored:,}: better by", *(f"{_shown(one)}x" for one in better), "")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--groups", multiple=True, type=int, default=SIZES, show_default=True, help="In the store before."
)
@click.option(
    "--seconds", default=SECONDS, show_default=True, help="Of one round; everybody pushes once at least."
)
@click.option("--rounds", default=ROUNDS, show_default=True, help="At each size; one from 5,000 groups on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def main(*, groups: tuple[int, ...], seconds: float, rounds: int, as_json: bool) -> None:
    """Run the gateways alone. It judges nothing; with 10,000 groups the Pushgateway takes minutes."""
    result = run(groups, seconds, rounds)
    if as_json:
        click.echo(json.dumps({"schema": 1, **asdict(result), "machine": measure.machine()}))
        return
    shown = section(result)
    console = Console()
    console.print(f"\n[bold]{shown.title}[/bold]")
    console.print(table_of(shown, markdown=False))
    console.print(shown.note, highlight=False)


if __name__ == "__main__":
    main()
