"""pushvar's encoder beside the two remote-write encoders on PyPI: the same series, encoded and compressed.

Each peer stands in a folder of its own, filled once from ``requirements/encoders.lock``, and runs in a
process that sees nothing else. Before anything is timed, what all make is decoded and compared.

pushvar starts at three places. Warm, its templates are made. With the shape known, two other targets of the
same program have been planned, outside of the clock: nothing is left of any series or target that is now
encoded, so all labels of all targets are encoded and the bytes of every series made within it. Cold, every
cache is empty as well. The peers take the same in all cycles: they keep nothing.
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
from pushvar.convert.plan import compile_plan
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

    from benchmarks.series import Cycle

ROUNDS = 11
WARM, SHAPE, COLD = encode.WARM, "shape", encode.COLD
WORDS = {
    WARM: "pushvar warm, templates made",
    SHAPE: "pushvar cold, the shape known, all targets and series new",
    COLD: "pushvar cold, all caches empty",
}

_CYCLES = 3
_REPETITIONS = {WARM: 8, SHAPE: 2, COLD: 2}
_TEACHERS = 2  # one target with a pod and one without: all label names that there are
_CLIENT = Path(__file__).with_name("encoders_client.py")
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Peer:
    """An encoder: CPU of a cycle in ms, and how many times each of pushvar's cycles it takes."""

    name: str
    version: str
    cpu_ms: Spread
    ratio: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class Encoders:
    """All side by side; ``better`` is the peer that pushvar is measured by."""

    series: int
    rounds: int
    cpu_ms: dict[str, Spread]
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


class Ours:
    """pushvar's ways; each begins where its words say. A shape is known by the ``teachers``."""

    def __init__(self, fleet: Fleet) -> None:
        self._cold = encode.Cold(fleet)
        self.teachers = Fleet(len(fleet.stamps) + _TEACHERS).stamps[-_TEACHERS:]

    def requests(self, name: str, cycle: Cycle) -> Iterable[bytes]:
        """The requests of a cycle, made as they are taken. What is to be known before is learned at once."""
        if name == WARM:
            return encode.warm(cycle)
        self._cold.forget()
        if name == SHAPE:
            for stamp in self.teachers:
                compile_plan(stamp, cycle.scrapes[0].plan.shape)
        return self._cold.planned(cycle)

    def cpu_s(self, name: str, cycle: Cycle) -> float:
        """CPU seconds to encode and compress a cycle."""
        requests = self.requests(name, cycle)
        return cpu_s(lambda: [snappy.compress(body) for body in requests])


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
        ours = Ours(fleet)

        def timed(name: str, number: int) -> float:
            again = _REPETITIONS[name]
            return sum(ours.cpu_s(name, cycles[(number + turn) % _CYCLES]) for turn in range(again)) / again

        variants = {name: partial(timed, name) for name in WORDS}
        measured = in_turns(variants | {name: one.encode for name, one in clients.items()}, rounds, progress)
    return _result(targets, rounds, measured)


def _result(targets: int, rounds: int, measured: dict[str, list[float]]) -> Encoders:
    peers = tuple(
        Peer(
            name,
            version(name),
            spread(measured[name]).times(1000),
            {ours: ratios(measured[name], measured[ours]) for ours in WORDS},
        )
        for name in PACKAGES
    )
    cpu_ms = {name: spread(measured[name]).times(1000) for name in WORDS}
    return Encoders(targets * workload.SERIES, rounds, cpu_ms, peers)


def section(result: Encoders) -> Section:
    """The table of a run."""
    ours = [(WORDS[name], ms(cpu), least_to_most(cpu), "", "", "") for name, cpu in result.cpu_ms.items()]
    peers = [
        (
            f"{PACKAGES[peer.name]} {peer.version}", ms(peer.cpu_ms), least_to_most(peer.cpu_ms),
            *(times(peer.ratio[name]) for name in WORDS),
        )
        for peer in result.peers
    ]  # fmt: skip
    return Section(
        f"Encoding and compressing {result.series:,} series: CPU per cycle, {result.rounds} rounds",
        ("encoder", "ms", "least to most", "times pushvar warm", "times shape known", "times all cold"),
        (*ours, *peers),
        f"The better of the two is {PACKAGES[result.better.name]}.",
    )


main = command("encoders", "pushvar's encoder beside the two remote-write encoders on PyPI.")

if __name__ == "__main__":
    main()
