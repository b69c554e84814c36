"""A tree of parameters to a configuration: one YAML or JSON text for each item, put together as nodes.

Every value keeps its place: a problem is told with the full name of its parameter, its line and column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.config import nodes
from pushvar.config.branches import GROUPS, branches, continuation, in_order
from pushvar.config.document import parse
from pushvar.config.keys import unknown_key
from pushvar.config.load import checked
from pushvar.config.nodes import NOWHERE, BrokenNode, Entry, ListNode, MappingNode, ScalarNode
from pushvar.config.problems import Problems
from pushvar.config.schema import Config
from pushvar.config.tree_checks import CHECKS
from pushvar.errors import ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.config.branches import Branch
    from pushvar.config.nodes import Node
    from pushvar.config.problems import Path


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree that was read.

    ``parts`` gives the relative names of the parameters of each item by its path, continuations last;
    ``source_of`` the full name of the parameter in which a path stands.
    """

    config: Config
    root: MappingNode
    parts: Mapping[Path, tuple[str, ...]]
    source_of: Callable[[Path], str]


def read_tree(items: Mapping[str, str], prefix: str) -> Tree:
    """The configuration that the parameters below ``prefix`` make, complete and checked.

    ``items`` are their values by relative name (``scrape_configs/pay``). Raises ConfigErrors with every
    problem of all of them, ordered by parameter and line.
    """
    assembly = _Assembly(items, prefix)
    root = assembly.root()
    config = checked(root, assembly.problems, checks=CHECKS)
    return Tree(config, root, assembly.parts, assembly.problems.source_of)


class _Assembly:
    """Puts the nodes of all parameters together and notes where each path stands."""

    def __init__(self, items: Mapping[str, str], prefix: str) -> None:
        self._prefix = prefix
        self._names = in_order(items)
        self._nodes = {name: _parsed(items[name], self._source(name)) for name in self._names}
        self.problems = Problems(prefix, map(self._source, self._names))
        self.parts: dict[Path, tuple[str, ...]] = {}

    def _source(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    def root(self) -> MappingNode:
        """The whole document."""
        for name in self._names:
            if (wrong := _misplaced(name)) is not None:
                self.problems.add_whole(self._source(name), *wrong)
        entries = []
        for branch in branches().values():
            node = self._node(branch)
            if node is not None:
                entries.append(Entry(ScalarNode(branch.key, plain=True, line=NOWHERE, column=NOWHERE), node))
        return MappingNode(entries, NOWHERE, NOWHERE)

    def _node(self, branch: Branch) -> Node | None:
        if branch.mapping:
            return self._mapping(branch)
        return self._items(branch) if branch.name_key else self._once(branch)

    def _mapping(self, branch: Branch) -> MappingNode | None:
        """Each parameter's value under the name of the parameter."""
        here = f"{branch.key}/"
        entries = []
        for name in self._names:
            if name.startswith(here) and _misplaced(name) is None:
                own = name.removeprefix(here)
                path: Path = (branch.key, own)
                self.parts[path] = (name,)
                self.problems.stands(path, self._source(name))
                entries.append(
                    Entry(ScalarNode(own, plain=False, line=NOWHERE, column=NOWHERE), self._nodes[name])
                )
        return MappingNode(entries, NOWHERE, NOWHERE) if entries else None

    def _once(self, branch: Branch) -> Node | None:
        self.problems.stands((branch.key,), self._source(branch.key))
        return self._nodes.get(branch.key)

    def _items(self, branch: Branch) -> ListNode | None:
        here = f"{branch.key}/"
        names = [name for name in self._names if name.startswith(here) and _misplaced(name) is None]
        parts: dict[str, list[str]] = {name: [] for name in names}
        for name in names:
            base = self._continues(name, branch)
            if base:
                parts[base].append(name)
        continued = {part for found in parts.values() for part in found}
        items: list[Node] = []
        for name in names:
            if name not in continued:
                path: Path = (branch.key, len(items))
                self.parts[path] = (name, *parts[name])
                self.problems.stands(path, self._source(name))
                items.append(self._item(branch, path))
            elif parts[name]:
                self._no_chain(name, parts[name])
        return ListNode(items, NOWHERE, NOWHERE) if items else None

    def _continues(self, name: str, branch: Branch) -> str:
        """The parameter that this one goes on with, by its name and because its value names no item."""
        base, number = continuation(name)
        node = self._nodes[name]
        if not (number and branch.continues) or nodes.has_name(node, branch.name_key):
            return ""
        if base in self._nodes:
            return base
        if nodes.value_at(node, GROUPS) is not None and len(getattr(node, "entries", ())) == 1:
            hint = (
                f"push the configuration again; if it is a job of its own, add {branch.name_key} to its value"
            )
            self.problems.add_whole(self._source(name), f"continues {base}, which is not there", hint)
        return ""

    def _no_chain(self, base: str, parts: list[str]) -> None:
        for name in parts:
            problem = f"continues {base}, which is a continuation itself"
            self.problems.add_whole(
                self._source(name), problem, f"give it the next number of {continuation(base)[0]}"
            )

    def _item(self, branch: Branch, path: Path) -> Node:
        """One item with its continuations; its name is in its value or is its parameter's."""
        name, *parts = self.parts[path]
        node = self._nodes[name]
        if isinstance(node, MappingNode):
            node = nodes.named(node, branch.name_key, name.rpartition("/")[2])
        if not parts:
            return node
        own = _own_groups(node)
        groups = [] if own is None else own.items.copy()
        last = 1
        for part in parts:
            self._no_gap(part, last)
            last = continuation(part)[1]
            for group in self._groups(part, path):
                self.problems.stands((*path, GROUPS, len(groups)), self._source(part))
                groups.append(group)
        if own is not None and isinstance(node, MappingNode):
            return nodes.with_value(node, GROUPS, own._replace(items=groups))
        for index, group in enumerate(groups):  # nobody reads them
            if isinstance(group, BrokenNode):
                self.problems.add(group, (*path, GROUPS, index), group.problem, group.hint)
        return node

    def _no_gap(self, part: str, last: int) -> None:
        """A number that is left out is a parameter that was lost, and its targets with it."""
        base, number = continuation(part)
        if number != last + 1:
            problem = f"continues {base}, but {self._source(base)}.{last + 1} is missing"
            self.problems.add_whole(self._source(part), problem, "push the configuration again")

    def _groups(self, part: str, path: Path) -> list[Node]:
        """The target groups of a continuation; whatever else it holds is a problem."""
        node, source = self._nodes[part], self._source(part)
        if isinstance(node, BrokenNode):
            return [node]
        value = nodes.value_at(node, GROUPS)
        if not isinstance(node, MappingNode) or value is None:
            self.problems.add_whole(source, f"a continuation holds {GROUPS}", f"write {{{GROUPS}: [...]}}")
            return []
        for entry in node.entries:
            key = entry.key.text if isinstance(entry.key, ScalarNode) else ""
            if key != GROUPS or entry.again:
                problem = "given twice" if entry.again else f"a continuation holds {GROUPS} alone"
                hint = "keep one" if entry.again else f"write it into {continuation(part)[0]}"
                self.problems.add(entry.key, (*path, key), problem, hint, source=source)
        if isinstance(value, ListNode) and not value.tagged:
            return value.items
        return [] if nodes.is_null(value) else [value]


def _parsed(text: str, source: str) -> Node:
    """The root of one parameter's value; a value that is no document is a node that says so."""
    try:
        return parse(text, source)
    except ConfigErrors as error:
        _source, line, column = error.place.rsplit(":", 2)
        return BrokenNode(error.problem, error.hint, int(line) - 1, int(column) - 1)


def _own_groups(node: Node) -> ListNode | None:
    """The target groups of an item; None where no others can be added to what stands there."""
    if not isinstance(node, MappingNode):
        return None
    value = nodes.value_at(node, GROUPS)
    if value is None or nodes.is_null(value):
        return ListNode([], node.line, node.column)
    return value if isinstance(value, ListNode) and not value.tagged else None


def _misplaced(name: str) -> tuple[str, str] | None:
    """What is wrong with the name of a parameter; None when a tree may hold it."""
    head, *rest = name.split("/")
    branch = branches().get(head)
    if branch is not None and len(rest) == branch.many:
        return None
    if branch is not None:
        return f"not a parameter of {head}", f"write {branch.form}"
    problem, hint = unknown_key(head, Config, ())
    if not hint or hint.startswith("its keys"):
        hint = f"a tree holds {', '.join(sorted(branch.form for branch in branches().values()))}"
    return problem, hint
