"""Cold start: CPU above the bare interpreter until the program is loaded, and until it has pushed once.

Each figure is a new process, user and system, with bytecode in place; the processes take turns. One
target, so that what is left after the imports is small.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import client, servers
from benchmarks.measure import Spread, in_turns, spread, without_bytecode
from benchmarks.processes import python_cpu_s
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BARE, IMPORT, CYCLE, COMMAND, SOURCE, NAIVE = "bare", "import", "cycle", "command", "source", "naive"
WORDS = {
    BARE: "python -c pass: the interpreter itself",
    IMPORT: "import pushvar.app.forwarder",
    CYCLE: "first cycle, imports included",
    COMMAND: "pushvar run --once, the whole command",
    SOURCE: "first cycle without bytecode",
    NAIVE: "the naive script's first cycle, imports included",
}
_ONE_CYCLE = """
import sys
from pathlib import Path
from benchmarks.client import client
client(sys.argv[1], Path(sys.argv[2])).cycle()
"""
_LISTED = 10  # imports that are worth a line


@dataclass(frozen=True, slots=True)
class ColdStart:
    """CPU in ms by kind of start: ``bare_ms`` in full, the others above it, round by round.

    ``imports_ms`` are the heaviest packages of the first cycle: the wall time of their own modules
    under ``-X importtime``, without what they import from other packages.
    """

    rounds: int
    bare_ms: Spread
    above_ms: dict[str, Spread]
    imports_ms: dict[str, float]


def run(rounds: int, environment: dict[str, str], progress: Callable[[], object]) -> ColdStart:
    """Start every kind of process that often; ``environment`` is one ``with_bytecode``."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        targets = stack.enter_context(servers.targets(1, folder))
        receiver = stack.enter_context(servers.receiver())
        client.prepare(folder, targets.ports, receiver.url)
        commands = _commands(folder)
        plain = without_bytecode(folder / "nothing")
        environments = {name: plain if name == SOURCE else environment for name in commands}
        for name, command in commands.items():
            python_cpu_s(command, environments[name])  # writes the bytecode
        variants = {name: partial(_once, commands[name], environments[name]) for name in commands}
        measured = in_turns(variants, rounds, progress)
        imports = _imports_ms(commands[BARE], commands[CYCLE], environment)
    above = {
        name: spread(own - bare for own, bare in zip(measured[name], measured[BARE], strict=True)).times(1e3)
        for name in WORDS
        if name != BARE
    }
    return ColdStart(rounds, spread(measured[BARE]).times(1e3), above, imports)


def _once(arguments: list[str], environment: dict[str, str], _round: int) -> float:
    return python_cpu_s(arguments, environment)


def _commands(folder: Path) -> dict[str, list[str]]:
    run_once = "from pushvar.cli.main import main; main()"
    options = ["--config", str(folder / client.CONFIG), "--state", f"sqlite:{folder / 'command.db'}"]
    return {
        BARE: ["-c", "pass"],
        IMPORT: ["-c", "import pushvar.app.forwarder"],
        CYCLE: ["-c", _ONE_CYCLE, "pushvar", str(folder)],
        COMMAND: ["-c", run_once, "run", "--once", *options],
        SOURCE: ["-c", _ONE_CYCLE, "pushvar", str(folder)],
        NAIVE: ["-c", _ONE_CYCLE, "naive", str(folder)],
    }


def _imports_ms(bare: list[str], whole: list[str], environment: dict[str, str]) -> dict[str, float]:
    """The packages that ``whole`` imports and ``bare`` does not, heaviest first."""
    before, after = own_ms(_import_times(bare, environment)), own_ms(_import_times(whole, environment))
    packages: defaultdict[str, float] = defaultdict(float)
    for module in after.keys() - before.keys():
        packages[module.partition(".")[0]] += after[module]
    heaviest = sorted(packages.items(), key=lambda package: -package[1])
    return dict(heaviest[:_LISTED])


def _import_times(arguments: list[str], environment: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stderr.splitlines()


def own_ms(lines: Iterable[str]) -> dict[str, float]:
    """Module -> its own time, from what ``-X importtime`` prints (own µs | cumulative | name)."""
    found = {}
    for line in lines:
        fields = line.removeprefix("import time:").split("|")
        if len(fields) == len(("self", "cumulative", "name")) and fields[0].strip().isdecimal():
            found[fields[2].strip()] = int(fields[0]) / 1e3
    return found
