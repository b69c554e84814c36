"""Why a Pushgateway refuses a group: which family, and which other group it does not go together with. Pure.

A gateway checks all that it holds together, its own metrics too, and refuses the push that comes last,
whoever is at fault (handler/push.go; client_golang, prometheus/registry.go, checkMetricConsistency). Its
words name a family and a series, but not the group on the other side. ``/api/v1/metrics`` has all groups.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pushvar.catalogue import GROUPING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TYPE = re.compile(r"^# TYPE (\S+) (\w+)$", re.MULTILINE)
_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
_SHOWN_CHARS = 60


class Held(NamedTuple):
    """One group that a gateway holds: its labels, the type of each family, the labels of each's series."""

    labels: Mapping[str, str]
    types: Mapping[str, str]
    series: Mapping[str, Sequence[Mapping[str, str]]]


def held_groups(document: str) -> list[Held]:
    """The groups in the answer of ``/api/v1/metrics``; of one that was cut off, those that are whole."""
    groups, decoder = [], json.JSONDecoder()
    place = document.find("[") + 1
    while place and document[place : place + 1] in ("{", ","):
        try:
            group, place = decoder.raw_decode(document, place + (document[place] == ","))
            groups.append(_held(group))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            break
    return groups


def _held(group: Mapping[str, Any]) -> Held:
    families = {
        name: family for name, family in group.items() if isinstance(family, dict) and name != "labels"
    }
    return Held(
        {str(name): str(value) for name, value in group["labels"].items() if value},
        {name: str(one["type"]).lower() for name, one in families.items()},
        {name: [series["labels"] for series in one["metrics"]] for name, one in families.items()},
    )


def explained(
    words: str, text: str, key: tuple[str, ...], groups: Sequence[Held], own: Mapping[str, str]
) -> str:
    """What in a pushed ``text`` does not go together with what; "" when nothing is found.

    ``words`` are the gateway's: the families that they name are looked at first. ``own`` are the types of
    the gateway's own families.
    """
    pushed = {name: kind.lower() for name, kind in _TYPE.findall(text)}
    named = [name for name in dict.fromkeys(_WORD.findall(words)) if name in pushed]
    mine = {name: value for name, value in zip(GROUPING, key, strict=True) if value}
    others = [group for group in groups if group.labels != mine]
    for name in dict.fromkeys((*named, *pushed)):
        if found := next(_clashes(name, pushed[name], others), ""):
            return found
        if own.get(name, pushed[name]) != pushed[name]:
            return f"{name} is pushed as {pushed[name]}, the gateway's own is {own[name]}"
    return next((same for name in named if (same := _same_series(name, mine, others))), "")


def _clashes(name: str, kind: str, others: Sequence[Held]) -> Iterator[str]:
    """Families of other groups that a family of this name and type may not stand beside."""
    for group in others:
        there = group.types.get(name, kind)
        if there != kind:
            yield f"{name} is pushed as {kind}, group {_shown(group)} has it as {there}"
        for other, other_kind in group.types.items():
            if name in _parts(other, other_kind) or other in _parts(name, kind):
                yield f"{name} is pushed as {kind}, group {_shown(group)} has {other} as {other_kind}"


def _parts(name: str, kind: str) -> list[str]:
    return [name + suffix for suffix in _SUFFIXES.get(kind, ())]


def _same_series(name: str, mine: Mapping[str, str], others: Sequence[Held]) -> str:
    """Another group that has a series of that name with the labels of this group's key in its body."""
    for group in others:
        for labels in group.series.get(name, ()):
            if mine.items() <= labels.items():
                return f"group {_shown(group)} has a series of {name} with the labels of this group"
    return ""


def _shown(group: Held) -> str:
    pairs = (f"{name}={json.dumps(value[:_SHOWN_CHARS])}" for name, value in group.labels.items())
    return f"{{{', '.join(pairs)}}}"
