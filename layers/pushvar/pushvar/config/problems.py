"""What is wrong with a configuration: problems with path and place, collected until the reader is through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pushvar.config.grammar import quoted
from pushvar.config.nodes import NOWHERE
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
    """Collects the problems of one configuration.

    ``source`` names it in their places. A configuration of several documents also gives their
    names, in the order in which their problems are to be told, and says with ``stands`` which paths
    stand in which of them.
    """

    def __init__(self, source: str, others: Iterable[str] = ()) -> None:
        self._ranks = {name: rank for rank, name in enumerate((source, *others))}
        self._sources: dict[Path, str] = {(): source}
        self._found: list[tuple[int, int, int, Path, ConfigError]] = []
        self._wrong: set[Path] = set()

    def stands(self, path: Path, source: str) -> None:
        """Note that what is at ``path`` and below it stands in ``source``."""
        self._sources[path] = source

    def source_of(self, path: Path) -> str:
        """The document in which ``path`` stands."""
        ways = (path[:end] for end in range(len(path), -1, -1))
        return next(self._sources[way] for way in ways if way in self._sources)

    def add(self, node: Node, path: Path, problem: str, hint: str = "", *, source: str = "") -> None:
        """Note what is wrong at ``path``; the place is where ``node`` begins, in the source of the path."""
        source = source or self.source_of(path)
        place = source if node.line == NOWHERE else f"{source}:{node.line + 1}:{node.column + 1}"
        error = ConfigError(rendered(path), problem, hint=hint, place=place)
        self._found.append((self._ranks[source], node.line, node.column, path, error))
        self._wrong.add(path)

    def add_whole(self, source: str, problem: str, hint: str = "") -> None:
        """Note what is wrong with one of the documents as a whole; no path is known to be wrong by it."""
        error = ConfigError("", problem, hint=hint, place=source)
        self._found.append((self._ranks[source], NOWHERE, NOWHERE, (), error))

    def know(self, paths: Iterable[Path]) -> bool:
        """Whether one of the paths, or what it stands in, is already known to be wrong."""
        return any(path[:end] in self._wrong for path in paths for end in range(len(path) + 1))

    def raise_all(self) -> None:
        """Raise ConfigErrors with every problem in the order of the documents, or do nothing."""
        if self._found:
            raise ConfigErrors([error for _path, error in self.in_order()])

    def in_order(self) -> list[tuple[Path, ConfigError]]:
        """Every problem and its path, in the order of the documents."""
        ordered = sorted(self._found, key=lambda found: found[:3])
        return [(path, error) for _rank, _line, _column, path, error in ordered]
