"""What a job says of itself: numbers that it sets, stages that it timed, metrics that it wrote as text.

A number ``rows`` becomes the gauge ``batch_job_rows``, so that ``records_processed`` is the metric of that
name: a metric of its own for each number, as numbers of different units under one name would make no sum.
What is written as exposition text keeps its own names.
"""

from __future__ import annotations

import json
import re
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from pushvar.catalogue import BATCH_FAMILIES, BATCH_METRICS, BATCH_PREFIX, LINE_FAULTS, METRIC_NAME
from pushvar.convert.text import family_of
from pushvar.errors import ConfigError
from pushvar.jobs.run import stage_duration
from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample
from pushvar.wire.exposition.lines import Unreadable, number_of
from pushvar.wire.exposition.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.model import Labels

SERIES_LIMIT = 2_000
"""Series that one run may have of its own."""
BODY_BYTES = 1 << 20
"""How much of a file is read."""

_SETTABLE = frozenset(row.family.name for row in BATCH_METRICS if row.settable)
_STAGE = f"{BATCH_PREFIX}stage_duration_seconds"
_ASSIGNMENT = re.compile(r"\s*([^\s=+{}\"#]+)\s*(\+?=)\s*(\S+)\s*")
_KEPT_BY_THE_GATEWAY = ("push_time_seconds", "push_failure_time_seconds")
_BARE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OBJECT = re.compile(rb"\s*\{.*\}\s*", re.DOTALL)


def metric_of(name: str, unit: str = "") -> str:
    """The metric that a number of this name becomes. Raises ConfigError for a name that none can have."""
    full = name if name.startswith(BATCH_PREFIX) else BATCH_PREFIX + name
    if unit and not full.endswith(f"_{unit}"):
        full += f"_{unit}"
    if not _BARE.fullmatch(name) or not METRIC_NAME.fullmatch(full):
        raise ConfigError("", f"{name!r} cannot be the name of a number", hint="use letters, digits and _")
    if full in BATCH_FAMILIES and full not in _SETTABLE:
        raise ConfigError("", f"{full} is measured and cannot be set", hint="choose another name")
    return full


def assignment(text: str) -> tuple[str, str, float]:
    """Name, operator and number of ``name=number`` or ``name+=number``. Raises ConfigError."""
    match = _ASSIGNMENT.fullmatch(text)
    try:
        if match is not None:
            return match[1], match[2], number_of(match[3].encode())
    except Unreadable:
        pass
    raise ConfigError("", f"{text!r} sets nothing", hint="write rows=42, or rows+=42 to add")


class Records:
    """The numbers of one run; threads may share it. ``problems`` says what was left out, each once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._families: dict[str, Family] = {}
        self._samples: dict[str, dict[tuple[str, Labels], float]] = {}
        self._count = 0
        self.problems: dict[str, None] = {}

    def set(self, name: str, value: float, unit: str = "") -> None:
        """Set a number; the last one counts. Raises ConfigError for a name that it cannot have."""
        self._number(metric_of(name, unit), partial(_replaced, float(value)))

    def add(self, name: str, value: float, unit: str = "") -> None:
        """Add to a number, which begins at 0. Raises ConfigError for a name that it cannot have."""
        self._number(metric_of(name, unit), lambda before: before + value)

    def stage(self, name: str, duration_s: float) -> None:
        """Add to the time of a stage."""
        (sample,) = stage_duration(name, duration_s).samples
        self._put(BATCH_FAMILIES[_STAGE], sample.name, sample.labels, lambda before: before + sample.value)

    def families(self) -> tuple[FamilySamples, ...]:
        """All of it as it is now."""
        with self._lock:
            return tuple(
                FamilySamples(
                    self._families[name],
                    tuple(PrintedSample(of, labels, value) for (of, labels), value in samples.items()),
                )
                for name, samples in self._samples.items()
            )

    def read(self, body: bytes, source: str, *, whole: bool) -> None:
        """Take what a job wrote into a file, line by line and in any mixture.

        ``name=number``, ``name+=number``, a JSON object of numbers, or exposition text. A line that cannot
        be read is left out with a word. Without ``whole`` somebody may be in the middle of the last line.
        """
        if len(body) > BODY_BYTES:
            self._left_out(f"{source}: only the first {BODY_BYTES >> 20} MiB are read")
        lines = body[:BODY_BYTES].split(b"\n")
        if not whole or len(body) > BODY_BYTES:
            del lines[-1]
        rest = [self._rest(line, f"{source}, line {number}") for number, line in enumerate(lines, 1)]
        self._text(b"\n".join(rest) + b"\n", source)

    def _rest(self, line: bytes, place: str) -> bytes:
        """What a line is apart from numbers that it sets: exposition text, or nothing."""
        try:
            if _OBJECT.fullmatch(line):
                self._object(line)
            elif _ASSIGNMENT.fullmatch(text := line.decode("utf-8", "replace")):
                name, operator, value = assignment(text)
                (self.add if operator == "+=" else self.set)(name, value)
            else:
                return line
        except ConfigError as error:
            self._left_out(f"{place}: {error}")
        return b""

    def _object(self, line: bytes) -> None:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise ConfigError("", "is no JSON object") from None
        wrong = [name for name, value in found.items() if type(value) not in (int, float, bool)]
        for name, value in found.items():
            if name not in wrong:
                self.set(name, value)
        if wrong:
            raise ConfigError("", f"{wrong[0]!r} has no number")

    def _text(self, body: bytes, source: str) -> None:
        """Exposition text: metrics under their own names, without timestamps."""
        found = parse(body)
        for fault in found.faults:
            self._left_out(f"{source}, line {fault.line}: {LINE_FAULTS[fault.reason]}")
        for sample in found.samples:
            name, labels = sample.series
            family = family_of(name, found.families)
            if name == _STAGE and len(labels) == 1 and labels[0][0] == "stage":
                self.stage(labels[0][1], sample.value)
            elif name in _SETTABLE:
                self.set(name, sample.value)
            elif family.name in BATCH_FAMILIES or family.name in _KEPT_BY_THE_GATEWAY:
                self._left_out(f"{source}, line {sample.line}: {name} is measured and cannot be set")
            else:
                self._put(family, name, labels, partial(_replaced, sample.value))

    def _number(self, name: str, value: Callable[[float], float]) -> None:
        self._put(BATCH_FAMILIES.get(name) or Family(name, MetricType.GAUGE), name, (), value)

    def _put(self, family: Family, name: str, labels: Labels, value: Callable[[float], float]) -> None:
        """Store a sample whose value follows from the one before; the first type of a name stays."""
        with self._lock:
            samples = self._samples.setdefault(family.name, {})
            if (name, labels) not in samples:
                if self._count >= SERIES_LIMIT:
                    self._left_out(f"more than {SERIES_LIMIT} series: the rest is left out")
                    return
                self._count += 1
            self._families.setdefault(family.name, family)
            samples[name, labels] = value(samples.get((name, labels), 0.0))

    def _left_out(self, problem: str) -> None:
        self.problems[problem] = None


def _replaced(value: float, _before: float) -> float:
    return value
