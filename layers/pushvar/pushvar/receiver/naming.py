"""How the series of one family are told apart in few words, and in which order they stand. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.receiver.queries import SeriesInfo

_GOES_WITH_INSTANCE = frozenset({"job", "customer_id", "service_domain", "sla_tier"})
_BOUNDS = ("le", "quantile")


class ShortName(NamedTuple):
    """What tells a series from its family's others (may be empty), and the instance it comes from."""

    what: str
    instance: str


def order(one: SeriesInfo) -> tuple[str, str, str, float, str]:
    """The sort key of a list of series: by family, name, instance; buckets and quantiles by number."""
    labels = dict(one.labels)
    return (one.family, one.name, labels.get("instance", ""), _bound(labels), repr(one.labels))


def short_names(family: Sequence[SeriesInfo]) -> list[ShortName]:
    """A short name for every series of a family, in order; no two are equal."""
    sets = [dict(one.labels) for one in family]
    everything = {name for labels in sets for name in labels} - {"__name__", "instance"}
    differing = {name for name in everything if len({labels.get(name) for labels in sets}) > 1}
    names = [_short(one, differing - _GOES_WITH_INSTANCE) for one in family]
    if len(set(names)) < len(names):  # one instance under two jobs or tenants
        names = [_short(one, differing) for one in family]
    return names


def _short(one: SeriesInfo, shown: set[str]) -> ShortName:
    end = [one.name[len(one.family) :]] if one.name != one.family else []
    pairs = [f"{name}={value}" for name, value in one.labels if name in shown]
    return ShortName(" ".join(end + pairs), dict(one.labels).get("instance", ""))


def _bound(labels: dict[str, str]) -> float:
    try:
        return next((float(labels[name]) for name in _BOUNDS if name in labels), 0.0)
    except ValueError:
        return math.inf
