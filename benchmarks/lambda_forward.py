"""Forward on Lambda: from the message that starts an environment to the first byte fetched; its memory.

Both under Lambda's runtime emulator, with the layer as it is shipped and an emulated AWS. The first is
wall time from the invocation until a target has answered: the init, the configuration and the slice read
from the state, the lease, the connection. Beside it, a bare handler that makes one request with
``http.client``. The second is the most that the function's process ever had in memory (VmHWM) with 500
targets of 60 series: after its init, and after some cycles.
"""

from __future__ import annotations

import itertools
import re
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pushvar.errors import ComponentMissing

from benchmarks import servers, workload
from benchmarks.lambda_stack import Code, Stack, delivery, stack
from benchmarks.measure import Spread, in_turns, ratios, spread
from benchmarks.tables import Section, least_to_most, ms, times
from tests.components import sam
from tests.programs import loopback, runtime_emulator
from tests.programs.own_address import reachable

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.programs.runtime_emulator import Function

BARE, FORWARD, SOURCE = "bare", "forward", "source"
WORDS = {
    BARE: "a handler that makes one request with http.client",
    FORWARD: "forward",
    SOURCE: "forward, without bytecode",
}
CYCLES = 3
ASKED_MB = 100
_OWN_LOG = 1_000
_BARE_HANDLER = """\
import http.client

def handler(event, context):
    connection = http.client.HTTPConnection("127.0.0.1", event["port"])
    connection.request("GET", "/debug/vars")
    return len(connection.getresponse().read())
"""


@dataclass(frozen=True, slots=True)
class FirstFetch:
    """Wall time in ms from the invocation to the first byte, and how many times the bare handler's."""

    wall_ms: Spread
    ratio: Spread
    init_ms: Spread


@dataclass(frozen=True, slots=True)
class Memory:
    """The peak of the process in MB (10^6 bytes): after init and first cycle, and after all cycles.

    ``first_s`` is the wall time of the first invocation, init included; ``warm_s`` that of the last.
    """

    targets: int
    series: int
    bare_mb: float
    first_mb: float
    peak_mb: float
    first_s: float
    warm_s: float


@dataclass(frozen=True, slots=True)
class LambdaForward:
    """Both measurements."""

    rounds: int
    fetches: dict[str, FirstFetch]
    memory: Memory


def run(rounds: int, progress: Callable[[], object]) -> LambdaForward | None:
    """Measure both; None where SAM, which brings the emulator, is not installed. Raises Failed."""
    try:
        sam.find_emulator()
        sam.find_runtime()
    except ComponentMissing:
        return None
    servers.raise_file_limit()
    with TemporaryDirectory(prefix="pushvar-bench-") as name, ExitStack() as ends:
        folder = Path(name)
        built = ends.enter_context(stack(folder))
        receiver = ends.enter_context(servers.receiver())
        bare = folder / BARE
        bare.mkdir()
        (bare / "handler.py").write_text(_BARE_HANDLER)
        fetches = _fetches(built, Code(bare, built.layer), receiver.url, rounds, progress)
        memory = _memory(built, Code(bare, built.layer), receiver.url, ends)
    return LambdaForward(rounds, fetches, memory)


class _Target(ThreadingHTTPServer):
    """One target that knows when it last began to answer."""

    daemon_threads = True
    answered_s = 0.0
    document = b"{}"


class _Answer(BaseHTTPRequestHandler):
    server: _Target

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.document)))
        self.end_headers()
        self.wfile.write(self.server.document)
        self.server.answered_s = time.perf_counter()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Say nothing."""


def _fetches(
    built: Stack, bare: Code, push_url: str, rounds: int, progress: Callable[[], object]
) -> dict[str, FirstFetch]:
    target = _Target(("127.0.0.1", 0), _Answer)
    target.document = next(iter(workload.documents()))
    with loopback.served(target), reachable(f"127.0.0.1:{target.server_port}") as address:
        built.configure([address], push_url)
        record = _planned(built)
        numbers = itertools.count()

        def shard() -> object:
            return delivery(record, next(numbers))

        inits: dict[str, list[float]] = {name: [] for name in WORDS}
        variants = {
            BARE: partial(_first_s, built, bare, target, lambda: {"port": target.server_port}, inits[BARE])
        }
        for name in (FORWARD, SOURCE):
            code = built.code("forward", bytecode=name == FORWARD)
            variants[name] = partial(_first_s, built, code, target, shard, inits[name])
        measured = in_turns(variants, rounds, progress)
    return {
        name: FirstFetch(
            spread(measured[name]).times(1e3),
            ratios(measured[name], measured[BARE]),
            spread(inits[name]),
        )
        for name in WORDS
    }


def _first_s(
    built: Stack, code: Code, target: _Target, event: Callable[[], object], inits: list[float], number: int
) -> float:
    """Seconds from an environment's first invocation until the target had answered."""
    with _function(built, code, number) as function:
        known = len(function.inits_ms())
        target.answered_s = 0.0
        message = event()
        start_s = time.perf_counter()
        said = function.invoke(message)
        if not target.answered_s:
            raise servers.Failed(f"{code.function.name} fetched nothing: {said}; {function.log()[-2000:]}")
        inits.append(function.inits_ms()[known])
        return target.answered_s - start_s


def _function(built: Stack, code: Code, number: int = 0) -> AbstractContextManager[Function]:
    settings = runtime_emulator.Settings(f"bench-{number}", environment=built.environment)
    return runtime_emulator.function(code.function, [code.layer], built.deployment.folder, settings)


def _planned(built: Stack) -> dict[str, Any]:
    """The message of the one shard, as plan sends it."""
    built.deployment.messages()
    with _function(built, built.code("plan")) as plan:
        said = plan.invoke({"scheduled_time": time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime())})
    records = built.deployment.messages()
    if len(records) != 1:
        raise servers.Failed(f"plan sent {len(records)} messages: {said}")
    return records[0]


def _memory(built: Stack, bare: Code, push_url: str, ends: ExitStack) -> Memory:
    """All targets are one port of the Go program, as a proxy: one connection for each all the same."""
    targets = ends.enter_context(servers.targets(1, built.deployment.folder))
    proxy = ends.enter_context(reachable(f"127.0.0.1:{targets.ports[0]}"))
    built.configure(workload.addresses(workload.TARGETS), push_url, proxy=proxy)
    record = _planned(built)
    with _function(built, bare) as function:
        function.invoke({"port": targets.ports[0]})
        bare_mb = _peak_mb(function)
    with _function(built, built.code("forward"), number=_OWN_LOG) as function:
        walls, peaks = [], []
        for number in range(CYCLES):
            targets.show(number)
            message = delivery(record, 5_000 + number)
            start_s = time.perf_counter()
            function.invoke(message)
            walls.append(time.perf_counter() - start_s)
            peaks.append(_peak_mb(function))
        lines = [line for line in function.logged() if line.get("message") == "forwarded"]
    if [line["targets"].get("ok") for line in lines] != [workload.TARGETS] * CYCLES:
        raise servers.Failed(f"not every target was fetched: {lines}")
    return Memory(workload.TARGETS, workload.SERIES, bare_mb, peaks[0], peaks[-1], walls[0], walls[-1])


def _peak_mb(function: Function) -> float:
    """The most that the function's process had in memory; it is the emulator's one child. Linux only."""
    parent = function.program.process.pid
    children = Path(f"/proc/{parent}/task").glob("*/children")
    (child,) = " ".join(path.read_text(encoding="ascii") for path in children).split()
    status = Path(f"/proc/{child}/status").read_text(encoding="ascii")
    (kib,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kib) * 1024 / 1e6


def sections(result: LambdaForward | None) -> tuple[Section, ...]:
    """Both tables."""
    if result is None:
        title = "Lambda: from the event to the first byte fetched, and memory"
        return (Section(title, ("what", "measured"), (), "Not measured: SAM is not installed (make build)."),)
    fetches, memory = result.fetches, result.memory
    return (
        Section(
            f"Lambda: ms from the first event to the first byte fetched, {result.rounds} rounds",
            ("handler", "median", "least to most", "times the first", "of it init"),
            tuple(
                (WORDS[name], ms(one.wall_ms), least_to_most(one.wall_ms), times(one.ratio), ms(one.init_ms))
                for name, one in fetches.items()
            ),
        ),
        Section(
            f"Lambda: forward with {memory.targets} targets of {memory.series} series in one shard",
            ("what", "measured", "limit"),
            (
                ("the bare handler's peak of memory", f"{memory.bare_mb:.0f} MB", ""),
                ("peak of memory, first cycle", f"{memory.first_mb:.0f} MB", f"{ASKED_MB} MB"),
                (f"peak of memory, {CYCLES} cycles", f"{memory.peak_mb:.0f} MB", f"{ASKED_MB} MB"),
                ("first cycle with its init, wall time", f"{memory.first_s:.2f} s", ""),
                ("warm cycle, wall time", f"{memory.warm_s:.2f} s", ""),
            ),
        ),
    )
