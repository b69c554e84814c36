"""The structure of a document: its keys and what kind of value stands where, without the values.

Two documents of one structure give the same series, so a shape is compiled once for each. Lists are
leaves, whose length may change without changing a series, unless a rule looks into them. A value is part
of the structure only where a rule can make a label or a name of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pushvar.catalogue import RING_FIELDS, RING_SLOTS
from pushvar.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]
Structure = tuple[Any, ...]
"""(key, kind, Structure, Elements or Known) pairs, hashable, in document order."""

NUMBER, BOOL, STRING, NULL, LIST, RING, HUGE = "number", "bool", "string", "null", "list", "ring", "huge"

DEPTH = 64
"""Containers that are looked into, one in the other: more than the decoder takes of objects alone."""

_KINDS = {bool: BOOL, float: NUMBER, str: STRING, type(None): NULL}
_UNSAID = (NULL, HUGE)  # never a label
_WIDEST_FLOAT_BITS = 1023


VALUE_LIMIT = 500_000
"""Values and containers of one document; more are a fault of the target, which costs its scrape."""
LIST_LIMIT = 16_384
"""Elements of a list that is looked into; a longer one is a leaf. Go's own histograms have hundreds."""


class State(Protocol):
    """What the rules can make of a place in a document.

    ``labels`` says whether a rule can make a label or a name of a value here, ``takes`` which patterns fit.
    """

    labels: bool
    takes: tuple[Any, ...]

    def __getitem__(self, key: str, /) -> State:
        """The state at a key (or list index) of the container that has this one."""

    def looks(self, top: str) -> bool:
        """Whether a rule looks into a list here, which stands below the top-level key ``top``."""


class View(Protocol):
    """What the rules can make of a document."""

    def start(self) -> State:
        """The state at the top."""


class _Nothing:
    """The state of every place where there are no rules with patterns."""

    labels = False
    takes: tuple[Any, ...] = ()

    def __getitem__(self, key: str, /) -> _Nothing:
        return self

    def looks(self, _top: str) -> bool:
        return False


_NOTHING = _Nothing()


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


class Leaf(NamedTuple):
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
    """The structure of a document: equal for two documents exactly when one shape serves both.

    Raises FetchError (``too_many_samples``) above ``VALUE_LIMIT``.
    """
    return _object(values, (), view.start() if view else _NOTHING, _Seen())


def pairs_of(kind: Any) -> tuple[tuple[str, Any], ...] | None:
    """The keys and kinds of a container, list indexes as decimal text; None for a leaf."""
    if isinstance(kind, tuple):
        return kind
    return (
        tuple((str(index), one) for index, one in enumerate(kind.kinds)) if type(kind) is Elements else None
    )


def leaves(of: Structure, view: View | None = None) -> tuple[list[Leaf], dict[Any, list[Leaf]]]:
    """Every leaf of a structure in document order, and those that each pattern of the view fits."""
    found: list[Leaf] = []
    fitting: dict[Any, list[Leaf]] = {}
    _collect(of, ((), False, view.start() if view else _NOTHING), found, fitting)
    return found, fitting


def _collect(
    of: Structure | Elements,
    place: tuple[Path, bool, State],
    found: list[Leaf],
    fitting: dict[Any, list[Leaf]],
) -> None:
    path, listed, state = place
    for key, kind in pairs_of(of) or ():
        here, below = (*path, key), state[key]
        if type(kind) is str:
            leaf = Leaf(here, kind, None, listed)
        elif type(kind) is Known:
            leaf = Leaf(here, kind.kind, kind.text, listed)
        else:
            _collect(kind, (here, listed or type(kind) is Elements, below), found, fitting)
            continue
        found.append(leaf)
        for pattern in below.takes:
            fitting.setdefault(pattern, []).append(leaf)


def known(of: Structure | Elements, path: Path = ()) -> Iterator[tuple[Path, Known]]:
    """Every value other than text that is part of a structure, with its place."""
    for key, kind in pairs_of(of) or ():
        if type(kind) is Known:
            if kind.kind != STRING:
                yield (*path, key), kind
        elif type(kind) is not str:
            yield from known(kind, (*path, key))


@dataclass(slots=True)
class _Seen:
    """What one walk has seen: how many values there were, and the texts that are part of the structure."""

    count: int = 0
    texts: dict[str, Known] = field(default_factory=dict)

    def more(self, values: int) -> None:
        """Count the values of a container before they are looked at."""
        self.count += values
        if self.count > VALUE_LIMIT:
            raise FetchError("too_many_samples", f"more than {VALUE_LIMIT:,} values in one document")


def _object(values: Mapping[str, Any], path: Path, state: State, seen: _Seen) -> Structure:
    seen.more(len(values))
    return tuple([(key, _node(value, path, key, state[key], seen)) for key, value in values.items()])


def _node(value: Any, path: Path, key: str, state: State, seen: _Seen) -> Any:
    """The kind of what stands at a key of the container at ``path``."""
    if type(value) is dict:
        return _object(value, (*path, key), state, seen) if len(path) < DEPTH else LIST
    if type(value) is list:
        return _list(value, (*path, key), state, seen)
    kind = _KINDS.get(type(value)) or (NUMBER if value.bit_length() <= _WIDEST_FLOAT_BITS else HUGE)
    if not state.labels or kind in _UNSAID:
        return kind
    if kind != STRING:
        return Known(kind, label_text(value), value)
    found = seen.texts.get(value)
    if found is None:
        found = seen.texts[value] = Known(STRING, label_text(value), value)
    return found


def _list(value: list[Any], path: Path, state: State, seen: _Seen) -> Any:
    if not state.looks(path[0]) or len(path) > DEPTH or len(value) > LIST_LIMIT:
        return RING if path in RING_FIELDS and _is_ring(value) else LIST
    seen.more(len(value))
    steps = ((str(index), one) for index, one in enumerate(value))
    return Elements(tuple([_node(one, path, key, state[key], seen) for key, one in steps]))


def label_text(value: str | float) -> str:
    """A value as a label says it: text as it is, whole numbers plain, truth values as JSON has them."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53
    return str(int(value) if whole else value)


def _is_ring(value: list[Any]) -> bool:
    return len(value) == RING_SLOTS and all(type(slot) is int and 0 <= slot < 1 << 64 for slot in value)
