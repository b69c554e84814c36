"""A tree of parameters as one document: the targets of continuations join the group that was cut.

The same tree always gives the same text. Jobs and backends stand in the order of the tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config import nodes
from pushvar.config.branches import GROUPS
from pushvar.config.emit import emit
from pushvar.config.layout import layout
from pushvar.config.nodes import ListNode, MappingNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.nodes import Node
    from pushvar.config.problems import Path
    from pushvar.config.tree import Tree

_JOBS, _TARGETS = "scrape_configs", "targets"


def pulled(tree: Tree) -> str:
    """The text of the configuration that a tree holds."""
    return layout(whole(tree))


def whole(tree: Tree) -> MappingNode:
    """The document of a tree, without the cuts that the size of parameters made."""
    jobs = nodes.value_at(tree.root, _JOBS)
    if not isinstance(jobs, ListNode):
        return tree.root
    items = [_job(item, (_JOBS, index), tree.source_of) for index, item in enumerate(jobs.items)]
    return nodes.with_value(tree.root, _JOBS, jobs._replace(items=items))


def _job(job: Node, path: Path, source_of: Callable[[Path], str]) -> Node:
    groups = nodes.value_at(job, GROUPS)
    if not isinstance(job, MappingNode) or not isinstance(groups, ListNode):
        return job
    sources = [source_of((*path, GROUPS, index)) for index in range(len(groups.items))]
    joined: list[Node] = []
    for index, group in enumerate(groups.items):
        if joined and sources[index] != sources[index - 1] and _frame(group) == _frame(joined[-1]):
            joined[-1] = _with_targets(joined[-1], group)
        else:
            joined.append(group)
    return nodes.with_value(job, GROUPS, groups._replace(items=joined))


def _frame(group: Node) -> str:
    """The text of a group without its targets."""
    assert isinstance(group, MappingNode), "the reader refuses other groups"
    return emit(nodes.with_value(group, _TARGETS, ListNode([], group.line, group.column)))


def _with_targets(group: Node, more: Node) -> Node:
    own, added = nodes.value_at(group, _TARGETS), nodes.value_at(more, _TARGETS)
    assert isinstance(group, MappingNode), "the reader refuses other groups"
    if not isinstance(own, ListNode) or not isinstance(added, ListNode):
        return group
    return nodes.with_value(group, _TARGETS, own._replace(items=[*own.items, *added.items]))
