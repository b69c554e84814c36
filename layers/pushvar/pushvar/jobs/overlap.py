"""The same series in two groups: looked for in the few groups that can have it, however many there are.

A series ``q{job="a",tag="v"}`` may come from group ``job=a``, whose body says ``tag``, or from group
``job=a,tag=v``, whose path does. A grouping with certain label names that gives a series has exactly the
series' own values of them; so each set of names among the tenant's groupings (a shape) leaves one key to
look up. A label without a value is none, for Prometheus and here: ``tag=""`` is no other series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushvar.catalogue import PUSH_TIME
from pushvar.jobs.digests import hashes, name_hash
from pushvar.jobs.grouping import group_key
from pushvar.jobs.packing import unpack
from pushvar.jobs.refusals import inconsistent, limited
from pushvar.wire.exposition.golang import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pushvar.jobs.grouping import Place
    from pushvar.model import Group, Grouping, Labels
    from pushvar.wire.exposition import FamilySamples

_SUFFIXES: Final = ("_bucket", "_sum", "_count")
_RIVALS: Final = 20_000


def rival_keys(
    place: Place, families: Iterable[FamilySamples], shapes: Iterable[tuple[str, ...]]
) -> set[str]:
    """The keys of all groups that may have a series of these families, that of ``place`` aside.

    Raises Refusal when they are more than anybody can look up for one push.
    """
    bodies = {sample.labels for group in families for sample in group.samples} | {()}
    used = {name for labels in bodies for name, _ in labels}
    own = dict(place.grouping)
    keys: set[str] = set()
    for shape in shapes:
        said = used.intersection(shape)
        parts = {tuple([pair for pair in labels if pair[0] in said]) for labels in bodies} if said else {()}
        for part in parts:
            values = {**dict(part), **own}
            keys.add(group_key(place.tenant, tuple([(name, values.get(name, "")) for name in shape])))
        if len(keys) > _RIVALS:
            raise _too_many(said, shape)
    return keys - {place.key}


def demand_apart(place: Place, families: Sequence[FamilySamples], rivals: Iterable[Group]) -> None:
    """Raise Refusal when one of these living groups has a series that the families would give ``place``."""
    own: set[tuple[str, Labels]] | None = None
    for rival in rivals:
        if _given(rival.head.grouping) == _given(place.grouping):
            raise _collected(PUSH_TIME.name, _given(place.grouping), rival)
        if not _names(families) & hashes(rival.head.types):
            continue
        if own is None:
            own = set(_series(place.grouping, families))
        for series in _series(rival.head.grouping, unpack(rival.body)):
            if series in own:
                raise _collected(*series, rival)


def shown_grouping(grouping: Grouping) -> str:
    """A grouping as messages show it."""
    return "{" + ",".join([f"{name}={quoted(value.encode())}" for name, value in grouping]) + "}"


def _given(grouping: Grouping) -> Labels:
    return tuple([pair for pair in grouping if pair[1]])


def _series(grouping: Grouping, families: Iterable[FamilySamples]) -> Iterator[tuple[str, Labels]]:
    """The series of a group as everybody else sees them."""
    given = _given(grouping)
    for group in families:
        for sample in group.samples:
            yield sample.name, tuple(sorted((*given, *sample.labels)))


def _names(families: Iterable[FamilySamples]) -> set[bytes]:
    """The hashes of all families in which a sample of these may be: its own, or a histogram's."""
    names = {group.family.name for group in families}
    names |= {sample.name for group in families for sample in group.samples}
    stems = {name.removesuffix(suffix) for name in names for suffix in _SUFFIXES}
    return set(map(name_hash, names | stems))


def _too_many(said: Collection[str], shape: Sequence[str]) -> Exception:
    return limited(
        400,
        f"a push is compared with at most {_RIVALS} groups",
        f"values of {', '.join(sorted(said))} in its body name more, where groups are by {', '.join(shape)}",
        "push a group for each value, or use another label in the body",
    )


def _collected(name: str, labels: Labels, rival: Group) -> Exception:
    return inconsistent(
        f"collected metric {quoted(name.encode())} {shown_grouping(labels)} was collected before with the"
        f" same name and label values, in group {shown_grouping(rival.head.grouping)}"
    )
