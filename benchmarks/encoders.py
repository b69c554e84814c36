"""pushvar's encoder beside the two remote-write encoders on PyPI: the same series, encoded and compressed.

Each peer stands in a folder of its own, filled once from ``requirements/encoders.lock``, and runs in a
process that sees nothing else. Before anything is timed, what all make is decoded and compared.

Goals of issue 10: warm at least 100 times, cold (no label encoded before) at least 20 times as fast as the
better peer. The cold figure here has the templates of all targets in it, which the goal would leave out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import snappy
from pushvar.errors import ComponentMissing

from benchmarks import encode, workload
from benchmarks.alone import command
from benchmarks.measure import Spread, cpu_s, in_turns, ratios, settle, spread
from benchmarks.series import Fleet, decoded, demand_same
from benchmarks.servers import Failed
from benchmarks.tables import Section, least_to_most, ms, times
from tests.components import HOME
from tests.components.encoders import FOLDERS, PACKAGES, find_encoder, version
from tests.components.sam import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from benchmarks.encode import Encode
    from benchmarks.series import Cycle

ROUNDS = 11
WARM, COLD = encode.WARM, encode.COLD
GOALS = {WARM: 100, COLD: 20}
"""How many times the better peer's time issue 10 asks for."""

_CYCLES = 3
_REPETITIONS = {WARM: 8, COLD: 2}
_CLIENT = Path(__file__).with_name("encoders_client.py")
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Peer:
    """An encoder: CPU of a cycle in ms, and how many times pushvar's warm and cold ones it takes."""

    name: str
    version: str
    cpu_ms: Spread
    warm: Spread
    cold: Spread


@dataclass(frozen=True, slots=True)
class Encoders:
    """All side by side; ``better`` is the peer that pushvar is measured by."""

    series: int
    rounds: int
    warm_ms: Spread
    cold_ms: Spread
    peers: tuple[Peer, ...]

    @property
    def better(self) -> Peer:
        """The faster one of the two."""
        return min(self.peers, key=lambda peer: peer.cpu_ms.median)


@dataclass(frozen=True, slots=True)
class Client:
    """A running peer."""

    process: subprocess.Popen[str]

    def encode(self, number: int) -> float:
        """CPU seconds for a cycle."""
        return float(self._ask(f"encode {number}"))

    def bodies(self, number: int, kept: Path) -> list[bytes]:
        """The requests of a cycle, not compressed any more."""
        self._ask(f"keep {number} {kept}")
        packed, bodies = kept.read_bytes(), []
        while packed:
            end = _LENGTH_BYTES + int.from_bytes(packed[:_LENGTH_BYTES])
            bodies.append(snappy.decompress(packed[_LENGTH_BYTES:end]))
            packed = packed[end:]
        return bodies

    def _ask(self, order: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> str:
        """What it says next; raises Failed when it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Failed("a peer's encoder ended; its words are above")
        return line.strip()


def prepare(path: Path, fleet: Fleet, cycles: Sequence[Cycle]) -> None:
    """Write the series for the peers: labels sorted, so that neither has to, requests of whole targets."""
    labels = [
        dict(sorted({"__name__": name, **fixed, **own}.items()))
        for fixed in fleet.labels
        for name, own in fleet.rows
    ]
    per_request = encode.SAMPLES_PER_REQUEST // workload.SERIES * workload.SERIES
    shown = [
        {
            "values": [value for numbers in cycle.numbers for value in numbers],
            "times_ms": [one.time_ms for one in cycle.scrapes for _ in range(workload.SERIES)],
        }
        for cycle in cycles
    ]
    path.write_text(json.dumps({"per_request": per_request, "labels": labels, "cycles": shown}))


@contextmanager
def client(name: str, path: Path, home: Path = HOME) -> Iterator[Client]:
    """Run a peer, ready to encode what the file has. Raises ComponentMissing when it is not installed."""
    folder = find_encoder(name, home)
    command_line = [sys.executable, "-S", "-P", str(_CLIENT), name, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    with subprocess.Popen(
        command_line, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        try:
            one = Client(process)
            one.hear()
            yield one
        finally:
            process.stdin.close()


def install(say: Callable[[str], None], home: Path = HOME) -> None:
    """Fill the folders of both peers where that is to be done. Raises ComponentMissing."""
    problems = fetch(home, say, FOLDERS.values())
    if problems:
        raise ComponentMissing("; ".join(problems), hint="the two encoders come from PyPI")


def check(clients: dict[str, Client], cycle: Cycle, number: int, folder: Path) -> None:
    """Raise Different unless both make the series of pushvar's requests of that cycle."""
    expected = decoded(encode.warm(cycle))
    for name, one in clients.items():
        demand_same(name, expected, decoded(one.bodies(number, folder / "bodies")))


def run(targets: int, rounds: int, progress: Callable[[], object] = lambda: None) -> Encoders:
    """Compare them on the series of that many targets. Raises Different, ComponentMissing, Failed."""
    install(lambda line: print(line, file=sys.stderr, flush=True))
    fleet = Fleet(targets)
    cycles = [fleet.cycle(generation) for generation in range(_CYCLES)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        prepare(folder / "series.json", fleet, cycles)
        clients = {name: stack.enter_context(client(name, folder / "series.json")) for name in PACKAGES}
        check(clients, cycles[1], 1, folder)
        settle()
        ours: dict[str, Encode] = {WARM: encode.warm, COLD: encode.Cold(fleet)}

        def timed(name: str, number: int) -> float:
            again = _REPETITIONS[name]
            turns = [cycles[(number + turn) % _CYCLES] for turn in range(again)]
            return cpu_s(lambda: [_compress(ours[name](cycle)) for cycle in turns]) / again

        variants = {name: partial(timed, name) for name in ours}
        measured = in_turns(variants | {name: one.encode for name, one in clients.items()}, rounds, progress)
    return _result(targets, rounds, measured)


def _compress(requests: Iterable[bytes]) -> int:
    return sum(len(snappy.compress(body)) for body in requests)


def _result(targets: int, rounds: int, measured: dict[str, list[float]]) -> Encoders:
    peers = tuple(
        Peer(
            name,
            version(name),
            spread(measured[name]).times(1000),
            ratios(measured[name], measured[WARM]),
            ratios(measured[name], measured[COLD]),
        )
        for name in PACKAGES
    )
    warm, cold = (spread(measured[name]).times(1000) for name in (WARM, COLD))
    return Encoders(targets * workload.SERIES, rounds, warm, cold, peers)


def section(result: Encoders) -> Section:
    """The table of a run."""
    better = result.better
    said = (_judged(kind, ratio) for kind, ratio in ((WARM, better.warm), (COLD, better.cold)))
    ours = [
        (f"pushvar, {kind}", ms(cpu), least_to_most(cpu), "", "")
        for kind, cpu in ((WARM, result.warm_ms), (COLD, result.cold_ms))
    ]
    peers = [
        (
            f"{PACKAGES[peer.name]} {peer.version}", ms(peer.cpu_ms), least_to_most(peer.cpu_ms),
            times(peer.warm), times(peer.cold),
        )
        for peer in result.peers
    ]  # fmt: skip
    return Section(
        f"Encoding and compressing {result.series:,} series: CPU per cycle, {result.rounds} rounds",
        ("encoder", "ms", "least to most", "times pushvar warm", "times pushvar cold"),
        (*ours, *peers),
        f"Goals of issue 10, by the better peer ({PACKAGES[better.name]}): {'; '.join(said)}.",
    )


def _judged(kind: str, ratio: Spread) -> str:
    became = "reached" if ratio.median >= GOALS[kind] else "falls short"
    return f"{kind} {times(ratio)} (goal: {GOALS[kind]}x, {became})"


main = command(
    lambda quick: [section(run(100 if quick else workload.TARGETS, 3 if quick else ROUNDS))],
    "pushvar's encoder beside the two remote-write encoders on PyPI.",
)

if __name__ == "__main__":
    main()
