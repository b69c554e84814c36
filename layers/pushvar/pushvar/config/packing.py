"""A configuration to a tree of parameters: one value for each item, none larger than a parameter may be.

A list of targets that is too long for one value goes on in ``<item>.2``, ``.3``, ...; a group that is
cut repeats its labels. The same nodes always give the same bytes, also those of a tree that was packed
before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config import nodes
from pushvar.config.branches import GROUPS, branches, segments
from pushvar.config.document import parse
from pushvar.config.emit import emit, size_bytes
from pushvar.config.load import checked
from pushvar.config.nodes import NOWHERE, ListNode, MappingNode, ScalarNode
from pushvar.config.problems import Problems
from pushvar.config.tree_checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.config.nodes import Node
    from pushvar.config.problems import Path
    from pushvar.config.schema import Config
    from pushvar.config.tree import Tree

MAX_BYTES = 4096
"""The largest value of a standard parameter; a larger one would be of the advanced tier, which costs."""

_TARGETS = "targets"
_SEPARATOR_BYTES = 2


def items_of(text: str, *, source: str) -> tuple[Config, dict[str, str]]:
    """The configuration in ``text``, and the values of its tree by relative name.

    Raises ConfigErrors with every problem, also what cannot stand in a tree: targets in files,
    relative paths, items that do not fit.
    """
    root = parse(text, source)
    problems = Problems(source)
    config = checked(root, problems, checks=CHECKS)
    items = packed(root, config, problems)
    problems.raise_all()
    return config, items


def packed(root: Node, config: Config, problems: Problems) -> dict[str, str]:
    """The values of a tree by relative name, from the nodes that gave ``config``.

    What does not fit goes to ``problems``.
    """
    items: dict[str, str] = {}
    for branch in branches().values():
        node = nodes.value_at(root, branch.key)
        if isinstance(node, ListNode):
            names = [getattr(item, branch.name_key) for item in getattr(config, branch.field)]
            for index, segment in enumerate(segments(names)):
                item = node.items[index]
                assert isinstance(item, MappingNode), "the reader refuses other items"
                item = nodes.named(item, branch.name_key, names[index])
                items |= item_values(f"{branch.key}/{segment}", item, (branch.key, index), problems)
        elif branch.mapping:
            for entry in node.entries if isinstance(node, MappingNode) else ():
                assert isinstance(entry.key, ScalarNode), "the reader refuses other keys"
                name = entry.key.text
                items |= item_values(f"{branch.key}/{name}", entry.value, (branch.key, name), problems)
        elif isinstance(node, MappingNode):
            items |= item_values(branch.key, node, (branch.key,), problems)
    return items


def item_values(name: str, node: Node, path: Path, problems: Problems) -> dict[str, str]:
    """The value of one parameter, or of several where its targets do not fit into one."""
    whole = emit(node)
    groups = nodes.value_at(node, GROUPS)
    if (
        size_bytes(whole) <= MAX_BYTES
        or not isinstance(groups, ListNode)
        or not isinstance(node, MappingNode)
    ):
        _check_size(whole, node, path, problems)
        return {name: whole}
    empty = _with_groups(node, [])
    alone = MappingNode([], NOWHERE, NOWHERE)
    if not _check_size(emit(empty), node, path, problems, " without its targets"):
        return {}
    rooms = (MAX_BYTES - size_bytes(emit(empty)), MAX_BYTES - size_bytes(emit(_with_groups(alone, []))))
    parts = _Parts(*rooms)
    for index, group in enumerate(groups.items):
        if isinstance(group, MappingNode) and (too_large := parts.add(group)):
            where: Path = (*path, GROUPS, index)
            problem = f"one target with its labels takes {too_large:,} bytes; there is room for {rooms[1]:,}"
            problems.add(group, where, problem, "use fewer or shorter labels")
    first, *others = parts.parts
    values = {name: emit(_with_groups(node, first))}
    values |= {f"{name}.{n}": emit(_with_groups(alone, part)) for n, part in enumerate(others, start=2)}
    return values


def with_item(items: Mapping[str, str], tree: Tree, path: Path, node: MappingNode) -> dict[str, str]:
    """The values of a tree with another node for the item at ``path``; those of other items stay.

    Raises ConfigErrors when it does not fit, or would need the name of another item's parameter.
    """
    own = tree.parts[path]
    problems = Problems(tree.source_of(path))
    values = item_values(own[0], node, path, problems)
    for name in values:
        if name in items and name not in own:
            problem = f"it would go on in {name}, which is another item"
            problems.add(node, path, problem, "push the configuration from a file, which finds other names")
    problems.raise_all()
    return {name: value for name, value in items.items() if name not in own} | values


class _Parts:
    """Target groups, distributed over parameters: each is filled before the next begins."""

    def __init__(self, first_bytes: int, other_bytes: int) -> None:
        self.parts: list[list[Node]] = [[]]
        self._left = first_bytes
        self._room = other_bytes

    def add(self, group: MappingNode) -> int:
        """Add a group, cut where it has to be. Gives what is too large for any parameter, or 0."""
        targets = nodes.value_at(group, _TARGETS)
        addresses = targets.items if isinstance(targets, ListNode) else []
        if not isinstance(targets, ListNode) or not addresses:
            return self._place(group, size_bytes(emit(group)))
        frame = size_bytes(emit(nodes.with_value(group, _TARGETS, targets._replace(items=[]))))
        sizes = [size_bytes(emit(address)) for address in addresses]
        if frame + max(sizes) > self._room:
            return frame + max(sizes)
        while addresses:
            count = self._fitting(frame, sizes)
            if not count:
                self._next()
                continue
            cut = nodes.with_value(group, _TARGETS, targets._replace(items=addresses[:count]))
            self._place(cut, size_bytes(emit(cut)))
            addresses, sizes = addresses[count:], sizes[count:]
        return 0

    def _fitting(self, frame: int, sizes: Sequence[int]) -> int:
        """How many addresses of a group fit behind what is in the last parameter."""
        left = self._left - frame - (_SEPARATOR_BYTES if self.parts[-1] else 0)
        for count, size in enumerate(sizes):
            left -= size + (_SEPARATOR_BYTES if count else 0)
            if left < 0:
                return count
        return len(sizes)

    def _place(self, group: MappingNode, size: int) -> int:
        if size > self._room:
            return size
        if size + (_SEPARATOR_BYTES if self.parts[-1] else 0) > self._left:
            self._next()
        self._left -= size + (_SEPARATOR_BYTES if self.parts[-1] else 0)
        self.parts[-1].append(group)
        return 0

    def _next(self) -> None:
        self.parts.append([])
        self._left = self._room


def _check_size(value: str, node: Node, path: Path, problems: Problems, which: str = "") -> bool:
    size = size_bytes(value)
    if size > MAX_BYTES:
        problem = f"{size:,} bytes{which}; a parameter holds {MAX_BYTES:,}"
        problems.add(node, path, problem, "make it shorter, or divide it")
    return size <= MAX_BYTES


def _with_groups(node: MappingNode, groups: list[Node]) -> MappingNode:
    return nodes.with_value(node, GROUPS, ListNode(groups, NOWHERE, NOWHERE))
