"""What is wrong with a document: problems with path and place, collected until the reader is through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pushvar.config.grammar import quoted
from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.config.nodes import Node

Path = tuple[str | int, ...]
"""A place in a document: keys and list indexes from the root."""

_SIMPLE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


class Finding(NamedTuple):
    """What a check found. It is dropped when ``path`` or one of ``depends`` is wrong by itself already."""

    path: Path
    problem: str
    hint: str = ""
    depends: tuple[Path, ...] = ()


def rendered(path: Path) -> str:
    """The path as people write it: ``scrape_configs[2].params["a.b"]``.

    A key is cut after a colon: in braces, ``password:secret`` without a space is a key.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _SIMPLE_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            head, colon, _rest = step.partition(":")
            text += f"[{quoted(head + colon)}]"
    return text


class Problems:
    """Collects the problems of one document; ``source`` names it in their places."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._found: list[tuple[int, int, ConfigError]] = []
        self._wrong: set[Path] = set()

    def add(self, node: Node, path: Path, problem: str, hint: str = "") -> None:
        """Note what is wrong at ``path``; the place is where ``node`` begins."""
        place = f"{self._source}:{node.line + 1}:{node.column + 1}"
        error = ConfigError(rendered(path), problem, hint=hint, place=place)
        self._found.append((node.line, node.column, error))
        self._wrong.add(path)

    def know(self, paths: Iterable[Path]) -> bool:
        """Whether one of the paths, or what it stands in, is already known to be wrong."""
        return any(path[:end] in self._wrong for path in paths for end in range(len(path) + 1))

    def raise_all(self) -> None:
        """Raise ConfigErrors with every problem in the order of the document, or do nothing."""
        if self._found:
            ordered = sorted(self._found, key=lambda found: found[:2])
            raise ConfigErrors([error for _line, _column, error in ordered])
