"""Targets of one job, added and removed as nodes: everything else of the job stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config import nodes
from pushvar.config.branches import GROUPS
from pushvar.config.nodes import Entry, ListNode, MappingNode, ScalarNode
from pushvar.config.web import with_port

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pushvar.config.nodes import Node

TARGETS, LABELS = "targets", "labels"


def with_targets(job: MappingNode, addresses: Iterable[str], labels: Mapping[str, str]) -> MappingNode:
    """The job with more targets: in the last group that has just these labels, or in a new one."""
    groups, _wanted = grouped(job), _set(labels)
    new: list[Node] = [text_node(address) for address in addresses]
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        known = nodes.value_at(group, TARGETS)
        if (
            isinstance(group, MappingNode)
            and isinstance(known, ListNode)
            and labels_of(group) == _set(labels)
        ):
            grown = known._replace(items=[*known.items, *new])
            groups[index] = nodes.with_value(group, TARGETS, grown)
            return with_groups(job, groups)
    return with_groups(job, [*groups, new_group(job, new, labels)])


def without_targets(
    job: MappingNode, addresses: Collection[str], scheme: str
) -> tuple[MappingNode, tuple[str, ...]]:
    """The job without these targets, and those that it had, once for each group. An empty group goes too.

    ``addresses`` have a port; one that the job leaves out follows from its ``scheme``.
    """
    kept: list[Node] = []
    removed: list[str] = []
    for group in grouped(job):
        known = nodes.value_at(group, TARGETS)
        if not isinstance(group, MappingNode) or not isinstance(known, ListNode):
            kept.append(group)
            continue
        full = [with_port(one.text, scheme) if isinstance(one, ScalarNode) else "" for one in known.items]
        left = [one for one, address in zip(known.items, full, strict=True) if address not in addresses]
        removed += [address for address in full if address in addresses]
        if left or not known.items:
            kept.append(nodes.with_value(group, TARGETS, known._replace(items=left)))
    return (with_groups(job, kept) if removed else job), tuple(removed)


def new_group(job: MappingNode, targets: list[Node], labels: Mapping[str, str]) -> MappingNode:
    """A group of targets, for a job."""
    entries = [Entry(_key(TARGETS), _list(targets))]
    if labels:
        pairs = [Entry(_key(name), text_node(value)) for name, value in labels.items()]
        entries.append(Entry(_key(LABELS), MappingNode(pairs, job.line, job.column)))
    return MappingNode(entries, job.line, job.column)


def grouped(job: MappingNode) -> list[Node]:
    """The groups of targets that stand in the job."""
    groups = nodes.value_at(job, GROUPS)
    return list(groups.items) if isinstance(groups, ListNode) else []


def with_groups(job: MappingNode, groups: list[Node]) -> MappingNode:
    """The job with these groups of targets."""
    return nodes.with_value(job, GROUPS, _list(groups))


def labels_of(group: Node) -> dict[str, str]:
    """The labels of a group that series can carry: an empty one is none."""
    block = nodes.value_at(group, LABELS)
    pairs = {
        one.key.text: "" if nodes.is_null(one.value) else one.value.text
        for one in (block.entries if isinstance(block, MappingNode) else ())
        if isinstance(one.key, ScalarNode) and isinstance(one.value, ScalarNode)
    }
    return _set(pairs)


def _set(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if value}


def _list(items: list[Node]) -> ListNode:
    return ListNode(items, 0, 0)


def text_node(text: str) -> ScalarNode:
    """A text that was never anything else."""
    return ScalarNode(text, plain=False, line=0, column=0)


def _key(text: str) -> ScalarNode:
    plain = text_node(text)._replace(plain=True)
    return text_node(text) if plain.is_null else plain
