"""The nodes of a document: texts, lists and mappings that know where they stand, and merge keys.

A text stays as it is written: its type follows from the schema, so ``version: 1.10`` is never the
number 1.1. Line and column count from 0, as the parser counts them; NOWHERE is the line of a node
that stands for a whole document.
"""

from __future__ import annotations

from typing import NamedTuple

NOWHERE = -1

_MERGE_KEY = "<<"


class ScalarNode(NamedTuple):
    """A text. ``plain`` is False for what is quoted, ``tagged`` True for a tag that we do not know."""

    text: str
    plain: bool
    line: int
    column: int
    tagged: bool = False

    @property
    def is_null(self) -> bool:
        """Whether the value is left out: nothing, ``~`` or ``null``."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}


class ListNode(NamedTuple):
    """A list and its items."""

    items: list[Node]
    line: int
    column: int
    tagged: bool = False


class Entry(NamedTuple):
    """A key and its value. ``again`` is True when the same mapping had the key before."""

    key: Node
    value: Node
    again: bool = False


class MappingNode(NamedTuple):
    """A mapping with its merge keys (``<<``) resolved: own keys as they stand, then merged ones."""

    entries: list[Entry]
    line: int
    column: int
    tagged: bool = False


class BrokenNode(NamedTuple):
    """Stands for one of several texts that is no document: what is wrong with it, and where."""

    problem: str
    hint: str
    line: int
    column: int
    tagged: bool = False


Node = ScalarNode | ListNode | MappingNode | BrokenNode


def value_at(node: Node, key: str) -> Node | None:
    """The value that a mapping has under a key; None where there is none, or no mapping."""
    for entry in node.entries if isinstance(node, MappingNode) else ():
        if _is_key(entry, key):
            return entry.value
    return None


def with_value(node: MappingNode, key: str, value: Node) -> MappingNode:
    """The mapping with this value under the key: in the place of the old one, or at the end."""
    kept = [one._replace(value=value) if _is_key(one, key) else one for one in node.entries]
    if value_at(node, key) is None:
        kept.append(Entry(ScalarNode(key, plain=True, line=node.line, column=node.column), value))
    return node._replace(entries=kept)


def is_null(node: Node | None) -> bool:
    """Whether a value is left out: there is none, or it is nothing, ``~`` or ``null``."""
    return node is None or (isinstance(node, ScalarNode) and node.is_null)


def has_name(node: Node, key: str) -> bool:
    """Whether a mapping has a name under ``key``: an empty one is none."""
    value = value_at(node, key)
    return not is_null(value) and not (isinstance(value, ScalarNode) and not value.text)


def named(node: MappingNode, key: str, name: str) -> MappingNode:
    """The mapping as it is when it has a name under ``key``; else with this one before all others."""
    if has_name(node, key):
        return node
    line, column = node.line, node.column
    own = Entry(
        ScalarNode(key, plain=True, line=line, column=column),
        ScalarNode(name, plain=False, line=line, column=column),
    )
    return node._replace(entries=[own, *(entry for entry in node.entries if not _is_key(entry, key))])


def _is_key(entry: Entry, key: str) -> bool:
    return isinstance(entry.key, ScalarNode) and entry.key.text == key


def own_entries(children: list[Node]) -> tuple[list[Entry], list[MappingNode]]:
    """The entries that a mapping writes itself, and the mappings it merges, from alternating keys and values.

    A merge key whose value is no mapping (nor a list of them) stays an entry: the reader refuses it.
    """
    entries: list[Entry] = []
    merged: dict[int, MappingNode] = {}
    seen: set[str] = set()
    for key, value in zip(children[::2], children[1::2], strict=True):
        name = key.text if isinstance(key, ScalarNode) else None
        mappings = _mappings(value) if name == _MERGE_KEY else None
        if mappings is not None:
            merged.update((id(node), node) for node in mappings)
            continue
        entries.append(Entry(key, value, name in seen))
        if name is not None:
            seen.add(name)
    return entries, list(merged.values())


def _mappings(value: Node) -> list[MappingNode] | None:
    """What a merge key merges: one mapping, or those of a list that holds nothing else; None for the rest."""
    nodes = value.items if isinstance(value, ListNode) else [value]
    mappings = [node for node in nodes if isinstance(node, MappingNode)]
    return mappings if len(mappings) == len(nodes) else None


def merged_entries(entries: list[Entry], merged: list[MappingNode]) -> list[Entry]:
    """Own entries and what the merged mappings add; own keys win, then earlier mappings."""
    seen = {entry.key.text for entry in entries if isinstance(entry.key, ScalarNode)}
    result = entries.copy()
    for mapping in merged:
        for entry in mapping.entries:
            if isinstance(entry.key, ScalarNode) and entry.key.text not in seen:
                seen.add(entry.key.text)
                result.append(entry)
    return result
