"""The tenants' type tables at work: read when a tenant is first met, written when a name is new.

It never fails a scrape: while the store fails, the types that this process knows go on.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol

from pushvar.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Tables(Protocol):
    """The part of a state store that is asked (``state.protocol.StateStore``)."""

    def types(self, tenant: str) -> Mapping[str, str]:
        """Read a tenant's table."""

    def settle_types(self, tenant: str, proposed: Mapping[str, str]) -> Mapping[str, str]:
        """Add what is new, and give the whole table."""


TENANTS_KEPT: Final = 2_000
QUIET_S: Final = 60.0
"""How long a store that failed is not asked again: hundreds of targets would wait for it one by one."""


class TypeTables:
    """What a Converter settles types with (its ``settle``); share one among all converters of a process."""

    def __init__(self, state: Tables, monotonic_s: Callable[[], float]) -> None:
        self._state = state
        self._monotonic_s = monotonic_s
        self._tables: OrderedDict[str, Mapping[str, str]] = OrderedDict()
        self._full: set[str] = set()
        self._quiet_until_s: float | None = None
        self.failure = ""

    def __call__(self, tenant: str, proposed: Mapping[str, str]) -> Mapping[str, str]:
        """The tenant's table with the proposed names, as far as they could be settled."""
        table = self._tables.get(tenant)
        missing = {name: kind for name, kind in proposed.items() if name not in (table or {})}
        if table is not None and (not missing or tenant in self._full):
            return table
        if self._quiet_until_s is not None and self._monotonic_s() < self._quiet_until_s:
            return table or {}
        try:
            now = self._state.settle_types(tenant, missing) if missing else self._state.types(tenant)
        except StateError as error:
            self._quiet_until_s = self._monotonic_s() + QUIET_S
            self.failure = str(error)
            return table or {}
        self._quiet_until_s, self.failure = None, ""
        self._keep(tenant, now)
        if not missing.keys() <= now.keys():
            self._full.add(tenant)
        return now

    def _keep(self, tenant: str, table: Mapping[str, str]) -> None:
        self._tables[tenant] = table
        self._tables.move_to_end(tenant)
        while len(self._tables) > TENANTS_KEPT:
            self._full.discard(self._tables.popitem(last=False)[0])
