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

_TARGETS, _LABELS = "targets", "labels"


def with_targets(job: MappingNode, addresses: Iterable[str], labels: Mapping[str, str]) -> MappingNode:
    """The job with more targets: in the last group that has just these labels, or in a new one."""
    groups = _groups(job)
    new: list[Node] = [_text(address) for address in addresses]
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        known = nodes.value_at(group, _TARGETS)
        if isinstance(group, MappingNode) and isinstance(known, ListNode) and _labels(group) == _set(labels):
            grown = known._replace(items=[*known.items, *new])
            groups[index] = nodes.with_value(group, _TARGETS, grown)
            return _with_groups(job, groups)
    entries = [Entry(_key(_TARGETS), _list(new))]
    if labels:
        pairs = [Entry(_key(name), _text(value)) for name, value in labels.items()]
        entries.append(Entry(_key(_LABELS), MappingNode(pairs, job.line, job.column)))
    return _with_groups(job, [*groups, MappingNode(entries, job.line, job.column)])


def without_targets(
    job: MappingNode, addresses: Collection[str], scheme: str
) -> tuple[MappingNode, tuple[str, ...]]:
    """The job without these targets, and those that it had, once for each group. An empty group goes too.

    ``addresses`` have a port; one that the job leaves out follows from its ``scheme``.
    """
    kept: list[Node] = []
    removed: list[str] = []
    for group in _groups(job):
        known = nodes.value_at(group, _TARGETS)
        if not isinstance(group, MappingNode) or not isinstance(known, ListNode):
            kept.append(group)
            continue
        full = [with_port(one.text, scheme) if isinstance(one, ScalarNode) else "" for one in known.items]
        left = [one for one, address in zip(known.items, full, strict=True) if address not in addresses]
        removed += [address for address in full if address in addresses]
        if left or not known.items:
            kept.append(nodes.with_value(group, _TARGETS, known._replace(items=left)))
    return (_with_groups(job, kept) if removed else job), tuple(removed)


def _groups(job: MappingNode) -> list[Node]:
    groups = nodes.value_at(job, GROUPS)
    return list(groups.items) if isinstance(groups, ListNode) else []


def _with_groups(job: MappingNode, groups: list[Node]) -> MappingNode:
    return nodes.with_value(job, GROUPS, _list(groups))


def _labels(group: Node) -> dict[str, str]:
    """The labels of a group that series can carry: an empty one is none."""
    block = nodes.value_at(group, _LABELS)
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


def _text(text: str) -> ScalarNode:
    return ScalarNode(text, plain=False, line=0, column=0)


def _key(text: str) -> ScalarNode:
    plain = _text(text)._replace(plain=True)
    return _text(text) if plain.is_null else plain
