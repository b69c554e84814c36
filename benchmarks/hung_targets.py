"""50 hung targets of 500: when the last good sample leaves, against the moment its fetch was scheduled for.

``pushvar run --once`` forwards 500 targets, every tenth of which takes a connection and never answers. A
receiver notes when each request arrives. A fetch is scheduled for its place in the cycle: 500 begin in a
second, in the order of the configuration (``pushvar.collect.fetch``). Sample and arrival are read on the
same clock. It is done for several timeouts, since it is the timeout that must not matter.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING

import snappy
from pushvar.collect.fetch import STARTS_PER_S
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest

from benchmarks import servers, workload
from benchmarks.alone import command
from benchmarks.measure import Spread, spread
from benchmarks.series import Different
from benchmarks.tables import Section
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TARGETS, HUNG, ROUNDS = 500, 50, 3
TIMEOUTS_S = (1.0, 2.0, 5.0, 10.0)

_TARGETS_FAILED = 3  # the exit code of a cycle with targets that are down


@dataclass(frozen=True, slots=True)
class Late:
    """One timeout, in seconds: by how much the last good sample left late, and the fetches began late."""

    timeout_s: float
    left_s: Spread
    began_s: Spread


@dataclass(frozen=True, slots=True)
class HungTargets:
    """All timeouts."""

    targets: int
    hung: int
    rounds: int
    late: tuple[Late, ...]


class Arrivals:
    """A receiver that notes when each request was there, in seconds of Unix time."""

    def __init__(self, stack: ExitStack) -> None:
        found: list[tuple[float, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                found.append((time.time(), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        Thread(target=server.serve_forever, daemon=True).start()
        self._found = found
        self.url = f"http://127.0.0.1:{server.server_address[1]}/write"

    def taken(self) -> dict[str, tuple[float, float, float]]:
        """By instance: its ``up``, when its samples are of, and when they arrived; all is forgotten."""
        arrived = {}
        for at_s, body in self._found:
            for series in WriteRequest.FromString(snappy.decompress(body)).timeseries:
                labels = {label.name: label.value for label in series.labels}
                if labels["__name__"] == "up":
                    sample = series.samples[0]
                    arrived[labels["instance"]] = (sample.value, sample.timestamp / 1000, at_s)
        self._found.clear()
        return arrived


def hung_ports(count: int, stack: ExitStack) -> list[int]:
    """Ports where the kernel takes connections and nobody ever reads from them."""
    ports = []
    for _ in range(count):
        one = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=16))
        ports.append(one.getsockname()[1])
    return ports


def mixed(good: Sequence[int], hung: Sequence[int]) -> list[int]:
    """All ports, the hung ones spread evenly among the good."""
    ports, every = list(good), (len(good) + len(hung)) // len(hung)
    for place, port in enumerate(hung):
        ports.insert(place * every, port)
    return ports


def lateness(
    taken: dict[str, tuple[float, float, float]], ports: Sequence[int], hung: Sequence[int]
) -> tuple[float, float]:
    """Seconds: the most by which a good sample left after its scheduled offset, and a good fetch began.

    Raises Different unless all good targets are up and all hung ones are down.
    """
    offsets = {f"127.0.0.1:{port}": place / STARTS_PER_S for place, port in enumerate(ports)}
    down = {f"127.0.0.1:{port}" for port in hung}
    up = {instance for instance, (value, _, _) in taken.items() if value}
    if set(taken) != set(offsets) or up != set(offsets) - down:
        raise Different(f"{len(up)} of {len(taken)} targets are up, where {len(ports) - len(hung)} are well")
    first_s = min(began_s - offsets[one] for one, (_, began_s, _) in taken.items())
    return (
        max(taken[one][2] - first_s - offsets[one] for one in up),
        max(taken[one][1] - first_s - offsets[one] for one in up),
    )


def run(
    targets: int,
    hung: int,
    timeouts_s: Sequence[float],
    rounds: int,
    progress: Callable[[], object] = lambda: None,
) -> HungTargets:
    """Forward them once for each timeout and round. Raises Different, Failed."""
    servers.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        good = stack.enter_context(servers.targets(targets - hung, folder)).ports
        bad = hung_ports(hung, stack)
        ports, arrivals = mixed(good, bad), Arrivals(stack)
        late = []
        for timeout_s in timeouts_s:
            config = _config(folder, ports, arrivals.url, timeout_s)
            measured = []
            for _ in range(rounds):
                _forward(config)
                measured.append(lateness(arrivals.taken(), ports, bad))
                progress()
            left, began = zip(*measured, strict=True)
            late.append(Late(timeout_s, spread(left), spread(began)))
    return HungTargets(targets, hung, rounds, tuple(late))


def _config(folder: Path, ports: Sequence[int], url: str, timeout_s: float) -> Path:
    document = json.loads(workload.configuration([f"127.0.0.1:{port}" for port in ports], url))
    document["global"]["scrape_timeout"] = f"{timeout_s * 1000:.0f}ms"
    path = folder / f"pushvar-{timeout_s:g}.yml"
    path.write_text(json.dumps(document))
    return path


def _forward(config: Path) -> None:
    command_line = [str(Path(sys.executable).with_name("pushvar")), "run", "--once", "-c", str(config)]
    state = ["--state", f"sqlite:{config.with_suffix('.db')}"]
    done = subprocess.run(
        [*command_line, *state], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if done.returncode != _TARGETS_FAILED:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise servers.Failed(f"pushvar run --once ended with status {done.returncode}: {said}")


def section(result: HungTargets) -> Section:
    """The table of a run."""
    return Section(
        f"{result.hung} hung targets of {result.targets}: how many seconds after its scheduled offset the"
        f" last good sample leaves, {result.rounds} rounds",
        ("timeout", "median", "least to most", "last good fetch began late by"),
        tuple(
            (
                f"{one.timeout_s:g} s", f"{one.left_s.median:.2f}",
                f"{one.left_s.low:.2f}-{one.left_s.high:.2f}", f"{one.began_s.median:.2f}",
            )
            for one in result.late
        ),
    )  # fmt: skip


main = command("hung_targets", "When the last good sample leaves while others hang.")

if __name__ == "__main__":
    main()
