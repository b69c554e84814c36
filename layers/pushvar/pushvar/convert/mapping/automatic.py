"""What needs no rule: goroutines under their usual names, and every other number by its path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue import GOROUTINE_ALIASES, GOROUTINES
from pushvar.convert.mapping.rules import Claim, Refusal
from pushvar.convert.structure import BOOL, HUGE, LIST, NULL, NUMBER, RING, STRING
from pushvar.labels.names import metric_name
from pushvar.model import Family, MetricType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pushvar.convert.structure import Leaf, Path

_COUNTER_SUFFIXES = ("_total", "_count", "_sum")
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

    name = "go_goroutines"

    def take(self, leaves: Mapping[Path, Leaf]) -> Iterable[Claim | Refusal]:
        """At most one claim."""
        found = [leaves[alias,] for alias in GOROUTINE_ALIASES if (alias,) in leaves]
        numbers = [leaf for leaf in found if leaf.kind == NUMBER]
        for leaf in numbers[:1]:
            yield Claim(leaf, GOROUTINES.name, GOROUTINES)
        for leaf in numbers[1:]:
            yield Refusal(leaf, "repeats_go_goroutines")


class Automatic:
    """Every number that is left: its path is its name, its suffix its type.

    ``_total``, ``_count`` and ``_sum`` make a counter (which then ends in ``_total``), anything else is
    of unknown type: an integer may go down, and a wrong type is worse than none.
    """

    name = "auto"

    def take(self, leaves: Mapping[Path, Leaf]) -> Iterable[Claim | Refusal]:
        """A claim or a refusal for every leaf."""
        for leaf in leaves.values():
            name = metric_name("_".join(leaf.path))
            if leaf.kind != NUMBER:
                yield Refusal(leaf, _REFUSED_KINDS[leaf.kind])
            elif not name:
                yield Refusal(leaf, "no_name")
            else:
                family = _family(name, leaf)
                yield Claim(leaf, family.name, family)


class DropUnmatched:
    """``unmatched: drop``: what no rule took is counted and goes no further."""

    name = "drop"

    def take(self, leaves: Mapping[Path, Leaf]) -> Iterable[Refusal]:
        """A refusal for every leaf."""
        return [Refusal(leaf, "unmatched") for leaf in leaves.values()]


def _family(name: str, leaf: Leaf) -> Family:
    text = f"expvar {leaf.text}".encode("utf-8", "replace").decode()
    if not name.endswith(_COUNTER_SUFFIXES):
        return Family(name, MetricType.UNKNOWN, text)
    return Family(name if name.endswith("_total") else f"{name}_total", MetricType.COUNTER, text)
