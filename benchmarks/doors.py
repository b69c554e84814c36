"""What each door of pushvar costs to open: modules loaded, CPU and wall time, beside a budget.

A door is what somebody starts: a command, the wrapper of a batch job, a Lambda function's handler. Each start
is a new process, with bytecode in place; the doors take turns. Where a door talks to a target, a backend or a
gateway, this process answers. Modules are those that the bare interpreter does not load; the budget of them
is a test (tests/io/test_cold_start.py), that of CPU is information, for machines differ.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING

import click

from benchmarks import client, measure, workload
from benchmarks.cold_start import own_ms
from benchmarks.measure import Spread, in_turns, spread
from benchmarks.servers import Failed
from benchmarks.tables import Section, console_for, show
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROUNDS, QUICK_ROUNDS = 11, 3
AWS = frozenset({"boto3", "botocore.session"})
PUSH = frozenset({"requests", "urllib3"})
FORMATS = frozenset({"google.protobuf", "snappy", "yaml"})
WORK = frozenset({"asyncio", "pushvar.app.forwarder", "pushvar.app.worker", "sqlite3", "re2", "dns"})
SHOW = frozenset({"rich.console", "rich.table", "waitress"})

_COMMAND = "from pushvar.cli.main import main; main()"
_LISTED = 4  # packages that are named


@dataclass(frozen=True, slots=True)
class Door:
    """How it is opened, and its budget.

    ``modules`` is how many it may load that are not of the standard library, of which each Python has its
    own; ``forbidden`` are modules that it has no use for; ``cpu_ms`` is above the bare interpreter.
    """

    words: str
    arguments: tuple[str, ...]
    modules: int
    cpu_ms: int
    forbidden: frozenset[str]
    path: str = ""


def _command(*arguments: str) -> tuple[str, ...]:
    return ("-c", _COMMAND, *arguments)


HELP, VERSION, RUN_HELP, CHECK_HELP = "help", "version", "run_help", "check_help"
ONCE, JOB, BATCH, APP = "once", "job", "batch", "app"
PLAN, FORWARD, GATEWAY = "plan", "forward", "gateway"
DOORS = {
    HELP: Door("pushvar --help", _command("--help"), 70, 130, AWS | PUSH | FORMATS | WORK | SHOW),
    VERSION: Door("pushvar version", _command("version"), 25, 80, AWS | PUSH | FORMATS | WORK | SHOW),
    RUN_HELP: Door(
        "pushvar run --help", _command("run", "--help"), 30, 60, AWS | PUSH | FORMATS | WORK | SHOW
    ),
    CHECK_HELP: Door(
        "pushvar check --help", _command("check", "--help"), 30, 60, AWS | PUSH | FORMATS | WORK | SHOW
    ),
    JOB: Door(
        "pushvar job run -- true",
        _command("job", "run", "--job", "nightly", "--to", "{url}", "--", "true"),
        215, 240, AWS | FORMATS | SHOW | WORK,
    ),
    BATCH: Door(
        "import pushvar.batch", ("-c", "import pushvar.batch"), 80, 100, AWS | PUSH | FORMATS | WORK | SHOW
    ),
    APP: Door(
        "import pushvar.app.forwarder", ("-c", "import pushvar.app.forwarder"), 220, 200,
        AWS | PUSH | SHOW | frozenset({"google.protobuf", "yaml", "sqlite3", "re2", "dns", "click"}),
    ),
    ONCE: Door(
        "pushvar run --once, 1 target",
        _command("run", "--once", "-c", "{folder}/pushvar.yml", "--state", "sqlite:{folder}/once.db"),
        350, 330, AWS | SHOW | frozenset({"google.protobuf", "re2", "dns"}),
    ),
    **{
        name: Door(
            f"functions/{name}", ("-c", "import handler"), 165, 180,
            AWS | PUSH | FORMATS | SHOW | frozenset({"asyncio", "sqlite3", "re2", "dns", "click"}),
            f"functions/{name}",
        )
        for name in (PLAN, FORWARD, GATEWAY)
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opened:
    """What a door took: CPU above the bare interpreter and wall time in ms; ``own_ms`` are its modules."""

    cpu_ms: Spread
    wall_ms: Spread
    modules: Mapping[str, float]

    @property
    def foreign(self) -> list[str]:
        """The modules that are not of the standard library."""
        return counted(self.modules)

    @property
    def heaviest(self) -> list[tuple[str, float]]:
        """The packages whose own modules take longest, in ms of wall time."""
        packages: defaultdict[str, float] = defaultdict(float)
        for module, taken_ms in self.modules.items():
            packages[module.partition(".")[0]] += taken_ms
        return sorted(packages.items(), key=lambda package: -package[1])[:_LISTED]


def counted(modules: Mapping[str, float]) -> list[str]:
    """Those of the modules that a budget counts."""
    return sorted(module for module in modules if module.partition(".")[0] not in sys.stdlib_module_names)


class _Answer(BaseHTTPRequestHandler):
    """A target, a backend and a gateway in one."""

    document = workload.document(0)

    def do_GET(self) -> None:
        self._answer(self.document)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(b"")

    def do_PUT(self) -> None:
        self.do_POST()

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Say nothing."""


class House:
    """A folder with a configuration, and somebody who answers behind every door."""

    def __init__(self, folder: Path, port: int, environment: Mapping[str, str]) -> None:
        self._words = {"folder": str(folder), "url": f"http://127.0.0.1:{port}"}
        self._environment = {
            **environment,
            "XDG_STATE_HOME": str(folder),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        client.prepare(folder, [port], f"{self._words['url']}/write")

    def start(self, door: Door | None, *options: str) -> subprocess.Popen[str]:
        """A process that opens a door; None is the bare interpreter."""
        arguments = [one.format(**self._words) for one in door.arguments] if door else ["-c", "pass"]
        path = {"PYTHONPATH": str(REPOSITORY / door.path)} if door and door.path else {}
        return subprocess.Popen(
            [sys.executable, *options, *arguments], cwd=self._words["folder"], text=True,
            env={**self._environment, **path}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    def modules(self, door: Door | None) -> dict[str, float]:
        """All modules that it loads, each with its own time in ms. Raises Failed."""
        with self.start(door, "-X", "importtime") as process:
            _, said = process.communicate()
        _demand(process.returncode, said)
        return own_ms(said.splitlines())

    def cost_s(self, door: Door | None, _: int) -> tuple[float, float]:
        """CPU and wall time of a start, in seconds. Raises Failed."""
        began_s = time.perf_counter()
        with self.start(door) as process:
            assert process.stderr is not None
            said = process.stderr.read()
            _, status, used = os.wait4(process.pid, 0)
            wall_s = time.perf_counter() - began_s
            process.returncode = os.waitstatus_to_exitcode(status)
        _demand(process.returncode, said)
        return used.ru_utime + used.ru_stime, wall_s


def _demand(code: int, said: str) -> None:
    if code:
        raise Failed(f"a door ended with status {code}: {said.strip().splitlines()[-1:]}")


@contextmanager
def house(environment: Mapping[str, str]) -> Iterator[House]:
    """Let somebody answer for as long as this lasts."""
    with (
        TemporaryDirectory(prefix="pushvar-bench-") as folder,
        ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server,
    ):
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield House(Path(folder), server.server_port, environment)
        finally:
            server.shutdown()


def run(rounds: int) -> dict[str, Opened]:
    """Open every door that often. Raises Failed."""
    with (
        TemporaryDirectory(prefix="pushvar-bench-") as cache,
        house(measure.with_bytecode(Path(cache))) as at,
    ):
        doors: dict[str, Door | None] = {"": None, **DOORS}
        loaded = {name: at.modules(door) for name, door in doors.items()}  # and writes the bytecode
        walls: dict[str, list[float]] = defaultdict(list)

        def cpu_s(name: str, number: int) -> float:
            cpu, wall_s = at.cost_s(doors[name], number)
            walls[name].append(wall_s)
            return cpu

        variants = {name: partial(cpu_s, name) for name in doors}
        cpus = in_turns(variants, rounds, lambda: None)
        loaded = {name: at.modules(door) for name, door in doors.items()}
    return {
        name: Opened(
            spread(own - bare for own, bare in zip(cpus[name], cpus[""], strict=True)).times(1e3),
            spread(walls[name]).times(1e3),
            {module: taken for module, taken in loaded[name].items() if module not in loaded[""]},
        )
        for name in DOORS
    }


def section(found: Mapping[str, Opened], rounds: int) -> Section:
    """The table of a run."""
    return Section(
        f"Doors: modules loaded, CPU above the bare interpreter, wall time; {rounds} rounds",
        ("door", "modules", "budget", "with Python's", "CPU, ms", "budget", "wall, ms", "heaviest, ms"),
        tuple(_row(DOORS[name], opened) for name, opened in found.items()),
        "Modules are those of pushvar and of other packages. Heaviest: packages, their modules' own time.",
    )  # fmt: skip


def _row(door: Door, opened: Opened) -> tuple[str, ...]:
    return (
        door.words, str(len(opened.foreign)), str(door.modules), str(len(opened.modules)),
        f"{opened.cpu_ms.median:.0f}", str(door.cpu_ms), f"{opened.wall_ms.median:.0f}",
        ", ".join(f"{package} {taken_ms:.0f}" for package, taken_ms in opened.heaviest),
    )  # fmt: skip


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Fewer rounds: figures scatter more.")
@click.option("--markdown", is_flag=True, help="The table as docs/performance.md has it.")
def main(*, quick: bool, markdown: bool) -> None:
    """Open every door and tell what it took. It judges nothing."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    try:
        found = run(rounds)
    except Failed as error:
        raise click.ClickException(f"nothing was measured: {error}") from None
    show(section(found, rounds), console_for(markdown=markdown), markdown=markdown)


if __name__ == "__main__":
    main()
