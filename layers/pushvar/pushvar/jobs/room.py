"""How many groups a customer has: counted when a new one comes, and not again for a while.

Processes count for themselves, so a customer may get a few more than the limit at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from msgspec.json import encode

from pushvar.jobs.refusals import limited
from pushvar.state.protocol import SHAPES_BYTES, SHAPES_PER_TENANT

if TYPE_CHECKING:
    from collections.abc import Collection

    from pushvar.jobs.effects import GroupStore
    from pushvar.jobs.grouping import Place

COUNTED_MS: Final = 60_000
"""How long a count holds, with what this process added to it."""

FULL_MS: Final = 5_000
"""How long one holds that leaves no room: some may have been deleted."""

_TENANTS: Final = 10_000


@dataclass(slots=True)
class _Count:
    at_ms: int
    groups: int


class Room:
    """The number of every tenant's groups that live. Threads may share it."""

    def __init__(self, store: GroupStore, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._counts: dict[str, _Count] = {}

    def demand(self, tenant: str, now_ms: int) -> None:
        """Raise Refusal when the tenant may have no further group."""
        count = self._counts.get(tenant)
        if count is None or self._is_old(count, now_ms):
            count = self._counted(tenant, now_ms)
        if count.groups >= self._limit:
            raise limited(
                429,
                f"group_limit is {self._limit}",
                f"customer {tenant} has {count.groups} groups",
                "delete some, let them end sooner (X-Pushvar-TTL), or raise gateway.group_limit",
            )

    def took(self, tenant: str, groups: int = 1) -> None:
        """Say that the tenant has so many groups more."""
        count = self._counts.get(tenant)
        if count is not None:
            count.groups += groups

    def _is_old(self, count: _Count, now_ms: int) -> bool:
        return now_ms - count.at_ms >= (FULL_MS if count.groups >= self._limit else COUNTED_MS)

    def _counted(self, tenant: str, now_ms: int) -> _Count:
        living = sum([not head.ended(now_ms) for head in self._store.groups(tenant)])
        if len(self._counts) >= _TENANTS:
            self._counts = {}
        count = self._counts[tenant] = _Count(now_ms, living)
        return count


def demand_shape(place: Place, shapes: Collection[tuple[str, ...]]) -> None:
    """Raise Refusal for a group with label names that no other has, when the tenant has too many such sets.

    For each of them every push asks for a group: a job that makes label names up would slow down all.
    """
    if place.shape in shapes:
        return
    held = sum([len(encode(shape)) for shape in shapes])
    if len(shapes) >= SHAPES_PER_TENANT or held + len(encode(place.shape)) > SHAPES_BYTES:
        raise limited(
            429,
            f"groups of a customer have at most {SHAPES_PER_TENANT} different sets of label names",
            f"customer {place.tenant} has {len(shapes)}",
            "use the label names of other groups",
        )
