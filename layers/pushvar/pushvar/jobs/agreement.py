"""One type for each family name of a tenant, asked of its table; its groups are looked at in doubt only.

The table never changes a type that it has, so it may be older than all groups: a name may be pushed with
another type when no group that lives contradicts. A family without a type contradicts nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pushvar.jobs.digests import UNTYPED, code_of, codes, name_hash
from pushvar.jobs.overlap import shown_grouping
from pushvar.jobs.packing import unpack
from pushvar.jobs.refusals import inconsistent
from pushvar.model import MetricType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.jobs.effects import Effects
    from pushvar.jobs.grouping import Place
    from pushvar.model import Family, Group

KEPT_MS: Final = 30_000
"""How long it is known which groups have a disputed name with another type."""

_KEPT: Final = 10_000
_KEYS: Final = 20
"""Of those groups: one that lives is enough."""

_WORDS: Final = {MetricType.UNKNOWN: "UNTYPED"}


class _Seen(NamedTuple):
    """Groups that had a name with another type, and until when that is worth knowing."""

    until_ms: int
    keys: tuple[str, ...]


class Agreement:
    """The types of all tenants' families, as the tables and the groups have them. Threads may share it."""

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self._seen: dict[tuple[str, str, MetricType], _Seen] = {}

    def demand(self, place: Place, families: Sequence[Family], now_ms: int) -> None:
        """Raise Refusal when another group has a family with another type; else settle the new names.

        A push that is refused settles nothing.
        """
        said = {family.name: family for family in families if family.type is not MetricType.UNKNOWN}
        if not said:
            return
        declared = {name: family.type.value for name, family in said.items()}
        for proposed in ({}, declared):
            table = self._effects.settle(place.tenant, proposed)
            for name in [name for name, word in declared.items() if table.get(name, word) != word]:
                if name in said:
                    self._demand_alone(place, said.pop(name), now_ms)

    def _demand_alone(self, place: Place, family: Family, now_ms: int) -> None:
        """Raise Refusal when a living group has the family with another type."""
        key = (place.tenant, family.name, family.type)
        seen = self._seen.get(key)
        if seen is not None and now_ms < seen.until_ms:
            if not set(seen.keys) - {place.key}:
                return
            self._demand_none(place, family, seen.keys, now_ms)
        keys = self._others(place.tenant, family, now_ms)
        if len(self._seen) >= _KEPT:
            self._seen = {}
        self._seen[key] = _Seen(now_ms + KEPT_MS, keys)
        self._demand_none(place, family, keys, now_ms)

    def _others(self, tenant: str, family: Family, now_ms: int) -> tuple[str, ...]:
        """The keys of some groups whose digest has the family with another type."""
        hashed, same = name_hash(family.name), {code_of(family.type), UNTYPED}
        found = []
        for head in self._effects.store.groups(tenant):
            if not head.ended(now_ms) and any(code not in same for code in codes(head.types, hashed)):
                found.append(head.key)
                if len(found) == _KEYS:
                    break
        return tuple(found)

    def _demand_none(self, place: Place, family: Family, keys: Sequence[str], now_ms: int) -> None:
        """Raise Refusal when one of these groups, which may have changed, has the family otherwise."""
        for group in self._effects.store.get_groups(set(keys) - {place.key}).values():
            if not group.head.ended(now_ms):
                _demand_alike(family, group)


def _demand_alike(family: Family, group: Group) -> None:
    for held in unpack(group.body):
        kind = held.family.type
        if held.family.name == family.name and kind not in {family.type, MetricType.UNKNOWN}:
            raise inconsistent(
                f"gathered metric family {family.name} has type {_word(family.type)} but should have"
                f" {_word(kind)}, as in group {shown_grouping(group.head.grouping)}"
            )


def _word(kind: MetricType) -> str:
    return _WORDS.get(kind, kind.value.upper())
