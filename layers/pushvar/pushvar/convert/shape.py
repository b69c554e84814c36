"""Rules x payload structure -> Shape: everything that does not depend on a number, done once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem, truediv
from typing import TYPE_CHECKING, Any

from pushvar.catalogue import HEALTH
from pushvar.convert import typed
from pushvar.convert.mapping.rules import NUMBER_OF_VALUE, Claim, Computed, Refusal, RuleSet
from pushvar.convert.structure import leaves
from pushvar.model import Family, Row, Shape, Skipped

if TYPE_CHECKING:
    from pushvar.convert.structure import Path, Structure

_RESERVED = frozenset(family.name for family in HEALTH)

Getter = Callable[[Any], tuple[Any, ...]]


@dataclass(slots=True)
class _Draft:
    """What the rules have said so far. Series identities and family names are settled as they come."""

    values: list[Claim] = field(default_factory=list)
    computed: list[Computed] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    inert: set[Path] = field(default_factory=set)
    rules: dict[Path, str] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    series: dict[tuple[str, Any], str] = field(default_factory=dict)

    def admit(self, claim: Claim) -> bool:
        """Whether this series may exist beside the earlier ones; the first of a name wins."""
        if claim.family.name in _RESERVED:
            self.skipped.append(Skipped(claim.leaf.text, f"{claim.name} is a health series"))
            return False
        identity = (claim.name, claim.labels)
        if identity in self.series:
            self.skipped.append(Skipped(claim.leaf.text, f"duplicate of {self.series[identity]}"))
            return False
        known = self.families.get(claim.family.name)
        if known and known.type != claim.family.type:
            self.skipped.append(Skipped(claim.leaf.text, f"type conflict on {known.name}"))
            return False
        self.families.setdefault(claim.family.name, claim.family)
        self.series[identity] = claim.leaf.text
        return True


def compile_shape(of: Structure, rules: RuleSet, private: Iterable[str] = ()) -> Shape:
    """Compile the shape of one payload structure under one rule set.

    ``private`` names top-level keys that a body has beside this structure and that are never read.
    """
    draft = _draft(of, rules)
    scaled = [claim for claim in draft.values if claim.divisor != NUMBER_OF_VALUE]
    plain = [claim for claim in draft.values if claim.divisor == NUMBER_OF_VALUE]
    claims = [*plain, *scaled, *(claim for group in draft.computed for claim in group.claims)]
    families = tuple(draft.families.values())
    index = {family.name: position for position, family in enumerate(families)}

    def reader(getter: Callable[[Sequence[Path]], Getter]) -> _Reader:
        return _Reader(
            getter([claim.leaf.path for claim in plain]),
            getter([claim.leaf.path for claim in scaled]),
            tuple(claim.divisor for claim in scaled),
            tuple((getter(group.paths), group.compute) for group in draft.computed),
            struct.Struct(f"<{len(claims)}d"),
        )

    return Shape(
        families=families,
        rows=tuple(
            Row(c.name, index[c.family.name], c.labels, c.leaf.text, draft.rules[c.leaf.path]) for c in claims
        ),
        decode=typed.decoder(of, private=private, inert=draft.inert),
        read_typed=reader(typed.getters(of)),
        read_document=reader(_document_getter),
        skipped=tuple(draft.skipped),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """From a decoded document to the 64-bit patterns of a shape's rows, in their order."""

    plain: Getter
    scaled: Getter
    divisors: tuple[int, ...]
    computed: tuple[tuple[Getter, Callable[..., tuple[float, ...]]], ...]
    patterns: struct.Struct

    def __call__(self, document: Any) -> bytes:
        values = [*self.plain(document), *map(truediv, self.scaled(document), self.divisors)]
        for read, compute in self.computed:
            values += compute(*read(document))
        return self.patterns.pack(*values)


def _draft(of: Structure, rules: RuleSet) -> _Draft:
    draft = _Draft()
    left = {leaf.path: leaf for leaf in leaves(of)}
    for rule in rules.rules:
        for outcome in rule.take(left):
            for path in _record(draft, outcome):
                draft.rules[path] = rule.name
        left = {path: leaf for path, leaf in left.items() if path not in draft.rules}
    return draft


def _record(draft: _Draft, outcome: Claim | Computed | Refusal) -> tuple[Path, ...]:
    """Add one outcome to the draft and give the leaves that it used up."""
    if isinstance(outcome, Refusal):
        draft.skipped.append(Skipped(outcome.leaf.text, outcome.reason))
        if outcome.whatever:
            draft.inert.add(outcome.leaf.path)
        return (outcome.leaf.path,)
    if isinstance(outcome, Computed):
        if all(draft.admit(claim) for claim in outcome.claims):
            draft.computed.append(outcome)
        return outcome.paths
    if draft.admit(outcome):
        draft.values.append(outcome)
    return (outcome.leaf.path,)


def _document_getter(paths: Sequence[Path]) -> Getter:
    def read(document: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple([reduce(getitem, path, document) for path in paths])

    return read
