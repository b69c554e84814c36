"""A warm target-cycle: CPU of the naive script and of pushvar for the same targets, fetched and pushed.

Targets and receiver are processes of their own, and so is each client; only the clients are measured.
One cycle of each is recorded at the receiver and compared before anything is timed. pushvar is there twice:
it also sends remote write 2.0, whose requests are compiled once and found again only if they come again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import snappy

from benchmarks import client, servers, workload
from benchmarks.encode_v2 import decoded_v2
from benchmarks.measure import Spread, in_turns, ratios, spread
from benchmarks.series import Different, decoded
from benchmarks.steps import WORDS as STEP_WORDS
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.series import Decoded

NAIVE, PUSHVAR, SECOND, STEPS = "naive", "pushvar", "pushvar2", "steps"
_WARM_UP = 3  # cycles before the first that counts: connections are open, plans and templates made
_REPETITIONS = {NAIVE: 1, PUSHVAR: 6, SECOND: 6, STEPS: 4}
"""pushvar's cycles are short: a round has several of them, and their mean counts."""

_MESSAGE_2 = "io.prometheus.write.v2.Request"
_NOT_COMPARED = ("scrape_duration_seconds", "scrape_series_added")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of one target in one cycle, in µs.

    ``first_us`` is the first cycle of the process, with every connection new and late imports in it.
    """

    warm_us: Spread
    system_share: float
    first_us: float


@dataclass(frozen=True, slots=True)
class TargetCycle:
    """The clients side by side; ``ratio`` is how many times more the naive script takes when warm.

    ``second`` is pushvar when it sends 2.0, ``second_ratio`` how many times more that takes than 1.0.
    """

    targets: int
    rounds: int
    served_by: str
    naive: Cost
    pushvar: Cost
    ratio: Spread
    steps_us: dict[str, Spread]
    second: Cost
    second_ratio: Spread


@dataclass(slots=True)
class _Client:
    """A client's process and what it said of its cycles, the first one apart."""

    kind: str
    process: subprocess.Popen[str]
    first: dict[str, Any] = field(default_factory=dict)
    warm: list[dict[str, Any]] = field(default_factory=list)

    def cycle(self) -> float:
        """Let it run one cycle; gives the CPU seconds."""
        assert self.process.stdin is not None
        self.process.stdin.write("cycle\n")
        self.process.stdin.flush()
        said = self.listen()
        if self.first:
            self.warm.append(said)
        else:
            self.first = said
        return _cpu_s(said)

    def listen(self) -> dict[str, Any]:
        """What it says next."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise servers.Failed(f"the {self.kind} client failed; its words are above")
        said: dict[str, Any] = json.loads(line)
        return said


def _cpu_s(said: dict[str, Any]) -> float:
    total: float = said["user_s"] + said["system_s"]
    return total


def run(count: int, rounds: int, environment: dict[str, str], progress: Callable[[], object]) -> TargetCycle:
    """Compare the clients on that many targets. Raises Different when they do not send the same."""
    servers.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        targets = stack.enter_context(servers.targets(count, folder))
        receiver = stack.enter_context(servers.receiver())
        clients = {
            kind: stack.enter_context(_client(kind, folder / kind, targets, receiver, environment))
            for kind in (NAIVE, PUSHVAR, SECOND, STEPS)
        }
        _compare(clients, targets, receiver)
        shown = iter(range(1_000_000))

        def cycles(one: _Client, times: int) -> float:
            total_s = 0.0
            for _ in range(times):
                targets.show(next(shown))
                total_s += one.cycle()
            return total_s / times

        for one in clients.values():
            cycles(one, _WARM_UP)
            one.warm.clear()
        turns = {kind: partial(_turn, cycles, one) for kind, one in clients.items()}
        measured = in_turns(turns, rounds, progress)
        return _result(count, targets.made_with, clients, measured)


def _turn(cycles: Callable[[_Client, int], float], one: _Client, _: int) -> float:
    return cycles(one, _REPETITIONS[one.kind])


def _result(
    count: int, served_by: str, clients: dict[str, _Client], measured: dict[str, list[float]]
) -> TargetCycle:
    steps = [said["steps_s"] for said in clients[STEPS].warm]
    return TargetCycle(
        targets=count,
        rounds=len(measured[NAIVE]),
        served_by=served_by,
        naive=_cost(count, clients[NAIVE], measured[NAIVE]),
        pushvar=_cost(count, clients[PUSHVAR], measured[PUSHVAR]),
        ratio=ratios(measured[NAIVE], measured[PUSHVAR]),
        steps_us={step: spread(one[step] for one in steps).times(1e6 / count) for step in STEP_WORDS},
        second=_cost(count, clients[SECOND], measured[SECOND]),
        second_ratio=ratios(measured[SECOND], measured[PUSHVAR]),
    )


def _cost(count: int, one: _Client, measured_s: list[float]) -> Cost:
    return Cost(
        warm_us=spread(measured_s).times(1e6 / count),
        system_share=sum(said["system_s"] for said in one.warm) / sum(map(_cpu_s, one.warm)),
        first_us=_cpu_s(one.first) * 1e6 / count,
    )


@contextmanager
def _client(
    kind: str,
    folder: Path,
    targets: servers.Targets,
    receiver: servers.Receiver,
    environment: dict[str, str],
) -> Iterator[_Client]:
    """Start a client with its own configuration and state."""
    folder.mkdir()
    if kind == SECOND:
        client.prepare(folder, targets.ports, receiver.url_2, _MESSAGE_2)
    else:
        client.prepare(folder, targets.ports, receiver.url)
    command = [sys.executable, "-m", "benchmarks.client", kind, str(folder)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        try:
            one = _Client(kind, process)
            one.listen()  # it is ready
            yield one
        finally:
            process.stdin.close()


def _compare(clients: dict[str, _Client], targets: servers.Targets, receiver: servers.Receiver) -> None:
    """Run the first cycle of each client on the same documents; raise Different for any difference."""
    targets.show(0)
    sent: dict[str, Decoded] = {}
    for kind, one in clients.items():
        receiver.record()
        one.cycle()
        bodies = map(snappy.decompress, receiver.recorded_bodies())
        sent[kind] = decoded_v2(bodies) if kind == SECOND else decoded(bodies)
    if len(sent[NAIVE]) != len(targets.ports) * workload.SERIES:
        raise Different(f"the naive script sent {len(sent[NAIVE])} series")
    for kind in (PUSHVAR, SECOND, STEPS):
        demand_same_values(kind, sent[NAIVE], sent[kind])


def demand_same_values(kind: str, expected: Decoded, found: Decoded) -> None:
    """Raise Different, naming a series, unless both hold the same series with the same values.

    Timestamps are each client's own, and so are how long a fetch took and what is new to a process.
    """
    for labels in sorted({*expected, *found}):
        wanted, got = (
            None if labels not in of else [value for value, _ in of[labels]] for of in (expected, found)
        )
        own = dict(labels).get("__name__") in _NOT_COMPARED
        if wanted is None or got is None or (not own and wanted != got):
            raise Different(f"{kind} sent {got} for {dict(labels)}, the naive script {wanted}")
