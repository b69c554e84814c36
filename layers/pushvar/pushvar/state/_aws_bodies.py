"""Bodies that are replaced under a lease: in the item itself, or as an object when they are large."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pushvar.errors import LeaseLost, StateError
from pushvar.state._aws_table import Refused, Write, batches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

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
        found = self._read_item(key)
        return None if found is None else found[1]

    def read_all(self, keys: Iterable[Key]) -> Mapping[Key, bytes]:
        """The bodies of the items that are there."""
        return {key: body for key, (_, body) in self.read_items(keys).items()}

    def read_items(self, keys: Iterable[Key]) -> Mapping[Key, tuple[Mapping[str, Any], bytes]]:
        """The items that are there, each with the body that belongs to it."""
        items = self._table.get_all(keys)
        objects = self._bucket.get_all(
            [item["object_key"] for item in items.values() if "object_key" in item]
        )
        whole: dict[Key, tuple[Mapping[str, Any], bytes]] = {}
        for key, item in items.items():
            body = objects[item["object_key"]] if "object_key" in item else item["body"]
            found = self._read_item(key) if body is None else (item, body)  # replaced meanwhile: read anew
            if found is not None:
                whole[key] = found
        return whole

    def _read_item(self, key: Key) -> tuple[Mapping[str, Any], bytes] | None:
        missing = ""
        for _ in range(2):  # the object may be replaced between the two reads
            item = self._table.get(key)
            if item is None:
                return None
            missing = item.get("object_key", "")
            body = self._bucket.get(missing) if missing else item["body"]
            if body is not None:
                return item, body
        raise StateError(
            f"object {missing} in state bucket {self._bucket.name} is gone",
            hint=f"delete the item {key[0]}, {key[1]} in table {self._table.name}: it is then made anew",
        )

    def replace(self, lease: Lease, bodies: Mapping[Key, bytes | None], *, folder: str) -> None:
        """Store bodies or remove them (None), if the lease is the newest; raises LeaseLost."""
        large = {key: body for key, body in bodies.items() if body and len(body) > INLINE_BYTES}
        places = {key: f"{folder}/{safe_name(key[0].partition('#')[2])}/{uuid4().hex}" for key in large}
        self.upload({places[key]: body for key, body in large.items()})
        unnamed = set(places.values())
        try:
            writes = (_write(key, body, places.get(key)) for key, body in bodies.items())
            for batch in batches(writes, lambda write: write.size_bytes):
                self._swap(lease, batch)
                unnamed.difference_update(write.item.get("object_key") for write in batch)
        except LeaseLost:
            self.sweep(unnamed)
            raise

    def upload(self, objects: Mapping[str, bytes]) -> None:
        """Store objects that nothing names yet; when one cannot be stored, none stays."""
        try:
            self._bucket.put_all(objects)
        except StateError:
            self.sweep(objects)
            raise

    def sweep(self, object_keys: Collection[str]) -> None:
        """Remove objects that nothing names any more; what cannot be removed now stays as rubbish."""
        with suppress(StateError):
            self._bucket.delete(sorted(object_keys))

    def _swap(self, lease: Lease, writes: Sequence[Write]) -> None:
        """Write the items, then remove the objects that they named before, which the conditions find out."""
        mine = {index: write.item.get("object_key") for index, write in enumerate(writes)}
        named = dict.fromkeys(mine, "")
        before: set[str] = set()
        while True:
            try:
                self._heads.under(lease, [_if_named(write, named[i]) for i, write in enumerate(writes)])
                break
            except Refused as refused:
                now = {index: item.get("object_key", "") for index, item in refused.found.items()}
                if any(place and place == mine[index] for index, place in now.items()):
                    break  # our own earlier try, whose answer was lost, wrote all of them
                named |= now
                before.update(filter(None, now.values()))
        self.sweep(before)


def safe_name(text: str) -> str:
    """A text for people to recognise in an object's key; not unique, so an id must follow."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:_NAME_LENGTH] or "_"


def _write(key: Key, body: bytes | None, place: str | None) -> Write:
    """The write of a body that lies in its item, or as an object in ``place``, or goes (None)."""
    if body is None:
        return Write("Delete", key)
    return Write("Put", key, item={"object_key": place} if place else {"body": body})


def _if_named(write: Write, named: str) -> Write:
    """The write, on the condition that its item names this object (empty: none)."""
    condition = "object_key = :named" if named else "attribute_not_exists(object_key)"
    values: Mapping[str, Any] = {":named": named} if named else {}
    return Write(write.verb, write.key, condition, values=values, item=write.item)
