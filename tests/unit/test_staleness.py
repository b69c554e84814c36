"""Series end when they should, at least once, and never for another reason."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.convert.converter import Converter
from pushvar.convert.health import health_values
from pushvar.convert.input_format import InputFormat
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp
from pushvar.deliver.staleness import REMOVED, VANISHED, Roll, SeriesMemory
from pushvar.errors import StateError
from pushvar.model import STALE_BITS, Scrape, Target
from pushvar.state import open_state
from pushvar.state.protocol import Head
from pushvar.wire.proto import prometheus_v1_pb2 as official

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.model import Labels
    from pushvar.state.protocol import StateStore

START_MS = 1_795_173_629_844
HEALTH_NAMES = {
    "up", "scrape_duration_seconds", "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling", "scrape_series_added",
}  # fmt: skip


@dataclass
class Shard:
    """A shard from cycle to cycle; ``memory`` is that of one process, ``state`` stays."""

    state: StateStore = field(default_factory=lambda: open_state("memory:"))
    now_ms: int = START_MS
    shard: str = "0"
    converter: Converter = field(default_factory=Converter)
    crash: bool = False
    cycles: int = 0

    def __post_init__(self) -> None:
        """Start the process."""
        self.memory = SeriesMemory(self.state)

    def restart(self) -> None:
        """Another process: it knows only what is stored."""
        self.memory, self.converter = SeriesMemory(self.state), Converter()

    def scrape(self, name: str, body: bytes | None, form: str = "auto") -> Scrape:
        """What a target gave; None: nothing."""
        stamp = Stamp(Target(name, "job", "", (("instance", name), ("job", "job"))))
        health = health_values(up=body is not None, duration_s=0.1, scraped=0, kept=0, added=0)
        if body is None:
            return Scrape(self.converter.failed(stamp), health, self.now_ms, "timeout")
        made = self.converter.convert(stamp, body, built_in("auto"), form=InputFormat(form))
        return Scrape(made.plan, made.values + health, self.now_ms, times_ms=made.times_ms)

    def cycle(
        self, *, roll: set[str] | None = None, mine: Callable[[Labels], bool] = lambda _: True,
        form: str = "auto", **bodies: bytes | None,
    ) -> dict[str, set[str]]:  # fmt: skip
        """One cycle; gives the names of the series that got a marker, by instance."""
        self.now_ms += 60_000
        self.cycles += 1
        lease = self.state.acquire(self.shard, "me", cycle=self.cycles, now_ms=1, ttl_ms=1)
        assert lease is not None
        scrapes = [self.scrape(name, body, form) for name, body in bodies.items()]
        keys = set(bodies) if roll is None else roll
        found = self.memory.begin(lease, scrapes, Roll(keys, mine), self.now_ms)
        if not self.crash:
            self.memory.end(lease, found)
            self.state.commit(lease, Head(self.cycles, self.cycles))
        return {self._instance(marker): self._names(marker) for marker in found.markers}

    def _instance(self, marker: Scrape) -> str:
        assert dict(marker.plan.target.labels)["job"] == "job"
        return marker.plan.target.key

    def _names(self, marker: Scrape) -> set[str]:
        """What the marker says, as the official runtime reads it."""
        packed = marker.plan.template.pack(marker.values, marker.time_ms)
        names = set()
        for series in official.WriteRequest.FromString(packed).timeseries:
            labels = {label.name: label.value for label in series.labels}
            assert labels["instance"] == marker.plan.target.key
            (sample,) = series.samples
            assert struct.pack("<d", sample.value) == STALE_BITS.to_bytes(8, "little")
            assert sample.timestamp == self.now_ms
            names.add(labels["__name__"])
        return names


AB, A, BC = b'{"a": 1, "b": 2}', b'{"a": 3}', b'{"b": 1, "c": 2}'


def test_nothing_ends_while_nothing_changes() -> None:
    """The same series again, with other values, also in another process after a cold start."""
    shard = Shard()
    assert shard.cycle(x=AB) == {}
    assert shard.cycle(x=b'{"a": 5, "b": 6}') == {}
    shard.restart()
    assert shard.cycle(x=AB) == {}


def test_a_vanished_series_ends_once() -> None:
    """A series that is missing gets one marker; one that comes back just goes on."""
    shard = Shard()
    shard.cycle(x=AB)
    assert shard.cycle(x=A) == {"x": {"b"}}
    assert shard.cycle(x=A) == {}
    assert shard.cycle(x=AB) == {}
    assert shard.cycle(x=BC) == {"x": {"a"}}
    shard.restart()
    assert shard.cycle(x=A) == {"x": {"b", "c"}}


def test_a_failed_fetch_ends_the_targets_own_series() -> None:
    """All but the health series, once; what comes back goes on, and ends again with the next failure."""
    shard = Shard()
    shard.cycle(x=AB, y=A)
    assert shard.cycle(x=None, y=A) == {"x": {"a", "b"}}
    assert shard.cycle(x=None, y=A) == {}
    shard.restart()
    assert shard.cycle(x=None, y=A) == {}
    assert shard.cycle(x=AB, y=A) == {}
    assert shard.cycle(x=None, y=A) == {"x": {"a", "b"}}
    assert shard.cycle(x=A, y=A) == {}
    assert shard.cycle(x=None, y=A) == {"x": {"a"}}


def test_a_removed_target_ends_whole() -> None:
    """All its series, the health series too, once; also one that was down, also after a cold start."""
    shard = Shard()
    shard.cycle(x=AB, y=A, z=None)
    shard.restart()
    assert shard.cycle(y=A) == {"x": {"a", "b", *HEALTH_NAMES}, "z": HEALTH_NAMES}
    assert shard.cycle(y=A) == {}
    assert shard.state.series(["x", "z"]) == {}


def test_not_due_is_not_removed() -> None:
    """A target of the shard whose turn it is not keeps its series."""
    shard = Shard()
    shard.cycle(x=AB, y=A)
    assert shard.cycle(y=A, roll={"x", "y"}) == {}
    assert shard.cycle(x=A, y=A) == {"x": {"b"}}


def test_a_target_that_moves_to_another_shard_does_not_end() -> None:
    """The old shard forgets it silently; the new one goes on with what is known of its series."""
    old = Shard()
    old.cycle(x=AB, y=A)
    assert old.cycle(y=A, mine=lambda labels: dict(labels)["instance"] != "x") == {}
    new = Shard(old.state, old.now_ms, "1")
    assert new.cycle(x=A) == {"x": {"b"}}
    assert old.cycle(y=A) == {}


@pytest.mark.parametrize("after", [{"x": A}, {"x": None}, {}])
def test_a_crash_sends_a_marker_again(after: dict[str, Any]) -> None:
    """Whatever ended in a cycle that died ends in the next one: at least once, never not at all."""
    shard = Shard()
    shard.cycle(x=AB, y=A)
    shard.crash = True
    first = shard.cycle(y=A, **after)
    shard.crash = False
    shard.restart()
    assert shard.cycle(y=A, **after) == first != {}
    assert shard.cycle(y=A, **after) == {}


def test_a_crash_between_two_changes_forgets_no_series() -> None:
    """What a dying cycle sent for the first time is remembered, although it never ended."""
    shard = Shard()
    shard.cycle(x=A)
    shard.crash = True
    shard.cycle(x=AB)
    shard.crash = False
    shard.restart()
    assert shard.cycle(x=A) == {"x": {"b"}}


def test_series_with_their_own_times_get_no_markers() -> None:
    """As in Prometheus: nobody knows when they end."""
    shard = Shard()
    shard.cycle(form="prometheus", x=b"a 1 1795173600000\nb 2\n")
    assert shard.cycle(form="prometheus", x=b"c 3\n") == {"x": {"b"}}


def test_another_writer_in_between_is_noticed() -> None:
    """What a process remembers holds only while nobody else had the shard."""
    one = Shard()
    one.cycle(x=AB)
    two = Shard(one.state, one.now_ms)
    assert two.cycle(x=A) == {"x": {"b"}}
    one.now_ms = two.now_ms
    assert one.cycle(x=A) == {}


def test_a_warm_cycle_reads_and_writes_nothing() -> None:
    """Healthy targets cost the store nothing from the second cycle on."""
    shard = Shard()
    shard.cycle(x=AB, y=A)

    class Gone:
        """A store that knows leases and fails when it is asked for series."""

        def __init__(self, state: StateStore) -> None:
            self.acquire, self.commit = state.acquire, state.commit

        def __getattr__(self, name: str) -> object:
            raise StateError(f"{name} was asked")

    shard.memory._state = Gone(shard.state)  # type: ignore[assignment]
    assert shard.cycle(x=AB, y=A) == {}
    with pytest.raises(StateError, match="series was asked"):
        shard.cycle(x=A, y=A)


def test_why_a_marker_is_sent() -> None:
    """Its scrape tells a series that is missing from a target that is gone."""
    shard = Shard()
    shard.cycle(x=AB, y=A)
    lease = shard.state.acquire("0", "me", cycle=1, now_ms=1, ttl_ms=1)
    assert lease is not None
    found = shard.memory.begin(lease, [shard.scrape("x", A)], Roll({"x"}), shard.now_ms)
    assert [marker.reason for marker in found.markers] == [VANISHED, REMOVED]
