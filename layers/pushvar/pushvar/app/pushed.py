"""The pushed groups of a shard at work: read when they changed, converted once, sent in every cycle."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from pushvar.deliver.uniqueness import Uniqueness
from pushvar.model import GROUP_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pushvar.app.engine import Engine
    from pushvar.collect.groups import GroupStore
    from pushvar.convert.converter import Converted, Converter
    from pushvar.model import Group, GroupHead, Scrape, Target

KEPT = 20_000
"""Groups whose values are kept ready, those that were not sent for longest dropped first."""


_TEXT = "text/plain; version=0.0.4"


class _Ready(NamedTuple):
    """One version of a group, for one version of the configuration: how its values come."""

    converter: Converter
    head: GroupHead
    target: Target
    convert: Callable[[], Converted]


class PushedGroups:
    """The groups that this process has met, whatever their shard."""

    def __init__(self, store: GroupStore) -> None:
        self.store = store
        self._ready: OrderedDict[str, _Ready] = OrderedDict()
        self.uniqueness = Uniqueness()

    def turn(
        self, engine: Engine, wanted: Callable[[], Mapping[str, str] | None], *, due: bool = True
    ) -> GroupTurn:
        """One cycle of those that ``wanted`` names, key -> version; None says that nobody knows."""
        return GroupTurn(self, engine, wanted, due=due)

    def current(self, engine: Engine, wanted: Mapping[str, str]) -> list[_Ready]:
        """The groups of these keys, read again where the version is another one. Raises StateError."""
        stale = [key for key, version in wanted.items() if not self._serves(engine, key, version)]
        found = self.store.get_groups(stale) if stale else {}
        for key in stale:
            self._ready.pop(key, None)
            if key in found:
                self._ready[key] = _ready(engine, found[key])
        ready = [self._ready[key] for key in wanted if key in self._ready]
        for one in ready:
            self._ready.move_to_end(one.head.key)
        while len(self._ready) > max(KEPT, len(wanted)):
            self._ready.popitem(last=False)
        return ready

    def _serves(self, engine: Engine, key: str, version: str) -> bool:
        known = self._ready.get(key)
        return known is not None and known.head.version == version and known.converter is engine.converter


class GroupTurn:
    """The groups of one shard in one cycle (``cycle.Pushed``); when not ``due`` they wait, and go on."""

    def __init__(
        self,
        groups: PushedGroups,
        engine: Engine,
        wanted: Callable[[], Mapping[str, str] | None],
        *,
        due: bool,
    ) -> None:
        self.due = due
        self._groups, self._engine, self._wanted = groups, engine, wanted
        self._live: frozenset[str] | None = None
        self._ended: list[GroupHead] = []

    def groups(self, now_ms: int) -> Sequence[tuple[Target, Callable[[], Converted]]]:
        """Those that are sent now, and what makes values of each. Raises StateError."""
        wanted = self._wanted()
        if wanted is None:
            return ()
        ready = self._groups.current(self._engine, wanted)
        live = [one for one in ready if not one.head.ended(now_ms)]
        self._ended = [one.head for one in ready if one.head.ended(now_ms)]
        self._live = frozenset(one.target.key for one in live)
        return [(one.target, one.convert) for one in live] if self.due else ()

    @property
    def live(self) -> int:
        """How many have not ended."""
        return len(self._live or ())

    @property
    def ended(self) -> frozenset[str]:
        """The keys of those that have ended."""
        return frozenset(GROUP_KEY + head.key for head in self._ended)

    def __contains__(self, key: object) -> bool:
        """Whether a target is a group that has not ended; any may be, while nobody knows which there are."""
        return key in self._live if self._live is not None else str(key).startswith(GROUP_KEY)

    def distinct(self, scrapes: list[Scrape], gone: Sequence[Scrape]) -> tuple[list[Scrape], int]:
        """The scrapes without series that another one has too, and how many samples that leaves out."""
        return self._groups.uniqueness.unique(scrapes, gone)

    def settle(self) -> Mapping[str, int]:
        """Forget those that have ended; how many, by reason. Raises StateError."""
        if self._ended:
            self._groups.store.forget_groups(self._ended)
        return Counter("deleted" if head.deleted else "expired" for head in self._ended)


def _ready(engine: Engine, group: Group) -> _Ready:
    """A group made ready: it is converted when it is first sent, and never again."""
    target, wrong = engine.group(group.head)
    made: list[Converted] = []
    held = [group]

    def convert() -> Converted:
        if wrong is not None:
            raise wrong
        if not made:
            from pushvar.jobs.packing import text_of  # who has no groups loads nothing for them

            made.append(engine.convert(target, text_of(held[0]), _TEXT))
            held.clear()
        return made[0]

    return _Ready(engine.converter, group.head, target, convert)
