"""Rules of a configuration to rules of the engine: presets looked up, histograms spelt out as their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from pushvar.config.mappings import KEYS
from pushvar.convert.mapping.arrays import ArrayBuckets
from pushvar.convert.mapping.explicit import Drop, Mapped
from pushvar.convert.mapping.paths import Pattern, literal, pattern_of
from pushvar.convert.mapping.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushvar.config.mappings import HistogramBlock, MappingRule
    from pushvar.convert.mapping.rules import Rule

_BOUND = r"{le:(?:[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[+]?[iI]nf|Max)}"
_INDEX = r"{le:\d+}"


def written_rules(name: str, rules: Sequence[MappingRule]) -> Iterator[Rule]:
    """The engine's rules of one set, in order; reports call them ``name[index]``."""
    for index, rule in enumerate(rules):
        called = f"{name}[{index}]"
        if rule.preset is not None:
            yield PRESETS[rule.preset](called)
        elif rule.action == "drop":
            yield Drop(rule, called)
        elif rule.histogram is not None:
            yield from _histogram(rule, rule.histogram, called)
        else:
            yield Mapped(rule, called)


def _histogram(rule: MappingRule, block: HistogramBlock, name: str) -> Iterator[Rule]:
    """Fields are keys, taken literally; ``match`` names them too, for the help text."""
    whole = replace(rule, type="histogram", histogram=None, buckets=None)
    object_steps = pattern_of(rule.match).steps
    for field, role, factor in ((block.count, "count", None), (block.sum, "sum", block.scale)):
        if field:
            part = replace(whole, match=(*rule.match, field), role=role, scale=factor)
            yield Mapped(part, name, Pattern((*object_steps, literal(field))))
    bucket = replace(whole, role="bucket", le_scale=block.le_scale, buckets=rule.buckets)
    if block.bounds == KEYS:
        yield Mapped(replace(bucket, match=(*rule.match, _BOUND)), name)
    else:
        listed = replace(
            bucket, match=(*rule.match, block.counts, _INDEX), buckets=rule.buckets or "disjoint"
        )
        steps = (*object_steps, literal(block.counts), *pattern_of((_INDEX,)).steps)
        yield ArrayBuckets(listed, name, Pattern(steps), block.bounds)
