"""Plan: what is there to forward now, in which shards; one message for each of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pushvar.app.plan_problems import crowded, heaped, too_fast, untimely
from pushvar.collect.documents import config_document, slice_document
from pushvar.collect.groups import MOST_GROUPS_PER_SHARD, Listing, group_shards
from pushvar.collect.layout import PLAN_SHARD, Layout, head_of, layout_of, patience_ms, wanted_shards
from pushvar.collect.schedule import intervals_ms, late_after_ms, nominal_ms, round_offsets
from pushvar.collect.shards import ShardMessage, assign, stagger_s
from pushvar.collect.targets import build_targets
from pushvar.errors import ConfigError, PushvarError, StateError
from pushvar.net.aws import calls_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pushvar.collect.registry.protocol import Registry, Snapshot
    from pushvar.model import GroupHead, Head, Target
    from pushvar.state.protocol import StateStore


LEASE_MARGIN_MS = 5_000
"""A plan is killed at its function's timeout: its lease outlives that by a difference of clocks only."""

BUDGET_S = 50.0
_RESERVE_S = 2.0
"""What is left when a call of AWS is not tried again: to say so."""

Groups = dict[str, str] | None
"""A shard's pushed groups, key -> version; None where nobody knows which there are."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One plan: how much it gave out, and what is wrong although it did.

    ``unsent`` says why, by shard, for those whose message did not go out. An ``outdated`` one was made from
    the last good configuration, because the newest is refused. One that was ``skipped`` gave out nothing:
    another plan is being made. ``resizing`` is the number of shards that there are to be, 0 when there
    are as many.
    """

    cycle: int
    planned_at: int
    config_version: str = ""
    targets: int = 0
    shards: int = 0
    unsent: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[ConfigError, ...] = ()
    outdated: bool = False
    groups: int = 0
    skipped: str = ""
    resizing: int = 0


class _Known(NamedTuple):
    """A snapshot and its targets."""

    snapshot: Snapshot
    targets: tuple[Target, ...]
    refused: tuple[ConfigError, ...]


class _Cut(NamedTuple):
    """Targets cut into shards and stored: the versions that the messages name."""

    version: str
    config_version: str
    slice_versions: tuple[str, ...]
    problems: tuple[ConfigError, ...]


class _Work(NamedTuple):
    """What one plan gives out; shards that the layout before had and this one has not have a last turn.

    ``gone`` are their slices, without targets.
    """

    layout: Layout
    known: _Known
    cut: _Cut
    heads: Sequence[GroupHead] | None
    gone: tuple[str, ...]
    problems: tuple[ConfigError, ...]


class Planner:
    """Reads the registry and gives every shard its work.

    ``send`` takes the messages and says why, by index, for those it could not send. ``shards`` is the
    number of shards; 0 lets the number of targets decide.
    """

    def __init__(
        self,
        registry: Registry,
        state: StateStore,
        send: Callable[[Sequence[ShardMessage]], Mapping[int, str]],
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
        *,
        shards: int = 0,
    ) -> None:
        self._registry = registry
        self._state = state
        self._send = send
        self._now_ms = now_ms
        self._monotonic_s = monotonic_s
        self._shards = shards
        self._listing = Listing(state, monotonic_s)
        self._known: _Known | None = None
        self._cut: _Cut | None = None

    def plan(self, scheduled_time: object, *, owner: str = "plan", budget_s: float = BUDGET_S) -> Planned:
        """Give out one cycle, named by the schedule's nominal time, or by the clock without a usable one.

        ``owner`` is this plan's own name, which takes ``budget_s`` at most. Raises ConfigError when there is
        no configuration that may be used, StateError when the state store fails: nothing is sent then.
        """
        with calls_until(self._monotonic_s() + budget_s - _RESERVE_S):
            return self._plan(scheduled_time, owner, budget_s)

    def _plan(self, scheduled_time: object, owner: str, budget_s: float) -> Planned:
        now_ms = self._now_ms()
        nominal = nominal_ms(scheduled_time, now_ms)
        cycle = now_ms if nominal is None else nominal
        ttl_ms = int(budget_s * 1000) + LEASE_MARGIN_MS
        lease = self._state.acquire(PLAN_SHARD, owner, cycle=cycle, now_ms=now_ms, ttl_ms=ttl_ms)
        if lease is None:
            return Planned(cycle, now_ms, skipped="held")
        try:
            work = self._work(lease.head, cycle, now_ms)
            after = head_of(work.layout, max(cycle, lease.head.finished_cycle))
            self._state.commit(lease, after, release=True)  # before anybody works by it
        except BaseException:
            with suppress(PushvarError):  # what it failed of is told, not that this failed too
                self._state.release(lease)
            raise
        wrong = (untimely(scheduled_time),) if nominal is None else ()
        return self._give_out(work, cycle, now_ms, owner, wrong)

    def _give_out(
        self, work: _Work, cycle: int, now_ms: int, owner: str, wrong: tuple[ConfigError, ...]
    ) -> Planned:
        shards, snapshot = work.layout.shards, work.known.snapshot
        groups = [None] * shards if work.heads is None else group_shards(work.heads, shards)
        messages = list(_messages(work, groups, cycle, now_ms, owner))
        unsent = {messages[at].shard: reason for at, reason in self._send(messages).items()}
        problems = (*wrong, *snapshot.problems, *work.cut.problems, *work.problems, *heaped(groups))
        return Planned(
            cycle, now_ms, work.cut.config_version, len(work.known.targets), shards, unsent, problems,
            outdated=snapshot.outdated, groups=len(work.heads or ()), resizing=work.layout.wanted,
        )  # fmt: skip

    def _work(self, head: Head, cycle: int, now_ms: int) -> _Work:
        snapshot = self._registry.load()
        heads, unread = self._heads() if snapshot.config.gateway.is_open else ([], ())
        known = self._known_of(snapshot)
        present = layout_of(head)
        wanted = self._wanted(known, heads, present.shards if present else 0)
        layout = Layout(wanted) if present is None else present
        if present is not None and cycle > head.finished_cycle:  # a tick that comes twice changes nothing
            layout, known = self._laid_out(present.toward(wanted, now_ms), known, now_ms)
            last_ms = round_offsets(intervals_ms(known.snapshot.config), cycle)[-1]
            layout = layout.given(cycle + last_ms, known.snapshot.version)
        self._known = known
        fewer = max(0, present.shards - layout.shards) if present else 0
        gone = (self._state.put_document(slice_document(())),) * fewer if fewer else ()
        return _Work(layout, known, self._cut_of(known, layout.shards), heads, gone, unread)

    def _laid_out(self, layout: Layout, known: _Known, now_ms: int) -> tuple[Layout, _Known]:
        """The layout of this plan, and the targets in it.

        A switch is made with the targets of the plan before: of one that is removed in the same moment
        nobody could tell whether it has only moved, and its series would not be ended.
        """
        if not (layout.wanted and layout.asked):
            return layout, known
        states = self._state.look(layout.names)
        if layout.overdue(states, patience_ms(known.snapshot.config), now_ms):
            return layout.switched(), known
        before = next((one for one in (known, self._known) if one and _is(one, layout.snapshot)), None)
        if before is None or not layout.drained(states, now_ms):
            return layout, known
        return layout.switched(), before

    def _wanted(self, known: _Known, heads: Sequence[GroupHead] | None, present: int) -> int:
        """How many shards there are to be; as many as there are while nobody knows the groups."""
        if self._shards or (present and heads is None):
            return self._shards or present
        return wanted_shards(len(known.targets), len(heads or ()), present)

    def _heads(self) -> tuple[list[GroupHead] | None, tuple[ConfigError, ...]]:
        """The pushed groups; None, and why, when they cannot be listed: targets go on all the same."""
        try:
            return self._listing.heads(), ()
        except StateError as error:
            return None, (ConfigError("groups", f"not sent on: {error.message}", hint=error.hint),)

    def _known_of(self, snapshot: Snapshot) -> _Known:
        """The present snapshot; its targets are not made again while the registry gives the same."""
        if self._known is not None and _is(self._known, snapshot.version):
            return self._known._replace(snapshot=snapshot)
        targets, refused, _dropped = build_targets(snapshot.config, snapshot.groups)
        return _Known(snapshot, tuple(targets), tuple(refused))

    def _cut_of(self, known: _Known, count: int) -> _Cut:
        """The targets in so many shards; nothing is stored again while they are the same."""
        version, config = known.snapshot.version, known.snapshot.config
        if self._cut is None or (self._cut.version, len(self._cut.slice_versions)) != (version, count):
            shards = assign(known.targets, count)
            self._cut = _Cut(
                version,
                self._state.put_document(config_document(config)),
                tuple(self._state.put_document(slice_document(shard)) for shard in shards),
                (*known.refused, *crowded(shards), *too_fast(config)),
            )
        return self._cut


def _is(known: _Known, version: str) -> bool:
    return known.snapshot.version == version


def _messages(
    work: _Work, groups: Sequence[Groups], cycle: int, now_ms: int, owner: str
) -> Iterator[ShardMessage]:
    """One message for each shard; groups that do not fit stay as they are."""
    snapshot, shards = work.known.snapshot, work.layout.shards
    late_ms = late_after_ms(snapshot.config)
    for shard, version in enumerate((*work.cut.slice_versions, *work.gone)):
        own = groups[shard] if shard < shards else {}
        yield ShardMessage(
            cycle=cycle, planned_at=now_ms, shard=str(shard), late_after_ms=late_ms,
            config_version=work.cut.config_version, slice_version=version, shards=shards,
            config_taken=snapshot.taken_ms, config_outdated=snapshot.outdated,
            groups=own if len(own or ()) <= MOST_GROUPS_PER_SHARD else None,
            layout=work.layout.number, delay_s=stagger_s(shard, max(shards, shard + 1)), correlation=owner,
        )  # fmt: skip
