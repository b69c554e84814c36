"""An outage of half an hour: what waits is spooled, and replayed once the backend is back.

1,000 targets of 60 series, every 60 s, into SQLite. The clock of the samples is set on, nothing is fetched:
only the delivery works, in a process of its own, whose memory is looked at. The receiver is another.

``python -m benchmarks.outage`` runs it alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

from benchmarks import measure, servers, workload
from benchmarks.tables import Section, table_of
from tests.components import REPOSITORY

TARGETS, CYCLES = 1_000, 30
REPLAY_LIMIT_S, MEMORY_LIMIT_MB = 120, 200
"""What issue 5 allows; shown beside what was measured."""


@dataclass(frozen=True, slots=True)
class Outage:
    """One run. Seconds are wall time; memory is in MB of 10^6 bytes.

    ``cycle_s`` is what a cycle of the outage takes, ``replay_s`` all that waits and ``replay_cycles`` in how
    many cycles; ``growth_mb`` is the peak of the process above what it had before the outage.
    """

    targets: int
    cycles: int
    spooled: int
    spool_mb: float
    cycle_s: float
    replayed: int
    replay_cycles: int
    replay_s: float
    replay_cpu_s: float
    growth_mb: float
    arrived: int


def run(targets: int = TARGETS, cycles: int = CYCLES) -> Outage:
    """Let a backend be away for so many cycles. Raises Failed when anything did not arrive in the end."""
    with TemporaryDirectory(prefix="pushvar-bench-") as folder, servers.receiver() as receiver:
        state = str(Path(folder) / "state.db")
        command = [sys.executable, "-m", "benchmarks.outage_client"]
        command += [receiver.url, state, str(targets), str(cycles)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise servers.Failed(f"the outage's client failed: {done.stderr[-2000:]}")
    found = Outage(targets=targets, cycles=cycles, **json.loads(done.stdout))
    if not found.spooled == found.replayed == targets * cycles * workload.SERIES:
        raise servers.Failed(f"{found.spooled} samples were spooled, and {found.replayed} replayed")
    return found


def section(result: Outage) -> Section:
    """The table of a run."""
    samples = result.targets * workload.SERIES
    return Section(
        f"An outage of {result.cycles} cycles with {samples:,} samples each, spooled into SQLite",
        ("what", "measured", "limit"),
        (
            ("a cycle while the backend is away", f"{result.cycle_s:.2f} s", ""),
            ("in the spool", f"{result.spooled:,} samples, {result.spool_mb:.1f} MB", ""),
            ("replay, wall time", f"{result.replay_s:.1f} s", f"{REPLAY_LIMIT_S} s"),
            ("replay, CPU", f"{result.replay_cpu_s:.1f} s", ""),
            ("growth of memory, at its peak", f"{result.growth_mb:.0f} MB", f"{MEMORY_LIMIT_MB} MB"),
        ),
        f"The replay took {result.replay_cycles} cycle(s), whose own samples went out behind it.",
    )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--targets", default=TARGETS, show_default=True, help="Of 60 series each.")
@click.option("--cycles", default=CYCLES, show_default=True, help="Of 60 s, without the backend.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def main(*, targets: int, cycles: int, as_json: bool) -> None:
    """Run the outage alone. It reports and judges nothing."""
    result = run(targets, cycles)
    if as_json:
        limits = {"replay_s": REPLAY_LIMIT_S, "growth_mb": MEMORY_LIMIT_MB}
        click.echo(
            json.dumps({"schema": 1, **asdict(result), "limits": limits, "machine": measure.machine()})
        )
        return
    shown = section(result)
    console = Console()
    console.print(f"\n[bold]{shown.title}[/bold]")
    console.print(table_of(shown, markdown=False))
    console.print(shown.note, highlight=False)


if __name__ == "__main__":
    main()
