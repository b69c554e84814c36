"""Legal names out of whatever a payload calls its things.

Metric names ``[a-zA-Z_:][a-zA-Z0-9_:]*`` and label names ``[a-zA-Z_][a-zA-Z0-9_]*`` are those of the
remote-write 1.0 specification; a colon is kept for recording rules and never made here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pushvar.catalogue import LABEL_NAME, METRIC_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD_END = re.compile(r"([a-z0-9])([A-Z])")
_ACRONYM_END = re.compile(r"([A-Z]+)([A-Z][a-z])")
_ILLEGAL = re.compile(r"[^a-z0-9]+")


def metric_name(text: str) -> str:
    """A metric name in snake case: camelCase split, every other character a single underscore.

    A leading digit gets an underscore before it, leading underscores of other origin go. Gives ""
    when nothing nameable is left (``"---"``).
    """
    split = _ACRONYM_END.sub(r"\1_\2", _WORD_END.sub(r"\1_\2", text))
    name = _ILLEGAL.sub("_", split.lower()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name


def illegal(name: str, labels: Iterable[str]) -> str:
    """Why no receiver may be sent a series of this name with labels of these names, or nothing."""
    if not name:
        return "no name is left"
    if not METRIC_NAME.fullmatch(name):
        return f"{name} is no metric name"
    wrong = [label for label in labels if not LABEL_NAME.fullmatch(label)]
    return f"{wrong[0]} is no label name" if wrong else ""
