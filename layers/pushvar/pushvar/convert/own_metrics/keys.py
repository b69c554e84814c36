"""The keys of our own numbers: a series as Prometheus writes it, labels sorted by name.

``pushvar_samples_dropped_total{backend="main",reason="too_old"}``: this is the one place that writes and
reads the format. A key that is not written exactly so, or that the catalogue does not know, is not read:
what an earlier version left in a head does no harm.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from pushvar.catalogue import SELF_METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.model import Labels

VALUE_CHARS = 128
"""A longer label value (a backend may have any name) is cut."""

NO_VALUE = "none"
"""Stands for an empty label value, which would be an absent label."""

_LABELS = {row.family.name: tuple(sorted(row.labels)) for row in SELF_METRICS}
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_ESCAPED = re.compile(r'\\(["\\n])')
_LINE_END = {"n": "\n"}
_SERIES = re.compile(r"([a-z_]+)(?:\{(.+)\})?", re.DOTALL)
_PAIR = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])+)"(?:,(?=[a-z])|$)')


def series_key(name: str, **labels: str) -> str:
    """The key of one series; a label value is made one that every receiver takes."""
    if not labels:
        return name
    pairs = ",".join(f'{label}="{_value(labels[label]).translate(_ESCAPES)}"' for label in sorted(labels))
    return f"{name}{{{pairs}}}"


@lru_cache(maxsize=4096)
def read_key(key: str) -> tuple[str, Labels] | None:
    """Name and labels of a key; None when it is none of ours."""
    found = _SERIES.fullmatch(key)
    if found is None or found[1] not in _LABELS:
        return None
    name, text = found[1], found[2] or ""
    pairs = [(label, _ESCAPED.sub(_unescaped, value)) for label, value in _PAIR.findall(text)]
    labels = dict(pairs)
    if tuple(labels) != _LABELS[name] or series_key(name, **labels) != key:
        return None
    return name, tuple(pairs)


def total(counted: Mapping[str, float], name: str) -> float:
    """The sum over all series of a name."""
    return sum(number for key, number in counted.items() if key.partition("{")[0] == name)


def by_label(counted: Mapping[str, float], name: str, label: str) -> dict[str, float]:
    """Value of the label -> what is counted of that name under it; nothing where that is zero."""
    sums: dict[str, float] = {}
    for key, number in counted.items():
        found = read_key(key) if number else None
        if found is not None and found[0] == name:
            value = dict(found[1])[label]
            sums[value] = sums.get(value, 0) + number
    return sums


def _unescaped(found: re.Match[str]) -> str:
    return _LINE_END.get(found[1], found[1])


def _value(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:VALUE_CHARS] or NO_VALUE
