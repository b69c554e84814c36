"""Which family is printed under which name and type, so that no two names of a document clash.

A format reserves names for each family: its own, and one for each sample suffix of its type
(OpenMetrics 1.0, "MetricFamily": a name must not clash with samples of another one). Families that
come from anywhere clash sooner or later. One rule for all of them:

    A sample's name never changes. A family that cannot keep its type is printed without it: as one
    family of type unknown for each of its sample names.

A family loses its type when

1. it has a sample whose name its type does not allow (a counter without ``_total`` in OpenMetrics), or
   values that the format forbids (see ``openmetrics``);
2. a name that it reserves is the name of another family's sample (counter ``x_total`` beside gauge
   ``x``, histogram ``x`` beside gauge ``x_created`` or ``x_count``);
3. a name that it reserves, and nobody prints, is reserved by another family as well (counter ``x_total``
   beside histogram ``x``): then the one with more to lose keeps its type, see ``_KEEPS_TYPE``,
   between equals the one that comes first.

Rule 2 looks only at names that are really printed, and those never change; so losing a type makes no
new clash and one pass is enough. Two families that print the same sample name share one unknown family.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from pushvar.errors import EncodeError
from pushvar.model import MetricType
from pushvar.wire.exposition.escape import demand_metric_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pushvar.model import Family
    from pushvar.wire.exposition import FamilySamples, PrintedSample

_KEEPS_TYPE: Final = {
    MetricType.HISTOGRAM: 0,
    MetricType.SUMMARY: 1,
    MetricType.INFO: 2,
    MetricType.COUNTER: 3,
    MetricType.GAUGE: 4,
    MetricType.UNKNOWN: 5,
}


@dataclass(frozen=True, slots=True)
class Block:
    """A family as it is printed: ``name`` stands in its HELP and TYPE lines."""

    name: str
    type: MetricType
    help: str
    unit: str
    samples: Sequence[PrintedSample]


@dataclass(frozen=True, slots=True)
class Form:
    """What a format allows.

    ``suffixes`` are what a type adds to the family's name for its samples; ``names`` gives the
    names that a family may be printed under, best first; ``settle`` puts the samples into the order
    that the format wants, or gives None when it forbids them under that type.
    """

    suffixes: Mapping[MetricType, tuple[str, ...]]
    names: Callable[[Family], tuple[str, ...]]
    settle: Callable[[MetricType, str, Sequence[PrintedSample]], Sequence[PrintedSample] | None]

    def reserved(self, name: str, metric_type: MetricType) -> set[str]:
        """All names that a family takes for itself."""
        return {name, *(name + suffix for suffix in self.suffixes[metric_type])}


def arrange(families: Iterable[FamilySamples], form: Form) -> list[Block]:
    """The blocks of a document, in the order of the families; one without samples gives none.

    Raises EncodeError for a family without a type, a family that comes twice, an illegal name.
    """
    groups = list(families)
    names = [frozenset([sample.name for sample in group.samples]) for group in groups]
    _demand_legal(groups, names)
    typed = _typed(groups, names, form)
    blocks: dict[str, Block] = {}
    for index, group in enumerate(groups):
        if index in typed:
            blocks[typed[index].name] = typed[index]
            continue
        for sample in group.samples:
            _untyped(blocks, group.family, sample.name).append(sample)
    return list(blocks.values())


def _demand_legal(groups: Sequence[FamilySamples], names: Sequence[frozenset[str]]) -> None:
    seen: set[str] = set()
    for group, printed in zip(groups, names, strict=True):
        name = group.family.name
        if group.family.type not in _KEEPS_TYPE:
            raise EncodeError(f"family {name!r} has no type", hint=f"give it one of {', '.join(_KEEPS_TYPE)}")
        if name in seen:
            raise EncodeError(f"family {name!r} comes twice", hint="put its samples together")
        seen.add(name)
        for checked in printed | {name}:
            demand_metric_name(checked, f"family {name!r}")


def _typed(groups: Sequence[FamilySamples], names: Sequence[frozenset[str]], form: Form) -> dict[int, Block]:
    """The families that keep their type, by their place in the document."""
    printers = Counter(chain.from_iterable(names))
    taken: set[str] = set()
    typed: dict[int, Block] = {}
    for index in sorted(range(len(groups)), key=lambda place: _KEEPS_TYPE[groups[place].family.type]):
        block = _alone(groups[index], names[index], form)
        if block is None:
            continue
        reserved = form.reserved(block.name, block.type)
        if reserved.isdisjoint(taken) and not any(
            printers[name] > (name in names[index]) for name in reserved if name in printers
        ):
            taken |= reserved
            typed[index] = block
    return typed


def _alone(group: FamilySamples, printed: frozenset[str], form: Form) -> Block | None:
    """The family with its type, as if no other one existed; None when it is empty or refused that way."""
    family = group.family
    for name in form.names(family) if printed else ():
        if printed <= {name + suffix for suffix in form.suffixes[family.type]}:
            samples = form.settle(family.type, name, group.samples)
            return Block(name, family.type, family.help, family.unit, samples) if samples else None
    return None


def _untyped(blocks: dict[str, Block], family: Family, name: str) -> list[PrintedSample]:
    """The samples of the unknown family of that name, which is made when it is new."""
    if name not in blocks:
        blocks[name] = Block(name, MetricType.UNKNOWN, family.help, family.unit, [])
    samples = blocks[name].samples
    assert isinstance(samples, list)
    return samples
