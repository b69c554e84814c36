"""Which alerts and panels look at which metric, read off their expressions.

An alert that looks at a recorded series looks at what the series was made of, however many steps that is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.catalogue.metrics import metric_of_series
from pushvar.kit.series_names import metric_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_NAMES_MATCHER = re.compile(r'__name__\s*=~\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Used:
    """An expression of an alert (``kind`` "alert") or of a panel ("panel"), and the name of who has it."""

    kind: str
    name: str
    expression: str


class Usage:
    """The users of each metric, by its family's name; ``recorded`` are recorded series and their making."""

    def __init__(self, used: Iterable[Used], recorded: Mapping[str, str]) -> None:
        self._recorded = recorded
        self._made_of: dict[str, frozenset[str]] = {}
        self._users: dict[str, dict[str, dict[str, None]]] = {}
        for one in used:
            for family in sorted(self._families(one.expression)):
                kinds = self._users.setdefault(family, {})
                kinds.setdefault(one.kind, {})[one.name] = None

    def of(self, family: str, kind: str) -> tuple[str, ...]:
        """The names of those of that kind that look at a family, in the order in which they came."""
        return tuple(self._users.get(family, {}).get(kind, {}))

    def _families(self, expression: str) -> Iterator[str]:
        known = metric_of_series()
        for name in self._names(expression):
            if name in known:
                yield known[name].family.name
            elif name in self._recorded:
                yield from self._of_recorded(name)

    def _of_recorded(self, name: str) -> frozenset[str]:
        if name not in self._made_of:
            self._made_of[name] = frozenset()  # one that is made of itself adds nothing by that
            self._made_of[name] = frozenset(self._families(self._recorded[name]))
        return self._made_of[name]

    def _names(self, expression: str) -> set[str]:
        """The names in an expression: written, or chosen by a pattern of names among the recorded ones."""
        patterns = [found[1] for found in _NAMES_MATCHER.finditer(expression)]
        chosen = {name for name in self._recorded for one in patterns if re.fullmatch(one, name)}
        return chosen | metric_names(expression)
