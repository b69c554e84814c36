"""pushvar beside vmagent, the Prometheus agent and a script: the same numbers, interval and kind of receiver.

The three run at once and as they are meant to be run, for minutes, on targets that serve the same numbers
twice: pushvar fetches the document of expvar, the peers a page of Prometheus text. CPU is read from /proc in
windows of some intervals, of all in the same moment; a ratio compares two in one window. Before that, what
each sent in an interval is decoded and compared: the same series, the same values. The script comes after
them, on the same targets at the same interval; its ratio is that of the medians, its ends are the farthest.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import snappy
from pushvar.app.trial import try_rules
from pushvar.wire.exposition import text
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest

from benchmarks import servers, workload
from benchmarks.alone import command
from benchmarks.judging import over
from benchmarks.measure import Spread, ratios, spread
from benchmarks.peers_clients import AGENT, INTERVAL_S, NAIVE, PUSHVAR, VMAGENT, started, version
from benchmarks.series import Different
from benchmarks.tables import Section, least_to_most, times, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.peers_clients import Running

__all__ = ["AGENT", "NAIVE", "PUSHVAR", "VMAGENT", "Peer", "Peers", "run", "section"]

INTERVALS = 4
"""Intervals in a window: a garbage collection of a peer falls into every window, not into every second."""
_WARM_UP = 4
_SCRIPT_SHARE = 3  # of the windows: what it takes is far from the others
_COMPARED = 1  # the generation of documents that every client is compared by
_OF_THE_SCRAPE = ("scrape_duration_seconds", "scrape_series_added")

Numbers = dict[tuple[tuple[str, str], ...], float]
"""The last value of each series, by its labels."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them: CPU in µs for a scrape and its share of the pushes, memory in MB.

    ``ratio`` is pushvar's CPU as a share of this one's.
    """

    name: str
    version: str
    cpu_us: Spread
    rss_mb: float
    peak_mb: float
    ratio: Spread


@dataclass(frozen=True, slots=True)
class Peers:
    """All of them on the same fleet."""

    targets: int
    interval_s: int
    windows: int
    made_with: str
    peers: tuple[Peer, ...]

    def of(self, name: str) -> Peer:
        """The one of that name."""
        return next(peer for peer in self.peers if peer.name == name)


@dataclass(frozen=True, slots=True)
class _Measured:
    """One client: CPU seconds by window, memory, and what it sent of the documents to compare by."""

    cpu_s: list[float]
    rss_mb: float
    peak_mb: float
    sent: Numbers


@dataclass(frozen=True, slots=True)
class _Site:
    """What all clients have in common."""

    targets: servers.Targets
    folder: Path
    environment: dict[str, str]

    def interval(self, generation: int, running: Iterable[Running]) -> None:
        """Let one pass with these documents."""
        self.targets.show(generation)
        for one in running:
            one.turn()
        time.sleep(INTERVAL_S)

    def measured(
        self, names: Sequence[str], windows: int, progress: Callable[[], object]
    ) -> dict[str, _Measured]:
        """Run these clients at once. Raises Different unless all of them send the same."""
        with ExitStack() as stack:
            running = [
                stack.enter_context(started(name, self.folder, self.targets.ports, self.environment))
                for name in names
            ]
            for generation in range(_WARM_UP):
                self.interval(generation, running)
            sent = self._recorded(running)
            for name, numbers in sent.items():
                demand_same_numbers(name, sent[names[0]], numbers)
            cpu_s: dict[str, list[float]] = {name: [] for name in names}
            for window in range(windows):
                before = [one.cpu_s() for one in running]
                for number in range(INTERVALS):
                    self.interval(window * INTERVALS + number, running)
                for one, began_s in zip(running, before, strict=True):
                    cpu_s[one.name].append(one.cpu_s() - began_s)
                progress()
            return {
                one.name: _Measured(
                    cpu_s[one.name], one.memory_mb("VmRSS"), one.memory_mb("VmHWM"), sent[one.name]
                )
                for one in running
            }

    def _recorded(self, running: Sequence[Running]) -> dict[str, Numbers]:
        """What each sends of documents that stand still."""
        for _ in range(2):  # a scrape that is on its way in the first may still have the document of before
            self.interval(_COMPARED, running)
        for one in running:
            one.receiver.record()
        for _ in range(2):
            self.interval(_COMPARED, running)
        return {one.name: _values(one.receiver.recorded_bodies()) for one in running}


def run(count: int, windows: int, environment: dict[str, str], progress: Callable[[], object]) -> Peers:
    """Run all on so many targets. Raises Different, ComponentMissing, Failed."""
    servers.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        targets = stack.enter_context(servers.targets(count, folder, pages=pages()))
        site = _Site(targets, folder, environment)
        found = site.measured((PUSHVAR, VMAGENT, AGENT), windows, progress)
        # alone: it takes a third of a core, and would push the others out of the caches
        found |= site.measured((NAIVE,), -(-windows // _SCRIPT_SHARE), lambda: None)
    ours = found[PUSHVAR]
    if len(ours.sent) != count * workload.SERIES:
        raise Different(f"pushvar sent {len(ours.sent)} series")
    demand_same_numbers(NAIVE, ours.sent, found[NAIVE].sent)
    peers = tuple(_peer(name, one, ours, count * INTERVALS) for name, one in found.items())
    return Peers(count, INTERVAL_S, windows, targets.made_with, peers)


def _peer(name: str, one: _Measured, ours: _Measured, scrapes: int) -> Peer:
    cpu_us, ours_us = (spread(each.cpu_s).times(1e6 / scrapes) for each in (one, ours))
    ratio = over(ours_us, cpu_us) if name == NAIVE else ratios(ours.cpu_s, one.cpu_s)
    return Peer(name, version(name), cpu_us, one.rss_mb, one.peak_mb, ratio)


def pages() -> list[bytes]:
    """The numbers of each document as the Prometheus client would print them."""
    trials = try_rules([], "auto", [("document", body) for body in workload.documents()])
    return [text.encode(trial.families) for trial in trials]


def demand_same_numbers(name: str, ours: Numbers, theirs: Numbers) -> None:
    """Raise Different, naming a series, unless a client sent all that pushvar did, with the same values.

    What a scrape says of itself is each client's own; series of a peer's own are no fault.
    """
    for labels, value in ours.items():
        own = dict(labels)["__name__"] in _OF_THE_SCRAPE
        # vmagent reads decimals in its own way, with an error in the last digit
        if labels not in theirs or not (own or isclose(theirs[labels], value, rel_tol=1e-12)):
            raise Different(f"{name} sent {theirs.get(labels)} for {dict(labels)}, pushvar {value}")


def _values(bodies: list[bytes]) -> Numbers:
    return {
        tuple((label.name, label.value) for label in series.labels): series.samples[-1].value
        for body in bodies
        for series in WriteRequest.FromString(snappy.decompress(body)).timeseries
        if series.samples
    }


def section(result: Peers) -> Section:
    """The table of a run."""
    rows = tuple(
        (
            f"{peer.name} {peer.version}", whole(peer.cpu_us.median), least_to_most(peer.cpu_us),
            times(peer.ratio), whole(peer.rss_mb), whole(peer.peak_mb),
        )
        for peer in result.peers
    )  # fmt: skip
    return Section(
        f"A target-cycle of {workload.SERIES} series, {result.targets} targets every {result.interval_s} s",
        ("client", "CPU, µs", "least to most", "pushvar takes", "MB resident", "peak"),
        rows,
        (
            f"{result.windows} windows of {INTERVALS} intervals. Targets served by {result.made_with}."
            " The naive script ran after the others."
        ),
    )


main = command("peers", "CPU of a target-cycle beside vmagent and the Prometheus agent; minutes.")

if __name__ == "__main__":
    main()
