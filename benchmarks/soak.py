"""A soak: thousands of cycles of an ordinary life, and whether anything grows.

The forwarder of ``pushvar run`` is a process of its own, whose clocks are set on by a minute for each cycle.
It has two backends, a state in SQLite and a list of targets in a file; targets are replaced, restart, change
their documents, fail and hang, one of the backends refuses for 50 cycles and comes back, and the
configuration changes every 500 cycles (``soak_life``). After each cycle the process says what it has.

``python -m benchmarks.soak [--cycles 3000] [--targets 200] [--quick] [--markdown]``; it takes half a second
for a cycle.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from benchmarks import measure, servers, soak_client, soak_life, workload
from benchmarks.soak_figures import PER, Slope, moments, slope
from benchmarks.tables import Section, console_for, show
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CYCLES, TARGETS = 3_000, 200
QUICK_CYCLES, QUICK_TARGETS = 300, 40
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
FIGURES = {
    "rss_mb": "resident memory, MB",
    "blocks": "memory blocks of the interpreter",
    "objects": "objects that the collector knows",
    "descriptors": "open descriptors",
    "threads": "threads",
    "state_mb": "files of the state in SQLite, MB",
    "used_mb": "of it in use, MB",
    "cpu_ms": "CPU of a cycle, ms",
}
_COUNTS = 200  # how often what is in memory is counted
_TYPES = 6  # that are named
_FILE = "targets.json"
_DROPPED = ("go_memstats_m[cs].*", "go_memstats_heap_(alloc|idle|inuse|sys)_bytes")  # four each


@dataclass(frozen=True, slots=True)
class Soak:
    """A run: what the process said after each cycle, the first one first."""

    targets: int
    said: tuple[dict[str, Any], ...]

    @property
    def cycles(self) -> int:
        """How many there were."""
        return len(self.said)

    def samples(self, figure: str) -> list[tuple[int, float]]:
        """Cycle (from 1) and figure, of the cycles that have it."""
        return [(number, one[figure]) for number, one in enumerate(self.said, 1) if figure in one]

    def slope(self, figure: str) -> Slope | None:
        """That of the second half."""
        return slope(self.samples(figure), self.cycles)

    def scrapes(self) -> Counter[str]:
        """How many there were of each reason."""
        return sum((Counter(one["scrapes"]) for one in self.said), Counter())

    def delivered(self, backend: str) -> Counter[str]:
        """What became of the samples for a backend; ``waiting`` are those at the end."""
        total: Counter[str] = Counter()
        for one in self.said:
            total.update(one["deliveries"].get(backend, {}))
        total["waiting"] = self.said[-1]["deliveries"].get(backend, {}).get("waiting", 0)
        return total

    def grown_types(self) -> list[tuple[str, int]]:
        """The types of which there are most more at the end than in the middle."""
        counts = [one["types"] for one in self.said[self.cycles // 2 :] if "types" in one]
        more = Counter(counts[-1])
        more.subtract(counts[0])
        return [(name, count) for name, count in more.most_common(_TYPES) if count > 0]


class Life:
    """Lets happen what the cycle brings."""

    def __init__(self, folder: Path, targets: servers.Targets, backends: Sequence[servers.Receiver]) -> None:
        self._folder = folder
        self._targets = targets
        self._backends = backends
        self._pods: tuple[soak_life.Pod, ...] = ()
        self._revision = -1
        self._away = False

    def begin(self, cycle: int) -> None:
        """Everything is as it is to be in that cycle."""
        self._targets.show(cycle)
        if (pods := soak_life.pods(cycle, len(self._targets.ports))) != self._pods:
            self._pods = pods
            self._write(_FILE, groups(pods, self._targets.ports))
        if (revision := soak_life.revision(cycle)) != self._revision:
            self._revision = revision
            self._write(soak_client.CONFIG, configuration(revision, [one.url for one in self._backends]))
        if (away := soak_life.is_away(cycle)) != self._away:
            self._away = away
            _tell(self._backends[-1], "PUT" if away else "DELETE")

    def _write(self, name: str, content: object) -> None:
        new = self._folder / f"{name}.new"
        new.write_text(json.dumps(content))
        new.replace(self._folder / name)


def groups(pods: Sequence[soak_life.Pod], ports: Sequence[int]) -> list[dict[str, Any]]:
    """The list of targets."""
    return [
        {
            "targets": [f"127.0.0.1:{ports[pod.slot]}"],
            "labels": {"pod": pod.name, "customer_id": f"cust-{pod.slot % 40:03}"},
        }
        for pod in pods
    ]


def configuration(revision: int, urls: Sequence[str]) -> dict[str, Any]:
    """The configuration; versions drop other series, always as many, and have another timeout."""
    document: dict[str, Any] = json.loads(workload.configuration([], urls[0]))
    document["global"] |= {"self_metrics": True, "scrape_timeout": f"{500 + revision % 2}ms"}
    job = document["scrape_configs"][0]
    del job["static_configs"]
    job["file_sd_configs"] = [{"files": [_FILE], "refresh_interval": "30s"}]
    dropped = {"source_labels": ["__name__"], "regex": _DROPPED[revision % 2], "action": "drop"}
    job["metric_relabel_configs"] = [dropped]
    document["remote_write"] = [
        {"name": name, "url": url} for name, url in zip(("well", "away"), urls, strict=True)
    ]
    return document


def run(cycles: int, targets: int, progress: Callable[[], object] = lambda: None) -> Soak:
    """Live that long. Raises Failed when the process ends or skips a cycle; needs Linux."""
    servers.raise_file_limit()
    every = max(1, cycles // _COUNTS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        served = stack.enter_context(_targets(targets))
        backends = [stack.enter_context(servers.receiver()) for _ in range(2)]
        life = Life(folder, served, backends)
        life.begin(0)
        ask = stack.enter_context(_client(folder))
        said = []
        for cycle in range(1, cycles + 1):
            life.begin(cycle)
            said.append(ask("count" if cycle % every == 0 else "cycle"))
            progress()
    return Soak(targets, tuple(said))


@contextmanager
def _targets(count: int) -> Iterator[servers.Targets]:
    with _answering("benchmarks.soak_life", str(count)) as process:
        assert process.stdout is not None
        ports = tuple(map(int, process.stdout.readline().split()))
        yield servers.Targets(f"Python {sys.version.split()[0]}, asyncio", ports)


@contextmanager
def _client(folder: Path) -> Iterator[Callable[[str], dict[str, Any]]]:
    with _answering("benchmarks.soak_client", str(folder)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        writes, reads = process.stdin, process.stdout

        def ask(what: str) -> dict[str, Any]:
            writes.write(f"{what}\n")
            writes.flush()
            said: dict[str, Any] = json.loads(reads.readline() or '{"skipped": "the process ended"}')
            if said["skipped"] or said["problems"]:
                raise servers.Failed(f"a cycle failed: {said['skipped'] or said['problems']}")
            return said

        if not reads.readline():
            raise servers.Failed("the process ended before its first cycle; its words are above")
        yield ask


@contextmanager
def _answering(module: str, argument: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", module, argument]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        try:
            yield process
        finally:
            process.stdin.close()


def _tell(receiver: servers.Receiver, method: str) -> None:
    connection = HTTPConnection("127.0.0.1", receiver.port, timeout=30)
    connection.request(method, "/outage")
    connection.getresponse().read()
    connection.close()


def section(result: Soak) -> Section:
    """The table of a run."""
    return Section(
        f"A soak of {result.cycles:,} cycles with {result.targets} targets",
        (
            "what, after", *(f"{share:.0%}" for share in SHARES),
            f"second half, per {PER:,} cycles", "within", "which says",
        ),
        tuple(_row(result, figure) for figure in FIGURES),
        _note(result),
    )  # fmt: skip


def _row(result: Soak, figure: str) -> tuple[str, ...]:
    digits = 2 if figure.endswith(("_mb", "_ms")) else 0
    found = result.slope(figure)
    at = [f"{value:,.{digits}f}" for value in moments(result.samples(figure), result.cycles, SHARES)]
    if found is None:
        return (FIGURES[figure], *at, "", "", "too short a run")
    return (FIGURES[figure], *at, f"{found.rise:+,.2f}", f"± {found.bound:,.2f}", found.verdict)


def _note(result: Soak) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in result.scrapes().most_common())
    fates = result.delivered("away")
    kept = ", ".join(f"{fate} {count:,}" for fate, count in sorted(fates.items()) if count)
    versions = len({one["version"] for one in result.said})
    more = ", ".join(f"{name} +{count:,}" for name, count in result.grown_types()) or "none"
    return (
        f"Scrapes: {reasons}. Samples for the backend that is away now and then: {kept}."
        f" {versions:,} versions of the configuration and its targets. Slopes are of the medians of ten"
        f" blocks, ± is 95 %. Types with more objects at the end than in the middle: {more}."
    )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--cycles", default=None, type=click.IntRange(1), help=f"How many. [default: {CYCLES}]")
@click.option("--targets", default=None, type=click.IntRange(1), help=f"How many. [default: {TARGETS}]")
@click.option("--quick", is_flag=True, help=f"{QUICK_CYCLES} cycles and {QUICK_TARGETS} targets.")
@click.option("--json", "json_to", type=click.Path(dir_okay=False), help="What each cycle said, into a file.")
@click.option("--markdown", is_flag=True, help="The table as docs/performance.md has it.")
def main(
    *, cycles: int | None, targets: int | None, quick: bool, json_to: str | None, markdown: bool
) -> None:
    """Let the forwarder live for thousands of cycles and tell what grows. It judges nothing else."""
    cycles = cycles or (QUICK_CYCLES if quick else CYCLES)
    targets = targets or (QUICK_TARGETS if quick else TARGETS)
    try:
        with click.progressbar(length=cycles, file=sys.stderr, label="soak") as bar:
            result = run(cycles, targets, lambda: bar.update(1))
    except servers.Failed as error:
        raise click.ClickException(f"nothing was measured: {error}") from None
    if json_to:
        Path(json_to).write_text(json.dumps({"machine": measure.machine(), "said": result.said}))
    show(section(result), console_for(markdown=markdown), markdown=markdown)


if __name__ == "__main__":
    main()
