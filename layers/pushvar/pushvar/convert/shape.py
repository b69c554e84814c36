"""Rules x payload structure -> Shape: everything that does not depend on a number, done once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import truediv
from typing import TYPE_CHECKING, Any

from pushvar.catalogue import HEALTH
from pushvar.convert import typed
from pushvar.convert.mapping.histograms import assemble
from pushvar.convert.mapping.rules import (
    NUMBER_OF_VALUE,
    Claim,
    Computed,
    Outcome,
    Part,
    Payload,
    Refusal,
    RuleSet,
)
from pushvar.convert.structure import known, leaves
from pushvar.model import Family, Row, Shape, Skipped

if TYPE_CHECKING:
    from pushvar.convert.structure import Leaf, Path, Structure

_RESERVED = frozenset(family.name for family in HEALTH)

Getter = Callable[[Any], tuple[Any, ...]]


@dataclass(slots=True)
class _Draft:
    """What the rules have said so far. Series identities and family names are settled as they come."""

    values: list[Claim] = field(default_factory=list)
    computed: list[Computed] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)
    inert: set[Path] = field(default_factory=set)
    rules: dict[Path, str] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    series: dict[tuple[str, Any], Leaf] = field(default_factory=dict)

    def admit(self, claims: Sequence[Claim]) -> bool:
        """Whether these series may all exist beside the earlier ones; the first of a name wins."""
        for claim in claims:
            problem = self._problem(claim)
            if problem:
                self.skipped.append(Skipped(claim.leaf.text, problem))
                return False
        for claim in claims:
            self.families.setdefault(claim.family.name, claim.family)
            self.series[claim.name, claim.labels] = claim.leaf
        return True

    def _problem(self, claim: Claim) -> str:
        if claim.family.name in _RESERVED or claim.name in _RESERVED:
            return f"{claim.name} is a health series"
        identity = (claim.name, claim.labels)
        if identity in self.series:
            return f"duplicate of {self.series[identity].text}"
        family = self.families.get(claim.family.name)
        if family and family.type != claim.family.type:
            return f"type conflict on {family.name}"
        return ""


def compile_shape(of: Structure, rules: RuleSet, private: Iterable[str] = ()) -> Shape:
    """Compile the shape of one payload structure under one rule set.

    ``private`` names top-level keys that a body has beside this structure and that are never read.
    """
    draft = _draft(of, rules)
    plain, scaled, converted = _by_reading(draft.values)
    claims = [*plain, *scaled, *converted, *(one for group in draft.computed for one in group.claims)]
    families = tuple(draft.families.values())
    index = {family.name: position for position, family in enumerate(families)}

    def reader(getter: Callable[[Sequence[Path]], Getter]) -> _Reader:
        return _Reader(
            getter([claim.leaf.path for claim in plain]),
            getter([claim.leaf.path for claim in scaled]),
            tuple(claim.divisor for claim in scaled),
            getter([claim.leaf.path for claim in converted]),
            tuple(claim.read for claim in converted if claim.read),
            tuple((getter(group.paths), group.compute) for group in draft.computed),
            struct.Struct(f"<{len(claims)}d"),
        )

    typed_getter = typed.getters(of)
    return Shape(
        families=families,
        rows=tuple(
            Row(c.name, index[c.family.name], c.labels, c.leaf.text, draft.rules[c.leaf.path]) for c in claims
        ),
        decode=typed.decoder(of, private=private, inert=draft.inert),
        read_typed=_guarded(reader(typed_getter), typed_getter, of),
        read_document=reader(_document_getter),
        skipped=tuple(draft.skipped),
        doubts={position: claim.doubt for position, claim in enumerate(claims) if claim.doubt},
        dead_rules=tuple(name for name in rules.written if name not in draft.used),
    )


def _by_reading(claims: Iterable[Claim]) -> tuple[list[Claim], list[Claim], list[Claim]]:
    """Those that are read as they are, those that are divided, and those with a reader of their own."""
    plain: list[Claim] = []
    scaled: list[Claim] = []
    converted: list[Claim] = []
    for claim in claims:
        divided = plain if claim.divisor == NUMBER_OF_VALUE else scaled
        (converted if claim.read else divided).append(claim)
    return plain, scaled, converted


@dataclass(frozen=True, slots=True)
class _Reader:
    """From a decoded document to the 64-bit patterns of a shape's rows, in their order."""

    plain: Getter
    scaled: Getter
    divisors: tuple[int, ...]
    converted: Getter
    readers: tuple[Callable[[Any], float], ...]
    computed: tuple[tuple[Getter, Callable[..., tuple[float, ...]]], ...]
    patterns: struct.Struct

    def __call__(self, document: Any) -> bytes:
        values = [*self.plain(document), *map(truediv, self.scaled(document), self.divisors)]
        if self.readers:
            values += [
                read(value) for read, value in zip(self.readers, self.converted(document), strict=True)
            ]
        for read, compute in self.computed:
            values += compute(*read(document))
        return self.patterns.pack(*values)


def _guarded(
    read: _Reader, getter: Callable[[Sequence[Path]], Getter], of: Structure
) -> Callable[[Any], bytes]:
    """The reader, refusing a document whose numbers that became labels are others."""
    fixed = [(path, one.value) for path, one in known(of)]
    if not fixed:
        return read
    labels, expected = getter([path for path, _ in fixed]), tuple(value for _, value in fixed)

    def guarded(document: Any) -> bytes:
        if labels(document) != expected:
            raise ValueError("a number that is a label has changed")
        return read(document)

    return guarded


def _draft(of: Structure, rules: RuleSet) -> _Draft:
    draft = _Draft()
    found, fitting = leaves(of, rules.view)
    left = {leaf.path: leaf for leaf in found}
    payload = Payload(left.copy(), fitting)
    for rule in rules.rules:
        for outcome in [*rule.take(left, payload)]:
            draft.used.add(rule.name)
            for path in _record(draft, outcome):
                draft.rules[path] = rule.name
                left.pop(path, None)
    for outcome in assemble(draft.parts):
        _record(draft, outcome)
    return draft


def _record(draft: _Draft, outcome: Outcome) -> tuple[Path, ...]:
    """Add one outcome to the draft and give the leaves that it used up."""
    if isinstance(outcome, Refusal):
        draft.skipped.append(Skipped(outcome.leaf.text, outcome.reason))
        if outcome.whatever:
            draft.inert.add(outcome.leaf.path)
        return (outcome.leaf.path,)
    if isinstance(outcome, Part):
        draft.parts.append(outcome)
        return (outcome.leaf.path,)
    if isinstance(outcome, Computed):
        if draft.admit(outcome.claims):
            draft.computed.append(outcome)
        return outcome.paths
    if draft.admit((outcome,)):
        draft.values.append(outcome)
    return (outcome.leaf.path,)


def _document_getter(paths: Sequence[Path]) -> Getter:
    def read(document: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple([reduce(_child, path, document) for path in paths])

    return read


def _child(container: Any, key: str) -> Any:
    return container[int(key)] if isinstance(container, list) else container[key]
