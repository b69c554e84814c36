"""Exposition formats for people and scrapers: Prometheus text and OpenMetrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushvar.model import Family, Labels


@dataclass(frozen=True, slots=True)
class PrintedSample:
    """One sample under its full name; ``labels`` do not hold ``__name__``."""

    name: str
    labels: Labels
    value: float
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FamilySamples:
    """A family and all its samples. In a document a family stands once, and so does each series."""

    family: Family
    samples: tuple[PrintedSample, ...]
