"""Rules that a person wrote, compiled: which leaves they take, and the names and labels those get."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from pushvar.config.mapping_checks import type_of_rule
from pushvar.config.patterns import TAIL, Reference, reference, template
from pushvar.convert.mapping.paths import Step, above, literal, pattern_of
from pushvar.convert.mapping.rules import NUMBER_OF_VALUE, SHAPE_ERROR, Claim, Part, Refusal
from pushvar.convert.mapping.values import (
    DOUBTS,
    NOT_FINITE,
    bound_of,
    finite,
    parsed_as,
    scaled_by,
)
from pushvar.convert.structure import BOOL, NULL, NUMBER, STRING
from pushvar.labels.names import metric_name
from pushvar.labels.sets import label_set
from pushvar.model import Family, MetricType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pushvar.config.mappings import MappingRule
    from pushvar.convert.mapping.paths import Captures, Pattern
    from pushvar.convert.mapping.rules import Outcome, Payload
    from pushvar.convert.structure import Leaf, Path
    from pushvar.model import Labels

ONE = Fraction(1)
LABEL_LIMIT = 512
"""Values of one ``label_map``, as many as a line of text may have labels: each series repeats them all."""
_FAMILIES = 1024
"""Families that a rule remembers by the text its name is made of."""
_name = lru_cache(8192)(metric_name)
_ROLE_CAPTURES = {"bucket": "le", "quantile": "q"}
_SUFFIXES = {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}


class Unusable(Exception):
    """A leaf that the rule cannot use, and why."""


class Drop:
    """``action: drop``: the leaves are taken and nothing becomes of them."""

    def __init__(self, rule: MappingRule, name: str) -> None:
        self.name = name
        self.pattern = pattern_of(rule.match)

    def take(self, leaves: Mapping[Path, Leaf], payload: Payload) -> Iterable[Refusal]:
        """A refusal for each."""
        fitting = payload.fitting.get(self.pattern, ())
        return [Refusal(leaf, "dropped") for leaf in fitting if leaf.path in leaves]


class Mapped:
    """A rule that makes a series of each leaf it takes: those of its ``match``, or of another ``pattern``."""

    shift = 0
    """How many containers a leaf stands below the one that references count from."""

    def __init__(self, rule: MappingRule, name: str, pattern: Pattern | None = None) -> None:
        self.name = name
        self._rule = rule
        self.pattern = pattern_of(rule.match) if pattern is None else pattern
        self._template = template(rule.name)
        self._static = [(key, value) for key, value in rule.labels if not reference(value)]
        self._fields = [(key, found) for key, value in rule.labels if (found := reference(value))]
        self._tags = reference(rule.label_map) if rule.label_map else None
        self._exclude = frozenset(rule.label_exclude)
        used = {part.name for part in self._template if isinstance(part, Reference) and not part.level}
        self._consumed = {*used, TAIL, _ROLE_CAPTURES.get(rule.role, TAIL)}
        self._type = MetricType(type_of_rule(rule))
        self._factor = Fraction(rule.scale) if rule.scale else ONE
        self._bound_factor = Fraction(rule.le_scale) if rule.le_scale else ONE
        self._quantiles = dict(rule.quantiles)
        self._read = self._reader()
        self._wanted = self._kinds()
        self._reserved = frozenset({"le", "quantile"} if rule.role != "value" else ())
        self._named = lru_cache(_FAMILIES)(self._family_of)

    @property
    def looking(self) -> Iterator[tuple[Step, ...]]:
        """The patterns of what it takes."""
        yield self.pattern.steps

    @property
    def labelling(self) -> Iterator[tuple[Step, ...]]:
        """The patterns of the values that it can make names or labels of."""
        steps = self.pattern.steps
        if self._rule.value_label:
            yield steps
        fields = [part for part in self._template if isinstance(part, Reference) and part.level]
        for one in (*fields, *(found for _key, found in self._fields)):
            for container in above(steps, one.level + self.shift):
                yield (*container, literal(one.name))
        if self._tags:
            for container in above(steps, self._tags.level + self.shift):
                others = Step(None, None, (), many=False, excluded=self._exclude)
                yield (*container, literal(self._tags.name), others)

    def take(self, leaves: Mapping[Path, Leaf], payload: Payload) -> Iterator[Outcome]:
        """A series, a part of one, or a refusal for each leaf that the pattern takes."""
        for leaf in payload.fitting.get(self.pattern, ()):
            captures = self.pattern.match(leaf.path) if leaf.path in leaves else None
            if captures is not None:
                try:
                    yield self._outcome(leaf, captures, payload)
                except Unusable as unusable:
                    yield Refusal(leaf, f"{SHAPE_ERROR}{unusable}")

    def _outcome(self, leaf: Leaf, captures: Captures, payload: Payload) -> Outcome:
        if leaf.kind == NULL:
            return Refusal(leaf, "null")
        if leaf.kind not in self._wanted:
            raise Unusable(f"a {leaf.kind}, where the rule takes a {' or '.join(sorted(self._wanted))}")
        family = self._family(leaf, captures, payload)
        labels = self._labels(leaf, captures, payload)
        role = self._rule.role
        if role == "value":
            return self._value(leaf, family, labels)
        if role == "quantile":
            return self._quantile(leaf, family, labels, captures)
        if self._type == MetricType.HISTOGRAM:
            bound = self._bound(leaf, captures, payload) if role == "bucket" else 0.0
            return Part(leaf, family, labels, role, bound, self._rule.buckets, self._read)
        return self._claim(leaf, f"{family.name}_{role}", family, labels)

    def _kinds(self) -> set[str]:
        """The kinds of leaves that it can use."""
        rule = self._rule
        if rule.value_label:
            wanted = {STRING, BOOL, NUMBER}
        elif rule.parse == "duration":
            wanted = {STRING}
        else:
            wanted = {NUMBER, STRING} if rule.parse else {NUMBER, BOOL}
        if rule.role in {"bucket", "count"}:
            wanted -= {BOOL}
        return wanted

    def _value(self, leaf: Leaf, family: Family, labels: Labels) -> Claim:
        if not self._rule.value_label:
            return self._claim(leaf, family.name, family, labels)
        own = label_set((*labels, (self._rule.value_label, leaf.label or "")))
        return Claim(leaf, family.name, family, own, read=_one)

    def _quantile(self, leaf: Leaf, family: Family, labels: Labels, captures: Captures) -> Claim:
        quantile = self._quantiles.get(captures["q"])
        if quantile is None:
            raise Unusable(f"quantile {captures['q']} is not in the rule's table")
        return self._claim(leaf, family.name, family, label_set((*labels, ("quantile", quantile))))

    def _claim(self, leaf: Leaf, name: str, family: Family, labels: Labels) -> Claim:
        if self._read is None:
            return Claim(leaf, name, family, labels, self._factor.denominator)
        doubt = NOT_FINITE if self._rule.role == "count" else DOUBTS[self._rule.parse]
        return Claim(leaf, name, family, labels, read=self._read, doubt=doubt)

    def _reader(self) -> Callable[[object], float] | None:
        """What reads a value, or None where dividing by an exact integer is all."""
        rule = self._rule
        if rule.parse:
            return parsed_as(rule.parse, self._factor)
        if rule.role == "count":
            return finite(None)
        inexact = self._factor.numerator != NUMBER_OF_VALUE
        histogram_sum = self._type == MetricType.HISTOGRAM and self._factor != ONE
        return scaled_by(self._factor) if inexact or histogram_sum else None

    def _bound(self, leaf: Leaf, captures: Captures, payload: Payload) -> float:
        del leaf, payload
        bound = bound_of(captures["le"], self._bound_factor)
        if bound is None:
            raise Unusable(f"{captures['le']} is no bound")
        return bound

    def _family(self, leaf: Leaf, captures: Captures, payload: Payload) -> Family:
        texts = []
        for part in self._template:
            if isinstance(part, str):
                texts.append(part)
            elif part.level:
                texts.append(self._field(leaf, part, payload, needed=True))
            else:
                texts.append(captures[part.name])
        return self._named("".join(texts))

    def _family_of(self, text: str) -> Family:
        name = metric_name(text)
        if not name:
            raise Unusable("nothing nameable is left of the name")
        suffix = _SUFFIXES.get(self._type, "")
        help_text = self._rule.help or f"expvar {'/'.join(self._rule.match)}"
        return Family(name if name.endswith(suffix) else name + suffix, self._type, help_text)

    def _labels(self, leaf: Leaf, captures: Captures, payload: Payload) -> Labels:
        mapped = None if self._tags is None else _container(leaf, self._tags.level + self.shift)
        if self._tags and mapped is None:
            raise Unusable(f"no container {self._tags.level} levels up")
        own = [
            (name, value if value.isascii() else value.encode("utf-8", "replace").decode())
            for name, value in captures.items()
            if name not in self._consumed
        ]
        own += self._static
        own += [(name, self._field(leaf, one, payload)) for name, one in self._fields]
        key = (mapped, self._tags and self._tags.name, self._exclude, self._reserved, *own)
        found = payload.label_sets.get(key)
        if found is None:
            tags = () if mapped is None else self._mapped(mapped, payload)
            pairs = (pair for pair in (*tags, *own) if pair[0] not in self._reserved)
            found = payload.label_sets[key] = label_set(pairs)
        return found

    def _mapped(self, container: Path, payload: Payload) -> Iterator[tuple[str, str]]:
        assert self._tags is not None, "the caller knows"
        tags = payload.children((*container, self._tags.name))
        if len(tags) > LABEL_LIMIT:
            raise Unusable(
                f"{len(tags)} values in {'@' * self._tags.level}{self._tags.name}, over {LABEL_LIMIT}"
            )
        for one in tags:
            key = one.path[-1]
            name = _name(key)
            if key not in self._exclude and one.label is not None and name and not key.startswith("__"):
                yield name, one.label

    def _field(self, leaf: Leaf, one: Reference, payload: Payload, *, needed: bool = False) -> str:
        container = _container(leaf, one.level + self.shift)
        found = None if container is None else payload.leaves.get((*container, one.name))
        if found is None or (found.label is None and (needed or found.kind != NULL)):
            raise Unusable(f"{'@' * one.level}{one.name} is no value")
        return found.label or ""


def _container(leaf: Leaf, level: int) -> Path | None:
    """The path of the container ``level`` above a leaf: 1 is its own."""
    return leaf.path[:-level] if level <= len(leaf.path) else None


def _one(_: object) -> float:
    return 1.0
