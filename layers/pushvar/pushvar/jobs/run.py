"""One run of a batch job: what is to be said of it as it goes on and when it ends. No process, no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.catalogue import BATCH_FAMILIES, BATCH_METRICS, BATCH_PREFIX, BATCH_STATUSES, LABEL_NAME
from pushvar.config.values import Duration
from pushvar.errors import ConfigError
from pushvar.jobs.transport import Said
from pushvar.wire.exposition import FamilySamples, PrintedSample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pushvar.model import Grouping, Labels

_TTL_INTERVALS = 3
_LEAST_TTL_S = 86_400.0
_OWN_LABELS = frozenset({"job", "le", "quantile", *(name for row in BATCH_METRICS for name in row.labels)})

Numbers = tuple[tuple[str, "Labels", float], ...]
"""Name without the prefix, labels, value."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What is known of a job before it runs; a time of 0 and an empty text are not declared."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    every_s: float = 0.0
    timeout_s: float = 0.0
    ttl_s: float = 0.0
    version: str = ""
    schedule: str = ""

    def check(self) -> None:
        """Raise ConfigError for a name or labels that no group can have.

        A label of the group goes before one of a series: it may not be one that tells series apart.
        """
        if not self.name:
            raise ConfigError("job", "has no name", hint="give it one")
        for name, _ in self.labels:
            if not LABEL_NAME.fullmatch(name) or name.startswith("__"):
                raise ConfigError("label", f"{name!r} is not a label name", hint="letters, digits and _")
            if name in _OWN_LABELS:
                raise ConfigError("label", f"{name} is a label of the metrics themselves", hint="rename it")
        if len(dict(self.labels)) < len(self.labels):
            raise ConfigError("label", "a label is given twice")

    @property
    def grouping(self) -> Grouping:
        """The labels of its group."""
        return tuple(sorted((("job", self.name), *self.labels)))

    @property
    def ttl(self) -> Duration:
        """How long the group is to live after a push; zero leaves that to the gateway.

        Three intervals, so that two missed runs can be seen, and not less than a day.
        """
        declared_s = max(_TTL_INTERVALS * self.every_s, _LEAST_TTL_S) if self.every_s else 0.0
        return Duration(int(1000 * (self.ttl_s or declared_s)))

    @property
    def facts(self) -> Iterator[tuple[str, Labels, float]]:
        """The part of the start's metrics that is known beforehand."""
        if self.every_s:
            yield "interval_seconds", (), self.every_s
        if self.timeout_s:
            yield "timeout_seconds", (), self.timeout_s
        schedule = self.schedule or (str(Duration(int(1000 * self.every_s))) if self.every_s else "")
        if self.version or schedule:
            labels = (("schedule", schedule), ("version", self.version))
            yield "info", tuple(pair for pair in labels if pair[1]), 1.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: ``status`` is a key of BATCH_STATUSES; what could not be measured is None."""

    exit_code: int
    status: str
    duration_s: float
    cpu_s: float | None = None
    max_rss_bytes: int | None = None

    @property
    def numbers(self) -> Iterator[tuple[str, Labels, float]]:
        """What is measured of it."""
        yield "duration_seconds", (), round(self.duration_s, 6)
        yield "last_exit_code", (), self.exit_code
        yield "last_success", (), self.status == "success"
        for status in BATCH_STATUSES:
            yield "last_status", (("status", status),), status == self.status
        if self.cpu_s is not None:
            yield "cpu_seconds", (), self.cpu_s
        if self.max_rss_bytes is not None:
            yield "max_rss_bytes", (), self.max_rss_bytes


class Run:
    """A run that began now. ``overlapping``: whether another one was at work, None where nobody knows.

    What it gives each time is all that is to be pushed then; times grow with each call.
    """

    def __init__(
        self, declared: Declared, now_ms: Callable[[], int], *, overlapping: bool | None = None
    ) -> None:
        self.declared = declared
        self._now_ms = now_ms
        self._overlapping = overlapping
        self._started_ms = self._last_ms = now_ms()

    def live(self, told: Iterable[FamilySamples] = (), *, first: bool) -> Said:
        """What is said at the start and with each heartbeat.

        ``first``: nothing of this run has arrived yet. That it does not overlap is not repeated after that:
        another run may have said meanwhile, in the same group, that it does.
        """
        time_ms = self._next_ms()
        families = _families((*self._start(first=first), *_alive(time_ms), ("running", (), 1.0)))
        return Said(families, time_ms, tuple(told))

    def ended(
        self, ending: Ending, told: Iterable[FamilySamples] = (), *, first: bool, alone: bool = True
    ) -> Said:
        """What is said at the end.

        Whether anything runs is left to the other run where this one is not ``alone``.
        """
        time_ms = self._next_ms()
        outcome = "success" if ending.status == "success" else "failure"
        moments = ("last_completion_timestamp_seconds", f"last_{outcome}_timestamp_seconds")
        numbers = (
            *self._start(first=first),
            *_alive(time_ms),
            *([("running", (), 0.0)] if alone else []),
            *((name, (), time_ms / 1000) for name in moments),
            *ending.numbers,
        )
        return Said(_families(numbers), time_ms, tuple(told))

    def _start(self, *, first: bool) -> Numbers:
        overlap: Numbers = ()
        if self._overlapping or (first and self._overlapping is not None):
            overlap = (("overlapping", (), float(self._overlapping)),)
        began = ("last_start_timestamp_seconds", (), self._started_ms / 1000)
        return (began, *overlap, *self.declared.facts)

    def _next_ms(self) -> int:
        """The time of what is said now: no series may have two samples of one time."""
        self._last_ms = max(self._now_ms(), self._last_ms + 1)
        return self._last_ms


def overlap_only(now_ms: int) -> Said:
    """What is said of a run that does not begin because another one is at work, whose group it is."""
    return Said(_families((("overlapping", (), 1.0),)), now_ms)


def stage_duration(stage: str, duration_s: float) -> FamilySamples:
    """How long one stage took."""
    (family,) = _families((("stage_duration_seconds", (("stage", stage),), round(duration_s, 6)),))
    return family


def _alive(time_ms: int) -> Numbers:
    return (("heartbeat_timestamp_seconds", (), time_ms / 1000),)


def _families(numbers: Iterable[tuple[str, Labels, float]]) -> tuple[FamilySamples, ...]:
    """Numbers as families, in the order of the names' first appearance."""
    samples: dict[str, list[PrintedSample]] = {}
    for short, labels, value in numbers:
        name = BATCH_PREFIX + short
        samples.setdefault(name, []).append(PrintedSample(name, labels, float(value)))
    return tuple(FamilySamples(BATCH_FAMILIES[name], tuple(found)) for name, found in samples.items())
