"""Families under relabelling: that of a sample, and what it is called once the sample is renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.model import Family, MetricType

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTS = ("_bucket", "_sum", "_count", "_gsum", "_gcount", "_total", "_info", "_created")


def family_of(name: str, families: Mapping[str, Family]) -> Family | None:
    """The family that a sample of this name belongs to, itself or as a part of one."""
    if found := families.get(name):
        return found
    stems = [name.removesuffix(part) for part in _PARTS if name.endswith(part)]
    return next((families[stem] for stem in stems if stem in families), None)


def renamed(family: Family, before: str, after: str) -> Family:
    """The family of a sample that was called ``before``: a part of one only while it ends as that part."""
    part = before.removeprefix(family.name) if before.startswith(family.name) else ""
    if part in _PARTS and after.endswith(part) and after != part:
        name, kind = after.removesuffix(part), family.type
    elif part or family.type is MetricType.HISTOGRAM:
        name, kind = after, MetricType.UNKNOWN
    else:
        name, kind = after, family.type
    stem = name.removesuffix("_total")
    unit = family.unit if stem.endswith(f"_{family.unit}") else ""
    return Family(name, kind, family.help, unit)
