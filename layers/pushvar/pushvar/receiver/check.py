"""One request -> the samples that may be kept, and every rule that it breaks. Pure.

``check_request`` reads the memory of earlier requests and changes nothing; what it accepts is
remembered by the one who stores it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushvar.receiver.decode import Decoded, decode
from pushvar.receiver.envelope import V1, V2, Limits, check_headers, unpack_body
from pushvar.receiver.families import TYPES, series_text, stated_family
from pushvar.receiver.rules import Violation, status_of
from pushvar.receiver.samples import is_counter_value, sample_violation, time_violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pushvar.model import Labels
    from pushvar.receiver.decode import DecodedSeries, Metadata, Sample
    from pushvar.receiver.memory import Memory

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one request.

    ``accepted`` are the new samples by series; ``resent`` counts repetitions of a series' latest
    sample, which are fine and not new. ``families`` are the statements of metadata that hold.
    ``decoded`` is the request as it was sent, for who wants to see more than what is kept.
    """

    status: int
    violations: tuple[Violation, ...]
    version: int | None = None
    accepted: tuple[tuple[Labels, tuple[Sample, ...]], ...] = ()
    families: Mapping[str, Metadata] = field(default_factory=dict)
    resent: int = 0
    decoded_bytes: int = 0
    decoded: Decoded | None = None

    @property
    def written(self) -> int:
        """The samples that are safe here: the new ones and the repeated ones."""
        return self.resent + sum(len(samples) for _, samples in self.accepted)


def check_request(
    headers: Iterable[tuple[str, str]], body: bytes, memory: Memory, now_ms: int, limits: Limits
) -> Checked:
    """Judge one request as a strict receiver does; never raises for anything a sender can send."""
    version, found = check_headers(headers)
    if version is None:
        return refuse(found, version)
    raw, broken = unpack_body(body, limits)
    found += broken
    if raw is None:
        return refuse(found, version)
    decoded = decode(raw, version)
    run = _Run(version, memory, now_ms, found + decoded.violations)
    for row in decoded.metadata:
        run.state_family(row.family, row)
    accepted = tuple(run.accept(decoded.series))
    run.summarise()
    violations = tuple(violation.shortened() for violation in run.found)
    return Checked(
        status=status_of(violations),
        violations=violations,
        version=version,
        accepted=accepted,
        families=run.families,
        resent=run.resent,
        decoded_bytes=len(raw),
        decoded=decoded,
    )


def refuse(found: list[Violation], version: int | None) -> Checked:
    """A request of which nothing could be decoded."""
    return Checked(status_of(found), tuple(one.shortened() for one in found), version)


def label_violations(labels: Labels, version: int) -> Iterator[tuple[str, str]]:
    """Yield (rule, detail) for everything wrong with one label set.

    Strings are compared as they are: the order of code points is the order of their UTF-8 bytes.
    """
    previous = ""
    names = [name for name, _ in labels]
    if len(set(names)) < len(names):
        yield "label-repeated", next(name for name in names if names.count(name) > 1)
    for name, value in labels:
        if name < previous:
            yield "label-order", f"{name!r} stands after {previous!r}"
        yield from _pair_violations(name, value, version)
        previous = name
    if "__name__" not in names:
        yield "metric-name-missing", "there is no label __name__"


def _pair_violations(name: str, value: str, version: int) -> Iterator[tuple[str, str]]:
    if not name:
        yield "label-name-empty", f"a label without a name has the value {value!r}"
    elif name.startswith("__") and name != "__name__":
        yield "label-name-reserved", repr(name)
    elif version == V1 and not _LABEL_NAME.fullmatch(name):
        yield "label-name-legal", repr(name)
    if not value:
        yield "label-value-empty", f"the value of {name!r} is empty"
    elif name == "__name__" and version == V1 and not _METRIC_NAME.fullmatch(value):
        yield "metric-name-legal", repr(value)


class _Run:
    """The checks of one request's series, in the order in which they were sent."""

    def __init__(self, version: int, memory: Memory, now_ms: int, found: list[Violation]) -> None:
        self.version = version
        self.memory = memory
        self.now_ms = now_ms
        self.found = found
        self.families: dict[str, Metadata] = {}
        self.resent = 0
        self._seen: dict[Labels, Sample | None] = {}
        self._untyped: list[Labels] = []
        self._histograms: list[Labels] = []

    def accept(self, rows: Iterable[DecodedSeries]) -> Iterator[tuple[Labels, tuple[Sample, ...]]]:
        """Yield the new, valid samples of every valid series."""
        legal = self.memory.legal[self.version]
        for series in rows:
            labels = series.labels
            if labels not in legal and self._report(labels, label_violations(labels, self.version)):
                continue
            if self._report(labels, self._series_violations(series)):
                continue
            if self.version == V2:
                self._state_type(series)
            samples = self._accept_samples(series)
            self._seen[labels] = samples[-1] if samples else self._seen.get(labels)
            if samples:
                yield labels, tuple(samples)

    def state_family(self, family: str, metadata: Metadata) -> None:
        """Take in one statement of metadata, unless it is malformed or contradicts an earlier one."""
        if not 0 <= metadata.type < len(TYPES):
            self.found.append(Violation("metadata-type", family, f"type {metadata.type} is unknown"))
            return
        if self.version == V1 and not _METRIC_NAME.fullmatch(family):
            self.found.append(Violation("metadata-name", "", f"{family!r} is no metric name"))
            return
        earlier = self._type_of(family)
        stated = TYPES[metadata.type]
        if earlier not in {None, stated}:
            self.found.append(Violation("metadata-flap", family, f"was {earlier}, is now {stated}"))
        else:
            self.families[family] = metadata

    def summarise(self) -> None:
        """Add the warnings that concern many series at once, one line each."""
        for rule, rows, word in (
            ("metadata-missing", self._untyped, "series state no type"),
            ("histogram-dropped", self._histograms, "series of native histograms"),
        ):
            if rows:
                self.found.append(
                    Violation(rule, series_text(rows[0]), f"{len(rows)} {word}; this is the first")
                )

    def _report(self, labels: Labels, broken: Iterator[tuple[str, str]]) -> bool:
        count = len(self.found)
        self.found.extend(Violation(rule, series_text(labels), detail) for rule, detail in broken)
        return len(self.found) > count

    def _series_violations(self, series: DecodedSeries) -> Iterator[tuple[str, str]]:
        if not series.samples and not series.histograms:
            yield "series-empty", "no sample, no histogram"
        if self.version == V2 and series.samples and series.histograms:
            yield "series-mixed", f"{len(series.samples)} samples, {len(series.histograms)} histograms"

    def _accept_samples(self, series: DecodedSeries) -> list[Sample]:
        labels = series.labels
        last = repeatable = self.memory.last.get(labels)
        if labels in self._seen:
            # Its samples are judged like any others: the specifications allow what this rule forbids.
            self._report(labels, iter([("series-repeated", "the label set stands twice in the request")]))
            last, repeatable = self._seen[labels] or last, None
        accepted: list[Sample] = []
        for sample in series.samples:
            if repeatable is not None and sample[:2] == repeatable[:2]:
                self.resent += 1
                repeatable = None
                continue
            broken = sample_violation(sample, last, self.now_ms)
            if broken is None:
                accepted.append(sample)
                last, repeatable = sample, None
            else:
                self.found.append(Violation(broken[0], series_text(labels), broken[1]))
        self._check_extras(series)
        return accepted

    def _check_extras(self, series: DecodedSeries) -> None:
        if series.histograms:
            self._histograms.append(series.labels)
            broken = (time_violation(time_ms, self.now_ms) for time_ms in series.histograms)
            self._report(series.labels, (one for one in broken if one))
        if series.exemplars and not all(one.time_ms for one in series.exemplars) and self.version == V2:
            self._report(series.labels, iter([("exemplar-timestamp", "an exemplar has none")]))
        name = dict(series.labels)["__name__"]
        if self._type_of(name) == "counter":
            wrong = [one.value for one in series.samples if not is_counter_value(one)]
            self._report(series.labels, (("counter-value", f"the value is {value!r}") for value in wrong[:1]))

    def _state_type(self, series: DecodedSeries) -> None:
        metadata = series.metadata
        if metadata is not None and metadata.type:
            kind = TYPES[metadata.type] if 0 < metadata.type < len(TYPES) else ""
            self.state_family(stated_family(dict(series.labels)["__name__"], kind), metadata)
        elif not all(sample.is_stale for sample in series.samples):
            self._untyped.append(series.labels)

    def _type_of(self, family: str) -> str | None:
        stated = self.families.get(family)
        return self.memory.types.get(family) if stated is None else TYPES[stated.type]
