"""Text in, a checked configuration or every problem of the text out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config.checks import findings, group_findings
from pushvar.config.complete import completed
from pushvar.config.document import parse
from pushvar.config.gateway_checks import gateway_findings
from pushvar.config.keys import type_of
from pushvar.config.mapping_checks import rules_findings
from pushvar.config.mappings import MappingName, Rules
from pushvar.config.nodes import NOWHERE, Entry, ListNode, MappingNode, ScalarNode, value_at
from pushvar.config.problems import Problems
from pushvar.config.reader import Reader
from pushvar.config.schema import Config, FileGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pushvar.config.nodes import Node
    from pushvar.config.problems import Finding, Path
    from pushvar.config.schema import Gateway, Tenancy


def load(text: str, *, source: str, directory: str = "") -> Config:
    """The configuration in ``text``, YAML or JSON, complete and checked.

    ``source`` names the document in messages. Relative paths in it (files of targets, TLS files,
    secrets in files) are taken from ``directory``; empty leaves them as they are.
    Raises ConfigErrors with every problem, each with its path and ``source:line:column``.
    """
    return checked(parse(text, source), Problems(source), directory)


def checked(
    root: Node,
    problems: Problems,
    directory: str = "",
    checks: Iterable[Callable[[Config], Iterable[Finding]]] = (),
) -> Config:
    """The configuration in the tree of nodes, as ``load`` gives it, when ``checks`` find nothing either.

    Raises ConfigErrors with every problem, those that ``problems`` has already among them.
    """
    read: Config = Reader(problems).read(root, type_of(Config), ())
    config = completed(read, directory)
    for check in (findings, *checks):
        _note(check(config), root, problems)
    problems.raise_all()
    return config


def load_groups(text: str, *, source: str, tenancy: Tenancy) -> tuple[FileGroup, ...]:
    """The target groups in the ``text`` of a file_sd file: a list of ``{targets, labels}``.

    Raises ConfigErrors as ``load`` does, also for labels that ``tenancy`` does not allow.
    """
    root = parse(text, source)
    problems = Problems(source)
    groups: tuple[FileGroup, ...] = Reader(problems).read(root, type_of(tuple[FileGroup, ...]), ())
    _note(group_findings(groups, tenancy), root, problems)
    problems.raise_all()
    return groups


def load_gateway(text: str, *, source: str) -> Gateway:
    """The gateway block whose value is ``text``, complete as far as it can be alone.

    Its ``interval`` is that of ``global`` only where it says so itself. Raises ConfigErrors as ``load`` does.
    """
    problems = Problems(source)
    key = ScalarNode("gateway", plain=True, line=NOWHERE, column=NOWHERE)
    root = MappingNode([Entry(key, parse(text, source))], NOWHERE, NOWHERE)
    config = completed(Reader(problems).read(root, type_of(Config), ()), "")
    _note(gateway_findings(config), root, problems)
    problems.raise_all()
    return config.gateway


def load_rules(text: str, *, source: str) -> tuple[tuple[str, Rules], ...]:
    """The rule sets in the ``text`` of a file: a list of rules (a set without a name) or a mappings block.

    A block may stand under the key ``mappings``. Raises ConfigErrors as ``load`` does.
    """
    root = parse(text, source)
    problems = Problems(source)
    inner = value_at(root, "mappings")
    root = inner if inner is not None else root
    if isinstance(root, ListNode):
        rules: Rules = Reader(problems).read(root, type_of(Rules), ())
        sets: tuple[tuple[str, Rules], ...] = (("", rules),)
        _note(rules_findings(rules, ()), root, problems)
    else:
        sets = Reader(problems).read(root, type_of(tuple[tuple[MappingName, Rules], ...]), ())
        for name, found in sets:
            _note(rules_findings(found, (name,)), root, problems)
    problems.raise_all()
    return sets


def _note(found: Iterable[Finding], root: Node, problems: Problems) -> None:
    for finding in found:
        if not problems.know((finding.path, *finding.depends)):
            problems.add(_nearest(root, finding.path), finding.path, finding.problem, finding.hint)


def _nearest(root: Node, path: Path) -> Node:
    """The node at the path, or the last one on the way to it that the document has."""
    node = root
    for step in path:
        below = _child(node, step)
        if below is None:
            return node
        node = below
    return node


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node, ListNode) and isinstance(step, int):
        return node.items[step]
    return value_at(node, str(step))
