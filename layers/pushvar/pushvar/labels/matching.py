"""Whether a text matches a regular expression of a configuration: RE2, the whole text. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MEMORY = 4_096
"""Texts whose outcome one expression remembers."""

LabelMatcher = tuple[tuple[str, "Callable[[str], bool]"], ...]
"""A label and what its value must match, for each label of a ``match`` block."""


@lru_cache(maxsize=1024)
def matcher(regex: str) -> Callable[[str], bool]:
    """Whether a text matches as a whole, as in relabelling: a dot takes a newline too."""
    import re2

    compiled = re2.compile(f"^(?s:{regex})$")
    return lru_cache(MEMORY)(lambda text: compiled.search(text) is not None)


def label_matcher(match: Iterable[tuple[str, str]]) -> LabelMatcher:
    """A ``match`` block, compiled."""
    return tuple((name, matcher(regex)) for name, regex in match)


def all_match(match: LabelMatcher, labels: Mapping[str, str]) -> bool:
    """Whether every label matches; a missing one is the empty text."""
    return all(matches(labels.get(name, "")) for name, matches in match)
