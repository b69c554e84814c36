"""Plan: what is there to forward now, in which shards; one message for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pushvar.collect.documents import config_document, slice_document
from pushvar.collect.groups import GROUPS_PER_SHARD, MOST_GROUPS_PER_SHARD, Listing, group_shards
from pushvar.collect.schedule import TICK_MS, late_after_ms, nominal_ms
from pushvar.collect.shards import MOST_TARGETS_PER_SHARD, ShardMessage, assign, shard_count
from pushvar.collect.targets import build_targets
from pushvar.errors import ConfigError, StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pushvar.collect.registry.protocol import Registry, Snapshot
    from pushvar.model import GroupHead, Target
    from pushvar.state.protocol import StateStore


Groups = dict[str, str] | None
"""A shard's pushed groups, key -> version; None where nobody knows which there are."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One plan: how much it gave out, and what is wrong although it did.

    ``unsent`` says why, by shard, for those whose message did not go out. An ``outdated`` one was made from
    the last good configuration, because the newest is refused.
    """

    cycle: int
    planned_at: int
    config_version: str
    targets: int
    shards: int
    unsent: Mapping[str, str]
    problems: tuple[ConfigError, ...]
    outdated: bool = False
    groups: int = 0


class _Cut(NamedTuple):
    """A snapshot cut into shards and stored: the versions that its messages name."""

    snapshot: Snapshot
    config_version: str
    slice_versions: tuple[str, ...]
    targets: int
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
        send: Callable[[Sequence[str]], Mapping[int, str]],
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
        *,
        shards: int = 0,
    ) -> None:
        self._registry = registry
        self._state = state
        self._send = send
        self._now_ms = now_ms
        self._shards = shards
        self._listing = Listing(state, monotonic_s)
        self._cut: _Cut | None = None

    def plan(self, scheduled_time: object) -> Planned:
        """Give out one cycle, named by the schedule's nominal time, or by the clock without a usable one.

        Raises ConfigError when there is no configuration that may be used, StateError when the state
        store fails: nothing is sent then.
        """
        now_ms = self._now_ms()
        nominal = nominal_ms(scheduled_time, now_ms)
        snapshot = self._registry.load()
        heads, unread = self._heads() if snapshot.config.gateway.is_open else ([], ())
        cut = self._current(snapshot, heads or ())
        cycle = now_ms if nominal is None else nominal
        shards = len(cut.slice_versions)
        groups = [None] * shards if heads is None else group_shards(heads, shards)
        messages = [message.text() for message in _messages(cut, groups, cycle, now_ms)]
        unsent = {str(shard): reason for shard, reason in self._send(messages).items()}
        untimely = (_untimely(scheduled_time),) if nominal is None else ()
        problems = (*untimely, *cut.snapshot.problems, *cut.problems, *unread, *_heaped(groups))
        return Planned(
            cycle, now_ms, cut.config_version, cut.targets, len(messages), unsent, problems,
            outdated=cut.snapshot.outdated, groups=len(heads or ()),
        )  # fmt: skip

    def _heads(self) -> tuple[list[GroupHead] | None, tuple[ConfigError, ...]]:
        """The pushed groups; None, and why, when they cannot be listed: targets go on all the same."""
        try:
            return self._listing.heads(), ()
        except StateError as error:
            return None, (ConfigError("groups", f"not sent on: {error.message}", hint=error.hint),)

    def _current(self, snapshot: Snapshot, heads: Sequence[GroupHead]) -> _Cut:
        """The present snapshot in shards; nothing is done again while the registry gives the same.

        Many groups want more shards than the targets do.
        """
        known, least = self._cut, -(-len(heads) // GROUPS_PER_SHARD)
        enough = known is not None and (self._shards or len(known.slice_versions) >= least)
        if known is not None and known.snapshot.version == snapshot.version and enough:
            self._cut = known._replace(snapshot=snapshot)
        else:
            self._cut = self._store(snapshot, least)
        return self._cut

    def _store(self, snapshot: Snapshot, least: int) -> _Cut:
        targets, refused, _dropped = build_targets(snapshot.config, snapshot.groups)
        shards = assign(targets, self._shards or max(least, shard_count(len(targets), 0)))
        return _Cut(
            snapshot,
            self._state.put_document(config_document(snapshot.config)),
            tuple(self._state.put_document(slice_document(shard)) for shard in shards),
            len(targets),
            (*refused, *_crowded(shards), *_too_fast(snapshot)),
        )


def _messages(cut: _Cut, groups: Sequence[Groups], cycle: int, now_ms: int) -> Iterator[ShardMessage]:
    """One message for each shard; groups that do not fit stay as they are."""
    late_ms = late_after_ms(cut.snapshot.config)
    for shard, version in enumerate(cut.slice_versions):
        yield ShardMessage(
            cycle=cycle, planned_at=now_ms, shard=str(shard), late_after_ms=late_ms,
            config_version=cut.config_version, slice_version=version, shards=len(cut.slice_versions),
            config_taken=cut.snapshot.taken_ms, config_outdated=cut.snapshot.outdated,
            groups=groups[shard] if len(groups[shard] or ()) <= MOST_GROUPS_PER_SHARD else None,
        )  # fmt: skip


def _untimely(scheduled_time: object) -> ConfigError:
    return ConfigError(
        "event.scheduled_time",
        f"{scheduled_time!r:.80} is no time near now; the clock names this cycle",
        hint='the schedule\'s input is {"scheduled_time": "<aws.scheduler.scheduled-time>"}',
    )


def _crowded(shards: Sequence[Sequence[Target]]) -> Iterator[ConfigError]:
    most = max(map(len, shards))
    if most > MOST_TARGETS_PER_SHARD:
        yield ConfigError(
            "PUSHVAR_SHARDS",
            f"{len(shards)} shards leave {most} targets in one, {MOST_TARGETS_PER_SHARD} are the most",
            hint="use more shards, or 0 to let the number of targets decide",
        )


def _heaped(groups: Sequence[Groups]) -> Iterator[ConfigError]:
    most = max(len(one or ()) for one in groups)
    if most > MOST_GROUPS_PER_SHARD:
        yield ConfigError(
            "PUSHVAR_SHARDS",
            f"{len(groups)} shards leave {most} pushed groups in one, {MOST_GROUPS_PER_SHARD} are the most:"
            " they are not sent on",
            hint="use more shards, or 0 to let the numbers of targets and groups decide",
        )


def _too_fast(snapshot: Snapshot) -> Iterator[ConfigError]:
    for index, job in enumerate(snapshot.config.scrape_configs):
        if job.scrape_interval.ms < TICK_MS:
            yield ConfigError(
                f"scrape_configs[{index}].scrape_interval",
                f"{job.scrape_interval} is shorter than the schedule's minute: {job.job_name} is scraped"
                " once a minute",
                hint="write 1m or more, or run pushvar run beside the targets",
            )
