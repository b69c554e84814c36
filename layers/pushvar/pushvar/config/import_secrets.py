"""Secrets that a prometheus.yml holds in clear text: each becomes a reference to an environment variable.

The text itself goes nowhere: not into the result, not into a message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from pushvar.config import grammar, nodes
from pushvar.config.nodes import ListNode, MappingNode, ScalarNode
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.config.nodes import Node
    from pushvar.config.problems import Path

_TELLING = re.compile(r"(?i)token|secret|passw|api[-_]?key|access[-_]?key|credential|authorization|cookie")
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9]+")


class Variables:
    """The environment variables that stand for the secrets of one document; each name is given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def name_for(self, unit: str, key: str) -> str:
        """A name for the secret under ``key`` in the job or backend ``unit``."""
        base = _NOT_IN_NAMES.sub("_", f"PUSHVAR_{unit}_{key}".upper()).strip("_")
        name, number = base, 2
        while name in self._given:
            name, number = f"{base}_{number}", number + 1
        self._given.add(name)
        return name


def is_reference(text: str) -> bool:
    """Whether the text says where a secret is, as pushvar writes it."""
    try:
        grammar.secret(text)
    except ConfigError:
        return False
    return True


def leaks(unit: Node, path: Path) -> Iterator[tuple[Node, Path]]:
    """The places of a job or backend where people put keys although Prometheus has no secret there.

    Headers, parameters and queries whose names say so. Templates in headers are no secrets.
    """
    for where in (("headers",), ("http_headers",), ("params",), ("oauth2", "endpoint_params")):
        found: Node | None = unit
        for key in where:
            found = nodes.value_at(found, key) if found is not None else None
        for entry in found.entries if isinstance(found, MappingNode) else ():
            if isinstance(entry.key, ScalarNode) and _tells(entry.key.text) and not _is_empty(entry.value):
                yield entry.key, (*path, *where, entry.key.text)
    url = nodes.value_at(unit, "url")
    if isinstance(url, ScalarNode) and any(_tells(name) for name in _query_names(url.text)):
        yield url, (*path, "url")


def _tells(name: str) -> bool:
    return _TELLING.search(name) is not None


def _query_names(url: str) -> list[str]:
    try:
        return [name for name, _value in parse_qsl(urlsplit(url).query, keep_blank_values=True)]
    except ValueError:
        return []


def _is_empty(value: Node) -> bool:
    if isinstance(value, ListNode):
        return all(_is_empty(item) for item in value.items)
    return isinstance(value, ScalarNode) and (value.is_null or not value.text or value.text.startswith("{"))
