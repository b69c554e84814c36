"""Nodes to text that people read and edit: block YAML, the same text for the same nodes.

Comments are gone by then. What block YAML has no short form for is written as ``config.emit`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config.emit import emit, key_text
from pushvar.config.nodes import ListNode, MappingNode, ScalarNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.config.nodes import Node

_WIDTH = 100
"""A list of single values that fits stands on one line."""

_LONGEST_KEY = 1000
_INDENT = "  "


def layout(node: Node) -> str:
    """The node as a document, with a line break at its end."""
    return "\n".join(_lines(node)) + "\n"


def _lines(node: Node) -> list[str]:
    if isinstance(node, MappingNode) and node.entries and not _has_long_key(node):
        return [line for entry in node.entries for line in _entry(entry.key, entry.value)]
    if isinstance(node, ListNode) and node.items and not _fits(node):
        return [line for item in node.items for line in _item(item)]
    return [_flow(node)]


def _entry(key: Node, value: Node) -> Iterator[str]:
    name, lines = key_text(key), _lines(value)
    if lines == [_flow(value)]:
        yield f"{name}: {lines[0]}"
        return
    yield f"{name}:"
    yield from (_INDENT + line for line in lines)


def _item(item: Node) -> Iterator[str]:
    first, *others = _lines(item)
    yield f"- {first}"
    yield from (_INDENT + line for line in others)


def _flow(node: Node) -> str:
    return emit(node).replace("\n", " ")


def _fits(node: ListNode) -> bool:
    scalars = all(isinstance(item, ScalarNode) for item in node.items)
    return scalars and len(_flow(node)) <= _WIDTH


def _has_long_key(node: MappingNode) -> bool:
    return any(isinstance(one.key, ScalarNode) and len(_flow(one.key)) > _LONGEST_KEY for one in node.entries)
