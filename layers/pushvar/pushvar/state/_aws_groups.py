"""Pushed groups in the AWS store: a group and its line in the tenant's listing are one transaction.

What counts changes is an item of its own that is raised afterwards: in the transaction every push of a
tenant would meet every other.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pushvar.state._aws_table import Refused, Write
from pushvar.state._grouping import packed, packed_shape, shape_bytes, unpacked, unpacked_shape
from pushvar.state.protocol import SHAPES_BYTES, SHAPES_PER_TENANT, Group, GroupHead

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pushvar.state._aws_bodies import AwsBodies
    from pushvar.state._aws_table import AwsTable, Key, Value

INLINE_GROUP_BYTES: Final = 64_000
"""What of a body lies in the item: a write of it takes an eighth of what a partition does in a second."""

GROUPS_KEPT_S: Final = 15 * 24 * 3600
"""How long after its end the table may sweep a group that no run has forgotten."""

_FORGOTTEN_AT_ONCE: Final = 50  # two writes each; a transaction has at most 100 (DynamoDB)
_TENANTS: Final = "groups"
_TENANT: Final = "tenant#"
_LISTED: Final = "head#"
_ADD_SHAPE: Final = "ADD shapes :shapes, size_bytes :bytes"
_IF_NEW_SHAPE: Final = (
    "attribute_not_exists(shapes)"
    " OR (NOT contains(shapes, :shape) AND size(shapes) < :most AND size_bytes <= :room)"
)


class AwsGroups:
    """Groups by key and by tenant. Safe for several threads, processes and machines; raises StateError."""

    def __init__(self, table: AwsTable, bodies: AwsBodies) -> None:
        self._table, self._bodies = table, bodies
        self._shapes: set[tuple[str, str]] = set()  # which are there as far as we know; none ever goes

    def tenants(self) -> Mapping[str, int]:
        """Tenant -> how often its groups have changed, or a little more. One query."""
        items = self._table.query(_TENANTS, _TENANT)
        return {item["sk"].removeprefix(_TENANT): item["changes"] for item in items}

    def heads(self, tenant: str) -> tuple[GroupHead, ...]:
        """The heads of a tenant's groups by key; no body is read."""
        items = self._table.query(_listing(tenant), _LISTED)
        return tuple(_head(item["sk"].removeprefix(_LISTED), tenant, item) for item in items)

    def shapes(self, tenant: str) -> frozenset[tuple[str, ...]]:
        """The label names of every grouping that the tenant's groups have or had."""
        item = self._table.get(_shapes_key(tenant)) or {}
        return frozenset(map(unpacked_shape, item.get("shapes", ())))

    def get(self, keys: Collection[str]) -> Mapping[str, Group]:
        """The groups of these keys that are there; 100 by a read, and an object for each large body."""
        found = self._bodies.read_items(map(_key, keys)).values()
        groups = (Group(_head(item["key"], item["tenant"], item), body) for item, body in found)
        return {group.head.key: group for group in groups}

    def put(self, group: Group, replaces: str) -> bool:
        """Store a group if the stored one still has that version (empty: there is none)."""
        head = group.head
        if not replaces:
            self._add_shape(head.tenant, packed_shape(head.grouping))
        large = len(group.body) > INLINE_GROUP_BYTES
        place = f"groups/{head.key}/{uuid4().hex}" if large else ""
        if place:
            self._bodies.upload({place: group.body})
        stored, unnamed = self._replace(group, place, replaces)
        try:
            if stored:
                self._changed({head.tenant})
        finally:
            self._bodies.sweep(unnamed)
        return stored

    def forget(self, heads: Collection[GroupHead]) -> None:
        """Remove those groups that still have the version of their head, 50 by a transaction."""
        each = list({(head.key, head.version): head for head in heads}.values())
        for start in range(0, len(each), _FORGOTTEN_AT_ONCE):
            self._forget(each[start : start + _FORGOTTEN_AT_ONCE])

    def _add_shape(self, tenant: str, shape: str) -> None:
        """Add a shape that the tenant lacks, as far as there is room."""
        size_bytes = shape_bytes(shape)
        if (tenant, shape) in self._shapes or size_bytes > SHAPES_BYTES:
            return
        values: dict[str, Value] = {
            ":shape": shape,
            ":shapes": frozenset({shape}),
            ":bytes": size_bytes,
            ":most": SHAPES_PER_TENANT,
            ":room": SHAPES_BYTES - size_bytes,
        }
        try:
            self._table.write(Write("Update", _shapes_key(tenant), _IF_NEW_SHAPE, _ADD_SHAPE, values))
        except Refused as refused:
            if shape not in refused.found[0]["shapes"]:
                return
        self._shapes.add((tenant, shape))

    def _replace(self, group: Group, place: str, replaces: str) -> tuple[bool, set[str]]:
        """Write the two items; gives whether the group is stored, and the objects that nothing names now.

        The object that the item named before is found out by the condition: mostly there is none.
        """
        version, named = group.head.version, ""
        while True:
            try:
                self._table.write(*_puts(group, place, *_if_still(replaces, named)))
            except Refused as refused:
                found = refused.found[0]
                now, named_now = found.get("version", ""), found.get("object_key", "")
                if now == version:  # our own earlier try, whose answer was lost, or that of an earlier call
                    return True, {named, place} - {named_now, ""}
                if now != replaces:
                    return False, {place} - {""}
                named = named_now
            else:
                return True, {named} - {""}

    def _forget(self, heads: Sequence[GroupHead]) -> None:
        """Remove the items, then the objects that they named, which the conditions find out."""
        left = dict.fromkeys(heads, "")
        while left:
            try:
                self._table.write(*_deletes(left))
                break
            except Refused as refused:
                tried = list(left)
                for index, found in refused.found.items():
                    if found["version"] == tried[index].version:
                        left[tried[index]] = found["object_key"]
                    else:
                        del left[tried[index]]
        try:
            self._changed({head.tenant for head in left})
        finally:
            self._bodies.sweep(set(left.values()) - {""})

    def _changed(self, tenants: Collection[str]) -> None:
        """Raise the tenants' numbers; once more after a lost answer does no harm."""
        for tenant in tenants:
            key = (_TENANTS, f"{_TENANT}{tenant}")
            self._table.write(Write("Update", key, change="ADD changes :one", values={":one": 1}))


def _puts(group: Group, place: str, condition: str, values: Mapping[str, Value]) -> tuple[Write, Write]:
    """The writes of a group and of its line in the listing."""
    head = group.head
    line = _item(head)
    body: Mapping[str, Value] = {"object_key": place} if place else {"body": group.body}
    item = {**line, "key": head.key, "tenant": head.tenant, **body}
    whole = Write("Put", _key(head.key), condition, values=values, item=item)
    return whole, Write("Put", _listed_key(head), item=line)


def _deletes(heads: Mapping[GroupHead, str]) -> Iterator[Write]:
    """The writes that remove groups, which name these objects, and then their lines in the listings.

    An item may be gone while its line is there, since the table sweeps each for itself.
    """
    for head, named in heads.items():
        condition, values = _if_still(head.version, named)
        yield Write(
            "Delete", _key(head.key), f"attribute_not_exists(version) OR ({condition})", values=values
        )
    yield from (Write("Delete", _listed_key(head)) for head in heads)


def _if_still(version: str, named: str) -> tuple[str, Mapping[str, Value]]:
    """The condition that a group has this version and names this object (empty: none of it)."""
    if not version:
        return "attribute_not_exists(version)", {}
    if not named:
        return "version = :seen AND attribute_not_exists(object_key)", {":seen": version}
    return "version = :seen AND object_key = :named", {":seen": version, ":named": named}


def _item(head: GroupHead) -> dict[str, Value]:
    return {
        "grouping": packed(head.grouping),
        "version": head.version,
        "expires_ms": head.expires_ms,
        "pushed_ms": head.pushed_ms,
        "failed_ms": head.failed_ms,
        "deleted": int(head.deleted),
        "samples": head.samples,
        "types": head.types,
        "gone_s": max(head.expires_ms // 1000, int(time.time())) + GROUPS_KEPT_S,
    }


def _head(key: str, tenant: str, item: Mapping[str, Any]) -> GroupHead:
    times = (item["expires_ms"], item["pushed_ms"], item["failed_ms"])
    grouping, deleted = unpacked(item["grouping"]), bool(item["deleted"])
    return GroupHead(key, tenant, grouping, item["version"], *times, deleted, item["samples"], item["types"])


def _key(key: str) -> Key:
    return f"group#{key}", "group"


def _listing(tenant: str) -> str:
    return f"groups#{tenant}"


def _listed_key(head: GroupHead) -> Key:
    return _listing(head.tenant), f"{_LISTED}{head.key}"


def _shapes_key(tenant: str) -> Key:
    return _listing(tenant), "shapes"
