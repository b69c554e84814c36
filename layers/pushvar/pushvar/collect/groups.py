"""The groups that batch jobs pushed: which there are, and which version each shard is to send.

A group is a target without an endpoint. Nothing is read twice while nothing changes: a tenant's groups are
listed when its change number is another one, and once in a while in case a change went untold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from pushvar.collect.shards import shard_of_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from pushvar.model import Group, GroupHead

RELIST_S: Final = 300.0
"""A writer that died between a change and the word of it is found out this much later."""

GROUPS_PER_SHARD: Final = 1_000
"""A group costs a shard little beside a target: nothing is fetched, and mostly nothing is read."""

MOST_GROUPS_PER_SHARD: Final = 5_000
"""More do not fit the message of a shard (SQS: 256 KB)."""


UNFORGOTTEN_MS: Final = 86_400_000
"""How long after its time a group stays for the shard that is to mark its series stale."""


class GroupStore(Protocol):
    """What is asked of the state store; ``state/protocol.py`` says what each does."""

    def group_tenants(self) -> Mapping[str, int]:
        """Tenant -> change number."""

    def groups(self, tenant: str) -> tuple[GroupHead, ...]:
        """The heads of a tenant's groups."""

    def get_groups(self, keys: Collection[str]) -> Mapping[str, Group]:
        """Groups as they are now."""

    def forget_groups(self, heads: Collection[GroupHead]) -> None:
        """Remove groups that still have the version of their head."""


class Listing:
    """The heads of all groups of a store, as they are known now; ``monotonic_s`` is a clock."""

    def __init__(self, store: GroupStore, monotonic_s: Callable[[], float]) -> None:
        self._store = store
        self._monotonic_s = monotonic_s
        self._known: dict[str, tuple[int, tuple[GroupHead, ...]]] = {}
        self._listed_s: float | None = None

    def heads(self) -> list[GroupHead]:
        """All heads, those of groups that have ended among them. Raises StateError."""
        now_s = self._monotonic_s()
        if self._listed_s is None or now_s - self._listed_s >= RELIST_S:
            self._known, self._listed_s = {}, now_s
        numbers = self._store.group_tenants()
        for tenant, number in numbers.items():
            known = self._known.get(tenant)
            if known is None or known[0] != number:
                self._known[tenant] = (number, self._store.groups(tenant))
        return [head for tenant in numbers for head in self._known[tenant][1]]


def group_shards(heads: Iterable[GroupHead], count: int) -> tuple[dict[str, str], ...]:
    """Key -> version of each shard's groups, by shard.

    A group is with the targets of its job, instance and customer: in a Pushgateway they are one group,
    which has one writer.
    """
    shards: tuple[dict[str, str], ...] = tuple({} for _ in range(count))
    for head in heads:
        labels = (*head.grouping, ("customer_id", head.tenant))
        shards[shard_of_labels(labels, count)][head.key] = head.version
    return shards


def sweep(store: GroupStore, now_ms: int) -> None:
    """Forget what no shard has forgotten a day after its time: nobody forwards. Raises StateError.

    A shard that comes back later finds such a group missing, and marks its series all the same.
    """
    for tenant in store.group_tenants():
        over = [head for head in store.groups(tenant) if head.expires_ms + UNFORGOTTEN_MS <= now_ms]
        if over:
            store.forget_groups(over)
