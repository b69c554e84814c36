"""From what a reader found in a body to what a group may hold: checked, completed, without its labels.

A series of a group has the labels of its body and those of the grouping, which win. So a label of a body
that the grouping has too is dropped here, and what is kept has none of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pushvar.catalogue import HEALTH, PUSH_FAILURE_TIME, PUSH_TIME
from pushvar.errors import BodyRefused
from pushvar.jobs.refusals import INCONSISTENT, limited, malformed
from pushvar.model import MetricType
from pushvar.wire.exposition.whole import demand_consistent, refused_metric, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.config.schema import Gateway
    from pushvar.model import Grouping
    from pushvar.wire.exposition import FamilySamples

_OVERRIDDEN: Final = frozenset({PUSH_TIME.name, PUSH_FAILURE_TIME.name})
_RESERVED: Final = frozenset(family.name for family in HEALTH)
_BOUNDS: Final = {MetricType.HISTOGRAM: "le", MetricType.SUMMARY: "quantile"}
_FAMILIES: Final = 50_000
"""Families of one group: their digest must fit its head."""


def admitted(
    families: Sequence[FamilySamples], grouping: Grouping, settings: Gateway
) -> tuple[FamilySamples, ...]:
    """The families as a group of these labels holds them. Raises Refusal."""
    demand_untimed(families)
    kept = [group for group in families if group.family.name not in _OVERRIDDEN]
    demand_unreserved(kept)
    try:
        complete = whole(_without(kept, grouping))
        demand_room(complete, settings)
        demand_short(complete, grouping, settings)
        demand_consistent(complete)
    except BodyRefused as error:
        raise malformed(str(error)) from None
    return complete


def demand_untimed(families: Iterable[FamilySamples]) -> None:
    """Raise Refusal for a sample with a timestamp: a group is sent again and again, as of then."""
    for group in families:
        for sample in group.samples:
            if sample.timestamp_ms is not None:
                raise malformed(f"{INCONSISTENT}: pushed metrics must not have timestamps")


def demand_unreserved(families: Iterable[FamilySamples]) -> None:
    """Raise Refusal for what pushvar itself tells of every target."""
    for group in families:
        if group.family.name in _RESERVED:
            raise malformed(
                f"metric {group.family.name} is one that every target has, made by who sends it on; rename it"
            )


def demand_room(families: Sequence[FamilySamples], settings: Gateway) -> int:
    """How many samples a group of these families has. Raises Refusal when they are more than it may have."""
    count = sum([len(group.samples) for group in families])
    if 0 < settings.sample_limit < count:
        raise limited(
            400,
            f"sample_limit is {settings.sample_limit}",
            f"the group would have {count} samples",
            "push less, make groups of it, or raise gateway.sample_limit",
        )
    if len(families) > _FAMILIES:
        raise limited(
            400, f"a group has at most {_FAMILIES} families", f"{len(families)}", "make groups of it"
        )
    return count


def demand_short(families: Iterable[FamilySamples], grouping: Grouping, settings: Gateway) -> None:
    """Raise Refusal for a series with more or longer labels than it may have; its name counts as one."""
    seen: set[tuple[str, str]] = set(grouping)
    most, known = len(grouping), len(grouping)
    for group in families:
        for sample in group.samples:
            seen.update(sample.labels)
            most = max(most, known + len(sample.labels))
        seen.add(("__name__", group.family.name))
    if 0 < settings.label_limit <= most:
        raise limited(
            400,
            f"label_limit is {settings.label_limit}",
            f"a series has {most + 1} labels, its name and the group's among them",
            "use fewer, or raise gateway.label_limit",
        )
    name_limit, value_limit = settings.label_name_length_limit, settings.label_value_length_limit
    for name, value in seen:
        if 0 < name_limit < len(name):
            raise _too_long(
                "label_name_length_limit", name_limit, f"label {name[:60]}... has a name", len(name)
            )
        if 0 < value_limit < len(value):
            raise _too_long("label_value_length_limit", value_limit, f"label {name} has a value", len(value))


def _too_long(limit: str, most: int, what: str, length: int) -> Exception:
    return limited(
        400, f"{limit} is {most}", f"{what} of {length} characters", f"shorten it, or raise gateway.{limit}"
    )


def _without(families: Iterable[FamilySamples], grouping: Grouping) -> list[FamilySamples]:
    """The families without the labels that their group gives them. Raises BodyRefused."""
    names = {name for name, _ in grouping}
    return [_stripped(group, names) for group in families]


def _stripped(group: FamilySamples, names: set[str]) -> FamilySamples:
    bound = _BOUNDS.get(group.family.type)
    if bound in names:
        raise refused_metric(group.family.name, (), f'must not have an explicit "{bound}" label')
    if all(names.isdisjoint(dict(sample.labels)) for sample in group.samples):
        return group
    stripped = [
        replace(sample, labels=tuple([pair for pair in sample.labels if pair[0] not in names]))
        for sample in group.samples
    ]
    return replace(group, samples=tuple(stripped))
