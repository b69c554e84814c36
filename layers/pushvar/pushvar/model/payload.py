"""From a target's document to a scrape: what is read, what it is called, what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from pushvar.model.groups import GROUP_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Labels = tuple[tuple[str, str], ...]
"""A label set: (name, value) pairs, sorted by the bytes of the name, names unique, values non-empty."""

Times = tuple[int | None, ...]
"""Samples' own times in ms, one for each row; None where a sample has none, () when none has."""

Created = tuple[tuple[int, tuple[int, ...]], ...]
"""When series began: the place of a ``_created`` sample, and the places of the series that it tells of."""

STALE_BITS = 0x7FF0000000000002
"""The stale marker's 64 bits (remote write 1.0, "Stale Markers"). Never compute with it as a float."""

PATTERN_BYTES = 8
"""The size of one sample value as a 64-bit pattern."""


class MetricType(StrEnum):
    """The OpenMetrics types; ``unknown`` is what Prometheus text calls untyped."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"
    INFO = "info"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Family:
    """What all series of one metric name share."""

    name: str
    type: MetricType
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint: where it is fetched and what identifies its series.

    ``labels`` are the final target labels: ``job``, ``instance``, the tenant labels and those of
    the configuration. ``key`` is a stable hash of them and names the target in plans and state.
    """

    key: str
    job: str
    url: str
    labels: Labels

    @property
    def pushed(self) -> bool:
        """Whether it is a group that a batch job pushed: nothing is fetched, so it has no health series."""
        return self.key.startswith(GROUP_KEY)


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that had to be mended before the body was JSON (``kind``), and where (``place``)."""

    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded expvar body: the JSON object, and what had to be repaired to read it.

    ``private`` names the top-level keys that were removed because they may hold secrets.
    """

    values: Mapping[str, Any]
    repairs: tuple[Repair, ...] = ()
    private: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One series of a shape, before any target label is known.

    ``name`` is the sample's name (``go_gc_duration_seconds_sum``), ``family`` the index of its
    family in the shape, ``labels`` what the payload gives it, ``path`` the place in the document
    it is read from, ``rule`` what decided the name.
    """

    name: str
    family: int
    labels: Labels
    path: str
    rule: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A leaf that gives no series: where it stands and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Rules x payload structure, compiled: what to read and what the series are called.

    ``decode`` turns body bytes into a typed value and raises when the structure is another one;
    ``read_typed`` takes that value, ``read_document`` a plain JSON object of the same structure.
    Both give the 64-bit pattern of one value for each row (8 bytes, little endian), in the order
    of ``rows``. ``read_times`` gives the samples' own times from a typed value, where the format has
    them. ``repairs`` is what was mended, or left out, in every body that ``decode`` takes. ``doubts`` says,
    by row, why a fetch may have no sample for it; ``dead_rules`` names written rules that took nothing.
    """

    families: tuple[Family, ...]
    rows: tuple[Row, ...]
    decode: Callable[[bytes], Any]
    read_typed: Callable[[Any], bytes]
    read_document: Callable[[Mapping[str, Any]], bytes]
    skipped: tuple[Skipped, ...] = ()
    read_times: Callable[[Any], Times] | None = None
    repairs: tuple[Repair, ...] = ()
    doubts: Mapping[int, str] = field(default_factory=dict, hash=False)
    dead_rules: tuple[str, ...] = ()


class SeriesTemplate(Protocol):
    """The encoded label sets of a plan, waiting for values: one per remote-write version.

    ``created`` says which of its own samples tell when other series of it began; () when none does.
    """

    count: int
    created: Created

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where each series starts in the packed bytes, and the total length at the end."""

    @property
    def label_sets(self) -> tuple[bytes, ...]:
        """The encoded labels of each series."""

    @property
    def fingerprint(self) -> bytes:
        """A hash of the label sets: equal for equal series."""

    def pack(self, values: bytes, time_ms: int, times_ms: Times = ()) -> bytes:
        """Give the series as the bytes of a request's repeated field, one sample each.

        ``times_ms`` are the first series' own times, which go before ``time_ms``.
        """


@dataclass(frozen=True, slots=True)
class Plan:
    """A shape x one target's labels: the finished label bytes of every series.

    ``conflicts`` counts payload labels that had to become ``exported_*``. ``families`` are those of the
    series, without the health series'. Where metric relabelling leaves rows out, ``kept`` holds the
    places of the others and ``select`` takes their values and times out of those of all; else both are
    None. ``relabelled`` counts by reason what it did not send, or not as its steps said. ``shed`` counts by
    reason the series that budgets left out; ``allowance`` is what its customer's left it, if that is a limit.
    The last ``health`` series are those that every endpoint yields.
    """

    target: Target
    shape: Shape
    template: SeriesTemplate
    conflicts: int = 0
    families: tuple[Family, ...] = ()
    kept: tuple[int, ...] | None = None
    select: Callable[[bytes, Times], tuple[bytes, Times]] | None = None
    relabelled: tuple[tuple[str, int], ...] = ()
    shed: tuple[tuple[str, int], ...] = ()
    allowance: int | None = None
    health: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one fetch gave: the body and its Content-Type, when the fetch began, how long it took."""

    body: bytes
    time_ms: int
    duration_s: float
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Scrape:
    """One target in one cycle: a value for every series of its plan, or the reason there is none.

    ``values`` holds a 64-bit pattern for each row that the plan sends and then one for each health
    series: a stale marker among them survives, as no arithmetic touches it. ``reason`` is ``ok`` or
    a failure class; ``detail`` says what happened in words. ``times_ms`` are times that the document
    itself gives its samples; those without, and the health series, have ``time_ms``.
    """

    plan: Plan
    values: bytes
    time_ms: int
    reason: str = "ok"
    detail: str = ""
    duration_s: float = 0.0
    body_bytes: int = 0
    samples: int = 0
    repairs: tuple[Repair, ...] = ()
    times_ms: Times = ()

    @property
    def carried(self) -> int:
        """How many samples it sends: the document's and the health series'."""
        return len(self.values) // PATTERN_BYTES
