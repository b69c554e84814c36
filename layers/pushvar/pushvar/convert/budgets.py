"""Budgets at work on the series of one target: what is kept when there are too many. Pure.

What is kept follows from the series alone, so every cycle and every process keeps the same: the first in
the order of a hash of name and labels, as far as they fit. A histogram or a summary is kept or shed whole.
A new series takes the place of another one only if its hash is lower; most new ones are themselves shed.
Health series are never shed, and count for nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushvar.catalogue import SHED
from pushvar.model import MetricType, Skipped

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from pushvar.model import Family, Labels, Row

_PARTS = {MetricType.HISTOGRAM: "le", MetricType.SUMMARY: "quantile"}
"""Type of a metric that is several series -> the label that tells them apart."""

_PART_LABELS = frozenset(_PARTS.values())
_HASH_BYTES = 8

DENIED = "denied_label"
LABEL = "budget_label"
TARGET = "budget_target"
CUSTOMER = "budget_customer"


@dataclass(frozen=True, slots=True)
class Budget:
    """What one target may have: ``series`` in all, ``label_values`` of one label (0: any number).

    ``denied`` are names of labels that no series may have. ``allowance`` is what the budget of its customer
    leaves it; None where that is no limit.
    """

    series: int = 0
    label_values: int = 0
    denied: frozenset[str] = frozenset()
    allowance: int | None = None

    def may_shed(self, rows: Sequence[Row]) -> bool:
        """Whether these rows could be too many, or too much, for it; it is cheap to ask."""
        if 0 < self.series < len(rows) or (self.allowance is not None and self.allowance < len(rows)):
            return True
        if not (self.label_values or self.denied):
            return False
        return _widest(rows) > (self.label_values or len(rows)) or _named(rows, self.denied)

    def shed(
        self, rows: Sequence[tuple[Row, Labels]], families: Sequence[Family], own: Container[str]
    ) -> dict[int, str]:
        """Index of each row that is left out -> why. The target's own labels (``own``) may be any."""
        cut = _Cut(rows, families)
        if self.denied:
            cut.denied({name for name in self.denied if name not in own})
        if self.label_values:
            cut.values(self.label_values, own)
        if self.series:
            cut.most(self.series, TARGET)
        if self.allowance is not None:  # of what is left, so that it never brings back another one
            cut.most(self.allowance, CUSTOMER)
        return cut.out


@dataclass(slots=True)
class _Cut:
    """The rows that are out so far, and why."""

    rows: Sequence[tuple[Row, Labels]]
    families: Sequence[Family]
    out: dict[int, str] = field(default_factory=dict)

    def denied(self, names: set[str]) -> None:
        """Leave out every row with a label of one of these names."""
        for index, (_, labels) in enumerate(self.rows):
            if any(name in names for name, _ in labels):
                self.out[index] = DENIED

    def values(self, most: int, own: Container[str]) -> None:
        """Leave out rows whose value of a label is not among the first so many by hash."""
        found: dict[str, set[str]] = {}
        for labels in {labels for _, labels in self._left()}:
            for name, value in labels:
                if name not in _PART_LABELS and name not in own:
                    found.setdefault(name, set()).add(value)
        gone = {
            (name, value)
            for name, values in found.items()
            if len(values) > most
            for value in sorted(values, key=lambda value: _hash((value,)))[most:]
        }
        for index, (_, labels) in enumerate(self.rows):
            if gone and index not in self.out and not gone.isdisjoint(labels):
                self.out[index] = LABEL

    def most(self, most: int, reason: str) -> None:
        """Leave out metrics that do not fit any more, in the order of their hashes."""
        metrics: dict[tuple[str, Labels], list[int]] = {}
        for index, (row, labels) in enumerate(self.rows):
            if index not in self.out:
                metrics.setdefault(self._metric(row, labels), []).append(index)
        room = most
        if sum(map(len, metrics.values())) <= room:
            return
        for _, indexes in sorted(metrics.items(), key=lambda metric: _hash(metric[0])):
            if len(indexes) <= room:
                room -= len(indexes)
            else:
                self.out.update(dict.fromkeys(indexes, reason))

    def _left(self) -> Iterable[tuple[Row, Labels]]:
        return (row for index, row in enumerate(self.rows) if index not in self.out)

    def _metric(self, row: Row, labels: Labels) -> tuple[str, Labels]:
        """What a row is kept or shed with: itself, or the whole histogram."""
        family = self.families[row.family]
        part = _PARTS.get(family.type)
        if part is None:
            return row.name, labels
        return family.name, tuple(pair for pair in labels if pair[0] != part)


def skipped(rows: Sequence[tuple[Row, Labels]], out: dict[int, str]) -> tuple[Skipped, ...]:
    """Rows that are left out, with the reason, for people."""
    return tuple(
        Skipped(rows[index][0].path, f"{reason}: {SHED[reason]}") for index, reason in sorted(out.items())
    )


def counted(out: dict[int, str]) -> tuple[tuple[str, int], ...]:
    """How many are left out, by reason."""
    return tuple(sorted(Counter(out.values()).items()))


def fair_share(counts: Iterable[int], budget: int) -> int:
    """The most that each of these may have so that all together keep the budget: who has less keeps all."""
    wanted = sorted(counts)
    room = budget
    for place, count in enumerate(wanted):
        share = room // (len(wanted) - place)
        if count > share:
            return share
        room -= count
    return wanted[-1] if wanted else budget


def _hash(metric: object) -> bytes:
    return hashlib.blake2b(json.dumps(metric).encode(), digest_size=_HASH_BYTES).digest()


def _widest(rows: Iterable[Row]) -> int:
    """How many values the label has that has most."""
    found: dict[str, set[str]] = {}
    for labels in {row.labels for row in rows}:
        for name, value in labels:
            if name not in _PART_LABELS:
                found.setdefault(name, set()).add(value)
    return max(map(len, found.values()), default=0)


def _named(rows: Iterable[Row], names: frozenset[str]) -> bool:
    return bool(names) and any(name in names for row in rows for name, _ in row.labels)
