"""Mapping rules tried on payloads: the series they give and what is wrong with them. Nothing is fetched."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from pushvar.config.mapping_checks import type_of_rule
from pushvar.convert.converter import Converter
from pushvar.convert.mapping import rule_set
from pushvar.convert.mapping.histograms import TORN
from pushvar.convert.mapping.rules import SHAPE_ERROR
from pushvar.convert.mapping.values import DOUBTS, NOT_FINITE
from pushvar.convert.plan import Stamp
from pushvar.model import PATTERN_BYTES, Target
from pushvar.wire.exposition import FamilySamples, PrintedSample

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.config.mappings import MappingRule, Rules
    from pushvar.convert.converter import Converted
    from pushvar.model import Repair, Shape, Skipped

_FAULTS = (SHAPE_ERROR, "duplicate of ", "type conflict on ")
_WITHHELD = {TORN, NOT_FINITE, *DOUBTS.values()}
_UNMATCHED = {"unmatched", "string_without_rule", "bool_without_rule", "list_without_rule", "no_name"}
_BY_CONVENTION = "auto"


@dataclass(frozen=True, slots=True)
class Trial:
    """What rules make of one payload.

    ``faults`` are shape errors, duplicates, type conflicts and samples withheld; ``unmatched`` the paths
    that no rule took; ``by_convention`` counts the series among ``families`` that were named by their path.
    """

    name: str
    families: tuple[FamilySamples, ...]
    faults: tuple[Skipped, ...]
    unmatched: tuple[str, ...]
    by_convention: int
    dead_rules: tuple[str, ...]
    repairs: tuple[Repair, ...]

    @property
    def samples(self) -> int:
        """How many samples it gives."""
        return sum(len(family.samples) for family in self.families)


def try_rules(
    sets: Sequence[tuple[str, Rules]], unmatched: str, payloads: Iterable[tuple[str, bytes]]
) -> list[Trial]:
    """Convert each named payload on its own. Raises DecodeError for one that is no document."""
    rules = rule_set(sets, unmatched)
    stamp = Stamp(Target("trial", "trial", "", ()))
    return [_trial(name, Converter().convert(stamp, body, rules)) for name, body in payloads]


def dead_in_all(trials: Sequence[Trial]) -> tuple[str, ...]:
    """The rules that took nothing of any payload."""
    counted = Counter(rule for trial in trials for rule in trial.dead_rules)
    return tuple(rule for rule, count in counted.items() if count == len(trials))


def scale_warnings(sets: Iterable[tuple[str, Rules]]) -> list[str]:
    """Histograms whose bounds are scaled and whose sum is not, or the other way round."""
    warnings = []
    for _name, rules in sets:
        by_name: dict[str, list[MappingRule]] = {}
        for rule in rules:
            if type_of_rule(rule) == "histogram":
                by_name.setdefault(rule.name, []).append(rule)
        for name, group in by_name.items():
            bounds = {_le_scale(rule) for rule in group if rule.role == "bucket" or rule.histogram}
            sums = {_scale(rule) for rule in group if rule.role == "sum" or _has_sum(rule)}
            if bounds and sums and bounds != sums:
                warnings.append(f"{name}: le_scale and scale differ; bounds and sum have one unit")
    return warnings


def _scale(rule: MappingRule) -> str | None:
    return rule.histogram.scale if rule.histogram else rule.scale


def _le_scale(rule: MappingRule) -> str | None:
    return rule.histogram.le_scale if rule.histogram else rule.le_scale


def _has_sum(rule: MappingRule) -> bool:
    return rule.histogram is not None and bool(rule.histogram.sum)


def _trial(name: str, converted: Converted) -> Trial:
    shape = converted.plan.shape
    faults = [one for one in shape.skipped if one.reason.startswith(_FAULTS) or one.reason in _WITHHELD]
    return Trial(
        name,
        _families(shape, converted.values),
        tuple(faults),
        tuple(one.path for one in shape.skipped if one.reason in _UNMATCHED),
        sum(row.rule == _BY_CONVENTION for row in shape.rows),
        shape.dead_rules,
        converted.repairs,
    )


def _families(shape: Shape, values: bytes) -> tuple[FamilySamples, ...]:
    numbers = struct.unpack(f"<{len(values) // PATTERN_BYTES}d", values)
    pairs = sorted(
        zip(shape.rows, numbers, strict=True), key=lambda pair: shape.families[pair[0].family].name
    )
    grouped = groupby(pairs, key=lambda pair: pair[0].family)
    return tuple(
        FamilySamples(
            shape.families[family], tuple(PrintedSample(row.name, row.labels, value) for row, value in group)
        )
        for family, group in grouped
    )
