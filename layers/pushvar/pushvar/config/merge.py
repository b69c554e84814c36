"""A list of targets worked into the node of a job: what is there stays where it is, the rest is added."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pushvar.config import nodes
from pushvar.config.edit import TARGETS, grouped, labels_of, new_group, text_node, with_groups
from pushvar.config.nodes import ListNode, MappingNode, ScalarNode
from pushvar.config.web import with_port

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.config.nodes import Node
    from pushvar.config.target_lists import Row
    from pushvar.model import Labels

_Wanted = dict[tuple["Labels", str], str]


class Merged(NamedTuple):
    """A job after the merge, and how many targets came, went and stayed."""

    node: MappingNode
    added: int
    removed: int
    unchanged: int


def merged(job: MappingNode, rows: Iterable[Row], scheme: str, *, replace: bool) -> Merged:
    """The job with the targets of ``rows``; ``replace`` takes away those that are not among them.

    Two targets are the same with equal labels and equal addresses, ports that are left out filled in.
    An emptied group goes. When nothing is to do the node is the one that was given.
    """
    wanted: _Wanted = {(row.labels, with_port(row.address, scheme)): row.address for row in rows}
    groups, removed, unchanged = _kept(job, wanted, scheme, replace=replace)
    added = len(wanted)
    _add(groups, wanted, job)
    node = with_groups(job, groups) if added or removed else job
    return Merged(node, added, removed, unchanged)


def _kept(job: MappingNode, wanted: _Wanted, scheme: str, *, replace: bool) -> tuple[list[Node], int, int]:
    """The groups that stay, how many targets went and how many were wanted; those leave ``wanted``."""
    groups: list[Node] = []
    removed = unchanged = 0
    for group in grouped(job):
        known = nodes.value_at(group, TARGETS)
        if not isinstance(group, MappingNode) or not isinstance(known, ListNode):
            groups.append(group)
            continue
        labels = tuple(sorted(labels_of(group).items()))
        left: list[Node] = []
        for one in known.items:
            address = with_port(one.text, scheme) if isinstance(one, ScalarNode) else ""
            found = wanted.pop((labels, address), None) is not None
            unchanged += found
            if found or not replace:
                left.append(one)
        removed += len(known.items) - len(left)
        if left or not known.items:
            groups.append(nodes.with_value(group, TARGETS, known._replace(items=left)))
    return groups, removed, unchanged


def _add(groups: list[Node], wanted: _Wanted, job: MappingNode) -> None:
    """Put what is still wanted into the last group that has just its labels, or into new ones."""
    new: dict[Labels, list[Node]] = {}
    for (labels, _address), written in wanted.items():
        new.setdefault(labels, []).append(text_node(written))
    last = {tuple(sorted(labels_of(group).items())): index for index, group in enumerate(groups)}
    for labels, targets in new.items():
        index = last.get(labels)
        group = groups[index] if index is not None else None
        known = nodes.value_at(group, TARGETS) if group is not None else None
        if index is not None and isinstance(group, MappingNode) and isinstance(known, ListNode):
            grown = known._replace(items=[*known.items, *targets])
            groups[index] = nodes.with_value(group, TARGETS, grown)
        else:
            groups.append(new_group(job, targets, dict(labels)))
