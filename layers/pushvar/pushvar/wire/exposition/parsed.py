"""What the parser of exposition text gives: families, samples, and the lines that it could not take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.model import Labels


class Series(NamedTuple):
    """The identity of a sample: its full name, and its labels, sorted, none of them empty."""

    name: str
    labels: Labels


class Exemplar(NamedTuple):
    """An example of what a sample counted, usually with a trace id among its labels."""

    labels: Labels
    value: float
    timestamp_ms: int | None


class ParsedSample(NamedTuple):
    """One sample line: where it stands (``line``, from 1) and how long it is before its value, in bytes."""

    series: Series
    value: float
    timestamp_ms: int | None
    exemplar: Exemplar | None
    line: int
    head_bytes: int


@dataclass(frozen=True, slots=True)
class ParsedFamily:
    """What HELP, TYPE and UNIT lines say of a name; without TYPE ``type`` is ``unknown``.

    The words are those of OpenMetrics; ``untyped`` of the text format is ``unknown`` here.
    """

    name: str
    type: str = "unknown"
    help: str = ""
    unit: str = ""


class Fault(NamedTuple):
    """A line that was left out, and why: a key of ``catalogue.LINE_FAULTS``."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Exposition:
    """A parsed document: everything in it that can be understood, in its order.

    ``families`` holds every name that metadata was given for. ``faults`` are the first lines that
    were left out, ``fault_counts`` counts all of them by reason.
    """

    families: Mapping[str, ParsedFamily]
    samples: tuple[ParsedSample, ...]
    faults: tuple[Fault, ...]
    fault_counts: Mapping[str, int]
    openmetrics: bool

    @property
    def exemplars(self) -> int:
        """How many samples carry an exemplar."""
        return sum(sample.exemplar is not None for sample in self.samples)
