"""Type tables in the AWS store: one item per tenant, replaced only by somebody who has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.errors import StateError
from pushvar.state._aws_service import tries
from pushvar.state._aws_table import Refused, Write
from pushvar.state._type_table import packed, settled, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.state._aws_table import AwsTable, Key


class AwsTypes:
    """Type tables by tenant. Safe for several threads, processes and machines."""

    def __init__(self, table: AwsTable) -> None:
        self._table = table

    def read(self, tenant: str) -> Mapping[str, str]:
        """Family name -> type; raises StateError."""
        return _types(self._table.get(_key(tenant)))

    def settle(self, tenant: str, proposed: Mapping[str, str]) -> Mapping[str, str]:
        """Add what is not there yet, and give the whole table; raises StateError.

        A refused write brings the item that another wrote meanwhile, and mostly nothing is left to add:
        a fleet that starts cold proposes the same names everywhere. An own write whose answer was lost
        is found like another's.
        """
        item = self._table.get(_key(tenant))
        for _ in tries():
            before = _types(item)
            table = settled(before, proposed)
            if table is before:
                return table
            try:
                self._table.write(_replacing(tenant, item, packed(table)))
            except Refused as refused:
                item = refused.found[0] or None
            else:
                return table
        raise StateError(
            f"state table {self._table.name}: others kept writing the types of tenant {tenant!r}",
            hint="it is tried again with the next new metric",
        )


def _types(item: Mapping[str, Any] | None) -> Mapping[str, str]:
    return {} if item is None else unpacked(item["body"])


def _replacing(tenant: str, item: Mapping[str, Any] | None, body: bytes) -> Write:
    """The write of a new body, on the condition that the item is still this one."""
    version = 0 if item is None else item["version"]
    condition = "version = :seen" if version else "attribute_not_exists(version)"
    values = {":seen": version} if version else {}
    return Write("Put", _key(tenant), condition, values=values, item={"version": version + 1, "body": body})


def _key(tenant: str) -> Key:
    return f"types#{tenant}", "types"
