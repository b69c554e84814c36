"""One type per metric name: what names and configuration say, and what payloads say, settled once per tenant.

Names of the catalogue have its types. Types that follow from a rule or from a name's ending are taken as
they come. Types that a payload declares (``# TYPE`` lines, the ``gauge_`` prefix of an expvar key) are
proposed to the tenant's table, and the table's word is taken: among counter, gauge and unknown it replaces
the payload's. The samples of a histogram, a summary or an info are what they are, so such a family keeps
the type that its payload says. Whatever contradicts an earlier type is reported with every scrape.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from pushvar.catalogue import GC_DURATION, GOROUTINES, HEALTH, MEMSTATS, MEMSTATS_OPTIONAL
from pushvar.convert.input_format import TEXT_RULE
from pushvar.convert.mapping.automatic import Automatic
from pushvar.model import MetricType, Repair

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from pushvar.model import Family, Shape, Target

T = TypeVar("T")
Settle = Callable[[str, Mapping[str, str]], Mapping[str, str]]
"""Tenant and proposed types by name -> the tenant's table as it then stands. It must not raise."""

FAMILY_LIMIT: Final = 100_000
_FIRST_LIMIT: Final = 300_000  # names of all tenants
_KEPT_FAMILIES: Final = 300_000  # of all answers that are kept
_TENANT: Final = "customer_id"
_OF_ONE_VALUE: Final = {MetricType.COUNTER, MetricType.GAUGE, MetricType.UNKNOWN}
_FIXED: Final = {
    family.name: family.type
    for family in (
        *HEALTH,
        *(row.family for row in (*MEMSTATS, *MEMSTATS_OPTIONAL)),
        GC_DURATION,
        GOROUTINES,
    )
}

_TYPES: Final = {kind.value: kind for kind in MetricType}
"""What tables say; a word of a later pushvar is no type to us."""

Agreed = tuple[tuple["Family", ...], tuple[Repair, ...]]
"""A shape's families with the types they have for a tenant, and the contradictions."""


def unsettled(tenant: str, proposed: Mapping[str, str]) -> Mapping[str, str]:
    """The table of a process without a store: the first type of a name stays, in this process."""
    del tenant, proposed
    return {}


class _Said(NamedTuple):
    """What can be at odds in a shape: the places of such families, whose type the payload says, and which.

    ``declared`` are the types for the tenant's table.
    """

    places: tuple[int, ...]
    by_payload: frozenset[str]
    declared: Mapping[str, str]


class _Kept(Generic[T]):
    """Answers about tuples of families, for as many families as are worth the memory."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[tuple[Family, ...], T]] = OrderedDict()
        self._held = 0

    def get(self, key: Hashable, of: tuple[Family, ...]) -> T | None:
        """The answer about exactly these, which is now the latest."""
        known = self._answers.get(key)
        if known is None or known[0] is not of:
            return None
        self._answers.move_to_end(key)
        return known[1]

    def put(self, key: Hashable, of: tuple[Family, ...], answer: T) -> None:
        """Keep an answer, and drop those that were not asked for longest."""
        replaced = self._answers.pop(key, None)
        self._answers[key] = (of, answer)
        self._held += len(of) - (len(replaced[0]) if replaced else 0)
        while self._held > _KEPT_FAMILIES and len(self._answers) > 1:
            self._held -= len(self._answers.popitem(last=False)[1][0])


class FamilyTypes:
    """The types of one configuration's families, by tenant, as this process and the tables know them."""

    def __init__(self, settle: Settle = unsettled) -> None:
        self.families: dict[str, Family] = {family.name: family for family in HEALTH}
        self._settle = settle
        self._first: dict[str, dict[str, MetricType]] = {}
        self._known = 0
        self._said: _Kept[_Said] = _Kept()
        self._agreed: _Kept[Agreed] = _Kept()

    def learn(self, families: Iterable[Family]) -> None:
        """Remember families for the metadata; the first of a name stays."""
        for family in families:
            if len(self.families) < FAMILY_LIMIT:
                self.families.setdefault(family.name, family)

    def agreed(self, target: Target, shape: Shape) -> tuple[Shape, tuple[Repair, ...]]:
        """The shape as this target's tenant has it, and its contradictions, which are among its repairs.

        It is the very same shape where nobody contradicts, and its rows are the same in any case.
        """
        of = shape.families
        said = self._said.get(id(of), of)
        if said is None:
            said = _said(shape)
            self._said.put(id(of), of, said)
        if not said.places:
            return shape, ()
        tenant = dict(target.labels).get(_TENANT, "")
        families, conflicts = self._agreed.get((tenant, id(of)), of) or self._agree(tenant, of, said)
        if families is of and not conflicts:
            return shape, ()
        return replace(shape, families=families, repairs=(*shape.repairs, *conflicts)), conflicts

    def _agree(self, tenant: str, of: tuple[Family, ...], said: _Said) -> Agreed:
        table = self._settle(tenant, said.declared) if said.by_payload else {}
        first = self._first.setdefault(tenant, {})
        families: list[Family] = list(of)
        conflicts: list[Repair] = []
        for place in said.places:
            family = of[place]
            settled = table.get(family.name, "") if family.name in said.by_payload else ""
            known = _FIXED.get(family.name) or _TYPES.get(settled) or first.get(family.name)
            if family.name in said.by_payload:
                families[place] = _between(family, known)
            self._remember(first, families[place])
            if _contradict(known, family.type):
                text = f"{family.name}: {family.type} here, {known} elsewhere"
                conflicts.append(Repair("type_conflict", text))
        same = all(mine is theirs for mine, theirs in zip(families, of, strict=True))
        found = (of if same else tuple(families), tuple(conflicts))
        if self._settle is unsettled or said.declared.keys() <= table.keys():  # else ask again
            self._agreed.put((tenant, id(of)), of, found)
        return found

    def _remember(self, first: dict[str, MetricType], family: Family) -> None:
        """The first type of a name in this process; one without a type says nothing."""
        known = family.name in first or family.name in _FIXED or family.type == MetricType.UNKNOWN
        if not known and self._known < _FIRST_LIMIT:
            first[family.name] = family.type
            self._known += 1


def _said(shape: Shape) -> _Said:
    """The types that stand in the payload: those of text, and gauges by the prefix of an expvar key.

    An expvar key's other types follow from its name, or from a rule.
    """
    by_payload: set[int] = set()
    for row in shape.rows:
        by_prefix = row.rule == Automatic.name and shape.families[row.family].type == MetricType.GAUGE
        if by_prefix or row.rule == TEXT_RULE:
            by_payload.add(row.family)
    declared, places = {}, []
    for place, family in enumerate(shape.families):
        typed, fixed = family.type != MetricType.UNKNOWN, _FIXED.get(family.name)
        if place in by_payload and typed and not fixed:
            declared[family.name] = family.type.value
        if place in by_payload or (typed and fixed != family.type):
            places.append(place)
    return _Said(tuple(places), frozenset(shape.families[place].name for place in by_payload), declared)


def _contradict(known: MetricType | None, said: MetricType) -> bool:
    """Whether two types of a name differ; one without a type contradicts nobody."""
    return known != said and not {known, said} & {None, MetricType.UNKNOWN}


def _between(family: Family, known: MetricType | None) -> Family:
    """The family with the known type, if both are types of one value."""
    if known in {None, family.type, MetricType.UNKNOWN} or not {known, family.type} <= _OF_ONE_VALUE:
        return family
    return replace(family, type=known)
