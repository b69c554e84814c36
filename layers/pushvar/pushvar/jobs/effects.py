"""What the front door needs of the world, handed to it: the store, the clock, secrets, versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pushvar.config.values import SecretRef
    from pushvar.convert.family_types import Settle
    from pushvar.model import Group, GroupHead
    from pushvar.wire.exposition import FamilySamples


class GroupStore(Protocol):
    """What is asked of the state store; ``state.protocol`` says what each does. All may raise StateError."""

    def groups(self, tenant: str) -> tuple[GroupHead, ...]:
        """The heads of a tenant's groups."""

    def group_shapes(self, tenant: str) -> frozenset[tuple[str, ...]]:
        """The label names of the tenant's groupings."""

    def get_groups(self, keys: Collection[str]) -> Mapping[str, Group]:
        """Groups as they are now."""

    def put_group(self, group: Group, replaces: str) -> bool:
        """Store a group unless another version than ``replaces`` is there."""


@dataclass(frozen=True, slots=True)
class Effects:
    """``settle`` gives a tenant's type table (it must not raise), ``secret`` a secret or a ConfigError.

    ``new_version`` gives a text that never comes again. ``expvar`` makes families of a program's
    ``/debug/vars``; without it pushvar's built-in rules do. Threads may share all of them.
    """

    store: GroupStore
    settle: Settle
    secret: Callable[[SecretRef], str]
    now_ms: Callable[[], int]
    new_version: Callable[[], str]
    expvar: Callable[[bytes], tuple[FamilySamples, ...]] | None = None
