"""The metrics that an expression names. This reads names and nothing else: it is no parser of PromQL."""

from __future__ import annotations

import re

from pushvar.catalogue.metrics import metric_of_series

REMOVED = {
    "go_memstats_lookups_total": "the Go runtime has counted none since 2018, it is always 0",
    "go_gc_pauses_seconds": "the runtime calls it go_sched_pauses_total_gc_seconds now",
}
"""Metrics that are gone, or say nothing any more -> why."""

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')
_BRACES = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{[^}]*\}|\$\w+|\[\[\w+\]\]")
_NAME = re.compile(r"(?<![\w.:$])[a-zA-Z_:][\w:]*(?!\w*\s*\()")
_WORDS = frozenset(
    ["and", "or", "unless", "offset", "bool", "by", "without", "on", "ignoring", "group_left", "group_right",
     "inf", "nan"]
)  # fmt: skip


def metric_names(expr: str) -> set[str]:
    """The names of series in an expression of PromQL."""
    bare = _VARIABLE.sub(" ", _STRINGS.sub('""', expr))
    bare = _GROUPING.sub(" ", _BRACES.sub(" ", bare))
    return {name for name in _NAME.findall(bare) if name.lower() not in _WORDS}


def families(expr: str) -> list[str]:
    """Their families that the catalogue knows, in its order."""
    used = metric_names(expr)
    return list(dict.fromkeys(one.family.name for name, one in metric_of_series().items() if name in used))


def recorded(expr: str) -> list[str]:
    """The recorded series in it: by convention their names have colons."""
    return sorted(name for name in metric_names(expr) if ":" in name)
