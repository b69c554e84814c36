"""Rules as values, and the file that Prometheus, Mimir and Amazon Managed Prometheus read.

The same rules give the same bytes: a committed file can be compared with what its generator says now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH = 1_000_000  # of lines: none is folded, an annotation stays on its own


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that is made of others; ``expr`` may have several lines, ``labels`` are added to it."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_mapping(self) -> dict[str, Any]:
        """In the words of a rule file."""
        labels = {"labels": dict(self.labels)} if self.labels else {}
        return {"record": self.record, "expr": self.expr, **labels}


@dataclass(frozen=True, slots=True)
class Alert:
    """What wakes somebody. ``holds_for`` is how long it has to be true, as Prometheus writes it (``5m``)."""

    alert: str
    expr: str
    holds_for: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def as_mapping(self) -> dict[str, Any]:
        """In the words of a rule file."""
        return {
            "alert": self.alert,
            "expr": self.expr,
            "for": self.holds_for,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
        }


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated one after the other: each sees what those before it recorded."""

    name: str
    interval: str
    rules: tuple[Recording | Alert, ...]

    def as_mapping(self) -> dict[str, Any]:
        """In the words of a rule file."""
        rules = [rule.as_mapping() for rule in self.rules]
        return {"name": self.name, "interval": self.interval, "rules": rules}


def rule_file(head: Sequence[str], groups: Sequence[RuleGroup]) -> str:
    """The file's text: ``head`` as comments, then the groups in their order."""
    return yaml_text(head, {"groups": [group.as_mapping() for group in groups]})


def yaml_text(head: Sequence[str], document: Mapping[str, Any]) -> str:
    """A document as YAML in the manner of rule files, with ``head`` as comments."""
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return "".join(f"# {line}".rstrip() + "\n" for line in head) + body


class _Dumper(yaml.SafeDumper):
    """Expressions keep their lines, and lists stand under their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
