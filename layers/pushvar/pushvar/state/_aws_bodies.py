"""Bodies that are replaced under a lease: in the item itself, or as an object when they are large."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pushvar.errors import LeaseLost, StateError
from pushvar.state._aws_table import Refused, Write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.state._aws_bucket import AwsBucket
    from pushvar.state._aws_heads import AwsHeads
    from pushvar.state._aws_table import AwsTable, Key
    from pushvar.state.protocol import Lease

INLINE_BYTES: Final = 300_000  # an item has at most 400 KB (DynamoDB), its keys and names included
_NAME_LENGTH: Final = 64


class AwsBodies:
    """The ``body`` of an item, wherever it lies. Safe for several threads; raises StateError.

    An object is written under a name of its own before the item names it, and removed after the item
    names another: no reader finds half of it, and a writer that has lost its lease spoils nothing.
    """

    def __init__(self, table: AwsTable, heads: AwsHeads, bucket: AwsBucket) -> None:
        self._table, self._heads, self._bucket = table, heads, bucket

    def read(self, key: Key) -> bytes | None:
        """The body of an item, or None when there is no such item."""
        missing = ""
        for _ in range(2):  # the object may be replaced between the two reads
            item = self._table.get(key)
            if item is None:
                return None
            missing = item.get("object_key", "")
            body = self._bucket.get(missing) if missing else item["body"]
            if body is not None:
                return bytes(body)
        raise StateError(
            f"object {missing} in state bucket {self._bucket.name} is gone",
            hint=f"delete the item {key[0]}, {key[1]} in table {self._table.name}: it is then made anew",
        )

    def replace(self, lease: Lease, key: Key, body: bytes | None, *, folder: str) -> None:
        """Store a body or remove it (None), if the lease is the newest; raises LeaseLost."""
        if body is None:
            self._swap(lease, Write("Delete", key))
        elif len(body) <= INLINE_BYTES:
            self._swap(lease, Write("Put", key, item={"body": body}))
        else:
            object_key = f"{folder}/{safe_name(key[0].partition('#')[2])}/{uuid4().hex}"
            self._bucket.put(object_key, body)
            try:
                self._swap(lease, Write("Put", key, item={"object_key": object_key}))
            except LeaseLost:
                self.sweep(object_key)
                raise

    def sweep(self, object_key: str) -> None:
        """Remove an object that nothing names any more; what cannot be removed now stays as rubbish."""
        with suppress(StateError):
            self._bucket.delete(object_key)

    def _swap(self, lease: Lease, write: Write) -> None:
        """Write the item, then remove the object that it named before, which the condition finds out."""
        named, mine = "", write.item.get("object_key", "")
        while True:
            try:
                self._heads.under(lease, _if_named(write, named))
                break
            except Refused as refused:
                named = refused.found.get("object_key", "")
                if named and named == mine:  # our own earlier try, whose answer was lost
                    return
        if named:
            self.sweep(named)


def safe_name(text: str) -> str:
    """A text for people to recognise in an object's key; not unique, so an id must follow."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:_NAME_LENGTH] or "_"


def _if_named(write: Write, named: str) -> Write:
    """The write, on the condition that its item names this object (empty: none)."""
    condition = "object_key = :named" if named else "attribute_not_exists(object_key)"
    values: Mapping[str, Any] = {":named": named} if named else {}
    return Write(write.verb, write.key, condition, values=values, item=write.item)
