"""Two configurations compared item by item: by what they mean, shown by what stands there.

Spelling, order of items and comments make no difference; nor do the cuts of a long list of targets.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pushvar.config import nodes
from pushvar.config.branches import branches
from pushvar.config.layout import layout
from pushvar.config.nodes import ListNode, MappingNode, ScalarNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.config.nodes import Node
    from pushvar.config.schema import Config


class Side(NamedTuple):
    """One of two configurations: what it is called, its nodes, and what they mean."""

    name: str
    root: Node
    config: Config


class ItemDiff(NamedTuple):
    """An item that is not the same: its name, ``added``, ``removed`` or ``changed``, and the lines."""

    item: str
    change: str
    lines: tuple[str, ...]


class _Item(NamedTuple):
    """What an item means, and its text."""

    meaning: Any
    text: str


def differences(before: Side, after: Side) -> tuple[ItemDiff, ...]:
    """Every item in which two configurations differ, in the order of the schema, then by name."""
    old, new = _items(before), _items(after)
    found = []
    for item in sorted(old.keys() | new.keys()):
        was, now = old.get(item), new.get(item)
        if was is not None and now is not None and (was.meaning == now.meaning or was.text == now.text):
            continue
        change = "added" if was is None else "removed" if now is None else "changed"
        name = "/".join(item[1:])
        lines = difflib.unified_diff(
            was.text.splitlines() if was else [],
            now.text.splitlines() if now else [],
            f"{before.name}: {name}" if was else "nothing",
            f"{after.name}: {name}" if now else "nothing",
            lineterm="",
        )
        found.append(ItemDiff(name, change, tuple(lines)))
    return tuple(found)


def _items(side: Side) -> dict[tuple[str, ...], _Item]:
    """Rank, branch and name -> item. A block that says nothing is no item."""
    items: dict[tuple[str, ...], _Item] = {}
    for rank, branch in enumerate(branches().values()):
        node = nodes.value_at(side.root, branch.key)
        value = getattr(side.config, branch.field)
        here = (f"{rank:02}", branch.key)
        if isinstance(node, ListNode):
            for block, item in zip(value, node.items, strict=True):
                items[*here, getattr(block, branch.name_key)] = _Item(_meaning(block), layout(item))
        elif branch.mapping:
            meanings = dict(value)
            for name, below in _pairs(node):
                items[*here, name] = _Item(_meaning(meanings[name]), layout(below))
        elif node is not None and not nodes.is_null(node):
            items[here] = _Item(_meaning(value), layout(node))
    return items


def _pairs(node: Node | None) -> Iterator[tuple[str, Node]]:
    for entry in node.entries if isinstance(node, MappingNode) else ():
        if isinstance(entry.key, ScalarNode):
            yield entry.key.text, entry.value


def _meaning(block: Any) -> Any:
    """The values of an item; target groups that follow each other with the same labels are one."""
    found = msgspec.to_builtins(block)
    groups = found.get("static_configs") if isinstance(found, dict) else None
    if groups:
        found["static_configs"] = [
            (target, group["labels"]) for group in groups for target in group["targets"]
        ]
    return found
