"""The structure of a document: its keys and what kind of value stands where, without the values.

Two documents of one structure give the same series, so a shape is compiled once for each. Lists are
leaves, whose length may change without changing a series, unless a rule looks into them. A value is part
of the structure only where a rule can make a label or a name of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pushvar.catalogue import RING_FIELDS, RING_SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]
Structure = tuple[Any, ...]
"""(key, kind, Structure, Elements or Known) pairs, hashable, in document order."""

NUMBER, BOOL, STRING, NULL, LIST, RING, HUGE = "number", "bool", "string", "null", "list", "ring", "huge"

DEPTH = 64
"""Containers that are looked into, one in the other: more than the decoder takes of objects alone."""

_KINDS = {bool: BOOL, float: NUMBER, str: STRING, type(None): NULL}
_WIDEST_FLOAT_BITS = 1023


class View(Protocol):
    """What the rules can make of a place in a document; ``start`` and ``below`` walk down to it."""

    def start(self) -> Any:
        """The state at the top."""

    def below(self, state: Any, key: str) -> Any:
        """The state at a key (or list index) of the container that has this state."""

    def looks(self, state: Any, path: Path) -> bool:
        """Whether a rule looks into a list here."""

    def labels(self, state: Any) -> bool:
        """Whether a rule can make a label or a name of the value here."""


@dataclass(frozen=True, slots=True)
class Elements:
    """The structure of a list that a rule looks into: one kind for each element."""

    kinds: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A value that may become a label: its kind, its text as a label, and the value itself."""

    kind: str
    text: str
    value: Any = field(compare=False)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is no object: where it stands (keys from the top) and of what kind it is.

    ``label`` is its text where it is part of the structure; ``listed`` marks what stands in a list.
    """

    path: Path
    kind: str
    label: str | None = None
    listed: bool = False

    @property
    def text(self) -> str:
        """The path as people read it, ``/`` between the keys."""
        return "/".join(self.path)


def structure(values: Mapping[str, Any], view: View | None = None) -> Structure:
    """The structure of a document: equal for two documents exactly when one shape serves both."""
    return _plain(values, ()) if view is None else _viewed(values, (), view.start(), view)


def pairs_of(kind: Any) -> tuple[tuple[str, Any], ...] | None:
    """The keys and kinds of a container, list indexes as decimal text; None for a leaf."""
    if isinstance(kind, tuple):
        return kind
    return (
        tuple((str(index), one) for index, one in enumerate(kind.kinds)) if type(kind) is Elements else None
    )


def leaves(of: Structure | Elements, path: Path = (), *, listed: bool = False) -> Iterator[Leaf]:
    """Every leaf of a structure, in document order."""
    for key, kind in pairs_of(of) or ():
        here = (*path, key)
        if type(kind) is Known:
            yield Leaf(here, kind.kind, kind.text, listed)
        elif isinstance(kind, str):
            yield Leaf(here, kind, None, listed)
        else:
            yield from leaves(kind, here, listed=listed or type(kind) is Elements)


def known(of: Structure | Elements, path: Path = ()) -> Iterator[tuple[Path, Known]]:
    """Every value that is part of a structure, with its place."""
    for key, kind in pairs_of(of) or ():
        if type(kind) is Known:
            yield (*path, key), kind
        elif not isinstance(kind, str):
            yield from known(kind, (*path, key))


def _plain(values: Mapping[str, Any], path: Path) -> Structure:
    return tuple(
        (key, _plain(value, (*path, key)) if isinstance(value, dict) else _kind((*path, key), value))
        for key, value in values.items()
    )


def _viewed(values: Mapping[str, Any], path: Path, state: Any, view: View) -> Structure:
    return tuple(
        (key, _node(value, (*path, key), view.below(state, key), view)) for key, value in values.items()
    )


def _node(value: Any, path: Path, state: Any, view: View) -> Any:
    if isinstance(value, dict):
        return _viewed(value, path, state, view) if len(path) <= DEPTH else LIST
    if isinstance(value, list):
        if not view.looks(state, path) or len(path) > DEPTH:
            return _kind(path, value)
        steps = ((str(index), one) for index, one in enumerate(value))
        return Elements(tuple(_node(one, (*path, key), view.below(state, key), view) for key, one in steps))
    kind = _kind(path, value)
    if kind in {HUGE, NULL} or not view.labels(state):
        return kind
    return Known(kind, label_text(value), value)


def label_text(value: str | float) -> str:
    """A value as a label says it: text as it is, whole numbers plain, truth values as JSON has them."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53
    return str(int(value) if whole else value)


def _kind(path: Path, value: Any) -> str:
    if type(value) is int:
        return NUMBER if value.bit_length() <= _WIDEST_FLOAT_BITS else HUGE
    if isinstance(value, list):
        return RING if path in RING_FIELDS and _is_ring(value) else LIST
    return _KINDS[type(value)]


def _is_ring(value: list[Any]) -> bool:
    return len(value) == RING_SLOTS and all(type(slot) is int and 0 <= slot < 1 << 64 for slot in value)
