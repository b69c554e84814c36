"""What the gate looks at: how a URL answered, what its document says, what is demanded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.model import Labels, Repair


class Level(IntEnum):
    """How a check went, the worst last."""

    PASS = 0
    SKIP = 1
    WARN = 2
    FAIL = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where, and how to mend it."""

    level: Level
    what: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is demanded. ``required`` are names beside the tier's core set.

    ``elsewhere`` are names that another page of the same service shows, so that this one need not.
    """

    within_s: float = 5.0
    timeout_s: float = 10.0
    max_latency_s: float = 3.0
    tier: str = "bronze"
    required: tuple[str, ...] = ()
    series: int = 2_000
    label_values: int = 100
    elsewhere: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Document:
    """What a page says, as pushvar reads it: ``series`` are names with the labels of the page itself.

    ``types`` has the type of each family that has one, ``declared`` those that the page itself declares.
    ``raw`` is the whole document of expvar, for the look at secrets alone; it never leaves the gate.
    """

    text: bool
    series: frozenset[tuple[str, Labels]]
    types: Mapping[str, str]
    declared: frozenset[str] = frozenset()
    repairs: tuple[Repair, ...] = ()
    raw: Any = None

    @property
    def names(self) -> frozenset[str]:
        """The names of families and of series."""
        return frozenset(name for name, _ in self.series) | frozenset(self.types)


@dataclass(frozen=True, slots=True)
class Facts:
    """How one URL answered.

    ``waited_s`` counts from the first try to the first answer that may be one, None without any; ``tries``
    are requests. ``reason`` and ``detail`` are the failure of the last try, ``unreadable`` that of reading
    the body. ``later`` is the document of a second fetch.
    """

    url: str
    waited_s: float | None
    tries: int
    reason: str = "ok"
    detail: str = ""
    latency_s: float = 0.0
    content_type: str = ""
    size_bytes: int = 0
    document: Document | None = None
    unreadable: str = ""
    later: Document | None = None

    @property
    def answered(self) -> bool:
        """Whether anything at all came from there."""
        return self.waited_s is not None
