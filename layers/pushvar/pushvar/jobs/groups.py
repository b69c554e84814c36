"""Groups in the store, changed one by one.

A push reads its group, makes the new one, and writes it unless somebody else has written it meanwhile; then
it does all of that again.

A group is not sent from here; the shard that it belongs to sees the new version in its next cycle.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from pushvar.errors import BodyRefused, StateError
from pushvar.jobs.agreement import Agreement
from pushvar.jobs.digests import digest
from pushvar.jobs.intake import demand_room
from pushvar.jobs.overlap import demand_apart, rival_keys
from pushvar.jobs.packing import pack, unpack_timed
from pushvar.jobs.refusals import Refusal, limited, malformed
from pushvar.jobs.room import Room, demand_shape
from pushvar.model import Group, GroupHead
from pushvar.wire.exposition import FamilySamples
from pushvar.wire.exposition.whole import demand_consistent

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from pushvar.config.schema import Gateway
    from pushvar.jobs.effects import Effects
    from pushvar.jobs.grouping import Place

_ATTEMPTS: Final = 64
"""Of a change whose group others change too; one of them succeeds in each round."""

_FAILURE_ATTEMPTS: Final = 4
_BODY_BYTES: Final = 8_000_000
"""What a store takes (``StateStore.put_group``)."""


class Push(NamedTuple):
    """What is pushed: ``replace`` all of a group, or only the families of the same names."""

    families: tuple[FamilySamples, ...]
    replace: bool
    ttl_ms: int


class Groups:
    """The groups of all tenants, by one configuration. Threads may share it."""

    def __init__(self, settings: Gateway, effects: Effects) -> None:
        self._settings = settings
        self._effects = effects
        self._store = effects.store
        self._agreement = Agreement(effects)
        self._room = Room(effects.store, settings.group_limit)

    def push(self, place: Place, push: Push) -> None:
        """Make a group of this, or change it. Raises Refusal, and StateError."""
        shapes = self._store.group_shapes(place.tenant)
        keys = {place.key, *rival_keys(place, push.families, shapes)}
        for _ in range(_ATTEMPTS):
            now_ms = self._effects.now_ms()
            found = dict(self._store.get_groups(keys))
            old = found.pop(place.key, None)
            alive = old is not None and not old.head.ended(now_ms)
            if old is None:
                demand_shape(place, shapes)
            if not alive:
                self._room.demand(place.tenant, now_ms)
            group = self._made(place, push, old if alive else None, now_ms)
            demand_apart(place, push.families, [one for one in found.values() if not one.head.ended(now_ms)])
            self._agreement.demand(place, [one.family for one in push.families], now_ms)
            if self._store.put_group(group, old.head.version if old else ""):
                self._room.took(place.tenant, 0 if alive else 1)
                return
        raise _contended()

    def delete(self, place: Place) -> None:
        """Leave a tombstone of a group that is alive. Raises Refusal, and StateError."""
        for _ in range(_ATTEMPTS):
            old = self._living(place)
            if old is None:
                return
            head = replace(old.head, version=self._effects.new_version(), deleted=True, samples=0, types=b"")
            if self._store.put_group(Group(head, b""), old.head.version):
                self._room.took(place.tenant, -1)
                return
        raise _contended()

    def refused(self, place: Place) -> None:
        """Note in a group, if it is alive, that a push to it was refused just now.

        Where that cannot be noted it is not: the push has its answer in any case.
        """
        try:
            for _ in range(_FAILURE_ATTEMPTS):
                old = self._living(place)
                if old is None:
                    return
                version, now_ms = self._effects.new_version(), self._effects.now_ms()
                head = replace(old.head, version=version, failed_ms=now_ms)
                if self._store.put_group(Group(head, old.body), old.head.version):
                    return
        except StateError:
            return

    def _living(self, place: Place) -> Group | None:
        old = self._store.get_groups((place.key,)).get(place.key)
        return None if old is None or old.head.ended(self._effects.now_ms()) else old

    def _made(self, place: Place, push: Push, old: Group | None, now_ms: int) -> Group:
        """The group as it is to be. Raises Refusal."""
        times_ms = {one.family.name: now_ms for one in push.families}
        kept = [] if old is None or push.replace else _others(old, times_ms)
        families = [*(one for one, _ in kept), *push.families]
        count = demand_room(families, self._settings)
        head = GroupHead(
            place.key,
            place.tenant,
            place.grouping,
            self._effects.new_version(),
            expires_ms=now_ms + push.ttl_ms,
            pushed_ms=now_ms,
            failed_ms=old.head.failed_ms if old else 0,
            samples=count,
            types=digest(one.family for one in families),
        )
        times_ms |= {one.family.name: time_ms for one, time_ms in kept}
        if kept:
            _demand_names_apart(families)
        return Group(head, _packed(families, times_ms))


def _others(old: Group, names: Container[str]) -> list[tuple[FamilySamples, int]]:
    """What a group holds beside the families of these names, and when it was pushed."""
    return [(one, time_ms) for one, time_ms in unpack_timed(old.body) if one.family.name not in names]


def _demand_names_apart(families: Sequence[FamilySamples]) -> None:
    """Raise Refusal for families that cannot stand together; the series of each came checked."""
    try:
        demand_consistent([FamilySamples(one.family, ()) for one in families])
    except BodyRefused as error:
        raise malformed(str(error)) from None


def _packed(families: Sequence[FamilySamples], times_ms: Mapping[str, int]) -> bytes:
    """The body of a group. Raises Refusal for text that is none, and for what no store takes."""
    try:
        body = pack(families, times_ms)
    except UnicodeEncodeError as error:
        raise malformed(f"{error.object[error.start : error.end]!r} is no character") from None
    if len(body) > _BODY_BYTES:
        raise limited(413, f"a group has at most {_BODY_BYTES} bytes", f"{len(body)}", "make groups of it")
    return body


def _contended() -> Refusal:
    return Refusal(503, "contended", "others change this group all the time; try again")
