"""The first cycle of a cold process, from the start of its interpreter to its end: CPU per target.

``pushvar run --once`` on 500 targets, as cron runs it: with a state that knows the targets and with an empty
one. Beside it the script's first cycle, a process of its own as well. Bytecode is in place; the processes
take turns.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import client, servers, workload
from benchmarks.alone import command
from benchmarks.measure import Spread, in_turns, ratios, spread
from benchmarks.processes import python_cpu_s
from benchmarks.tables import Section, least_to_most, times, whole

if TYPE_CHECKING:
    from collections.abc import Callable

KNOWN, NEW, NAIVE = "known", "new", "naive"
WORDS = {
    KNOWN: "pushvar run --once, its state knows the targets",
    NEW: "pushvar run --once, with an empty state",
    NAIVE: "the naive script, one cycle",
}
_PUSHVAR = "from pushvar.cli.main import main; main()"
_SCRIPT = """
import sys
from pathlib import Path
from benchmarks.client import client
client("naive", Path(sys.argv[1])).cycle()
"""


@dataclass(frozen=True, slots=True)
class FirstCycle:
    """CPU of a whole process in µs per target by way, and how many times pushvar's with its state kept."""

    targets: int
    rounds: int
    bare_ms: Spread
    cpu_us: dict[str, Spread]
    ratio: dict[str, Spread]


def run(
    targets: int, rounds: int, environment: dict[str, str], progress: Callable[[], object] = lambda: None
) -> FirstCycle:
    """Start each kind of process that often; ``environment`` is one ``with_bytecode``. Raises Failed."""
    servers.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        served = stack.enter_context(servers.targets(targets, folder))
        receiver = stack.enter_context(servers.receiver())
        client.prepare(folder, served.ports, receiver.url)

        def cpu_s(arguments: list[str], number: int) -> float:
            served.show(number)
            return python_cpu_s(arguments, environment)

        def once(state: str) -> list[str]:
            options = ["--config", str(folder / client.CONFIG), "--state", f"sqlite:{folder / state}"]
            return ["-c", _PUSHVAR, "run", "--once", *options]

        variants: dict[str, Callable[[int], float]] = {
            "bare": lambda number: cpu_s(["-c", "pass"], number),
            KNOWN: lambda number: cpu_s(once("kept"), number),
            NEW: lambda number: cpu_s(once(f"new-{number}"), number),
            NAIVE: lambda number: cpu_s(["-c", _SCRIPT, str(folder)], number),
        }
        for variant in variants.values():
            variant(rounds)  # writes the bytecode, and the state that is kept
        measured = in_turns(variants, rounds, progress)
    return FirstCycle(
        targets,
        rounds,
        spread(measured["bare"]).times(1e3),
        {name: spread(measured[name]).times(1e6 / targets) for name in WORDS},
        {name: ratios(measured[name], measured[KNOWN]) for name in WORDS},
    )


def section(result: FirstCycle) -> Section:
    """The table of a run."""
    return Section(
        f"The first cycle of a cold process, {result.targets} targets x {workload.SERIES} series:"
        f" CPU in µs per target, interpreter and imports included, {result.rounds} rounds",
        ("process", "median", "least to most", "times the first"),
        tuple(
            (WORDS[name], whole(cpu.median), least_to_most(cpu), times(result.ratio[name]))
            for name, cpu in result.cpu_us.items()
        ),
        (
            f"The interpreter itself takes {result.bare_ms.median:.0f} ms, which is"
            f" {result.bare_ms.median * 1e3 / result.targets:.0f} µs per target here."
        ),
    )


main = command("first_cycle", "CPU of a whole process that forwards 500 targets once.")

if __name__ == "__main__":
    main()
