"""What needs no rule: goroutines under their usual names, and every other number by its path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue import GOROUTINE_ALIASES, GOROUTINES
from pushvar.convert.mapping.conventions import convention
from pushvar.convert.mapping.rules import Claim, Refusal
from pushvar.convert.structure import BOOL, HUGE, LIST, NULL, NUMBER, RING, STRING
from pushvar.model import Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pushvar.convert.mapping.rules import Payload
    from pushvar.convert.structure import Leaf, Path

_REFUSED_KINDS = {
    BOOL: "bool_without_rule",
    STRING: "string_without_rule",
    NULL: "null",
    LIST: "list_without_rule",
    RING: "list_without_rule",
    HUGE: "out_of_range",
}


class Goroutines:
    """The first of the known aliases becomes ``go_goroutines``; further ones are its repetitions."""

    def __init__(self, name: str = "go_goroutines") -> None:
        self.name = name

    def take(self, leaves: Mapping[Path, Leaf], payload: Payload) -> Iterable[Claim | Refusal]:
        """At most one claim."""
        del payload
        found = [leaves[alias,] for alias in GOROUTINE_ALIASES if (alias,) in leaves]
        numbers = [leaf for leaf in found if leaf.kind == NUMBER]
        for leaf in numbers[:1]:
            yield Claim(leaf, GOROUTINES.name, GOROUTINES)
        for leaf in numbers[1:]:
            yield Refusal(leaf, "repeats_go_goroutines")


class Automatic:
    """Every number that is left: its path is its name, conventions say its type and labels.

    What no convention names is of unknown type: an integer may go down, and a wrong type is worse than none.
    """

    name = "auto"

    def take(self, leaves: Mapping[Path, Leaf], payload: Payload) -> Iterable[Claim | Refusal]:
        """A claim or a refusal for every leaf."""
        del payload
        for leaf in leaves.values():
            if leaf.label is not None:
                yield Refusal(leaf, "used_as_label")
            elif leaf.listed:
                yield Refusal(leaf, "list_without_rule")
            elif leaf.kind != NUMBER:
                yield Refusal(leaf, _REFUSED_KINDS[leaf.kind])
            else:
                yield _named(leaf)


class DropUnmatched:
    """``unmatched: drop``: what no rule took is counted and goes no further."""

    name = "drop"

    def take(self, leaves: Mapping[Path, Leaf], payload: Payload) -> Iterable[Refusal]:
        """A refusal for every leaf."""
        del payload
        reasons = ("unmatched", "used_as_label")
        return [Refusal(leaf, reasons[leaf.label is not None]) for leaf in leaves.values()]


def _named(leaf: Leaf) -> Claim | Refusal:
    found = convention(leaf.path)
    if not found.name:
        return Refusal(leaf, "no_name")
    text = f"expvar {leaf.text}".encode("utf-8", "replace").decode()
    return Claim(leaf, found.name, Family(found.name, found.type, text), found.labels)
