"""Body -> values, with everything compiled kept: the warm path of a target's cycle.

First the target's own plan is tried with its typed decoder; a document of another structure is
refused by that decoder. Then the shapes that the rule set used last (a new container meets known
programs), then the general way: decode, repair, structure, compile.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pushvar.catalogue import HEALTH
from pushvar.convert.expvar.decode import decode
from pushvar.convert.mapping.rules import RuleSet
from pushvar.convert.plan import NAME, Stamp, compile_plan, labelled_rows, series_added
from pushvar.convert.shape import compile_shape
from pushvar.convert.structure import structure
from pushvar.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from pushvar.convert.structure import Structure
    from pushvar.model import Family, Plan, Repair, Shape

SHAPE_LIMIT = 1_024
PLAN_LIMIT = 20_000
FAMILY_LIMIT = 100_000
_RECENT = 2
_OTHER_STRUCTURE = (msgspec.MsgspecError, struct.error, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Converted:
    """A plan and the 64-bit patterns of its shape's rows; the health rows are not among them.

    ``added`` counts the series that the target's previous plan did not have.
    """

    plan: Plan
    values: bytes
    repairs: tuple[Repair, ...] = ()
    added: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one target may give before its scrape fails (``sample_limit`` and its kin); 0 is no limit."""

    samples: int = 0
    labels: int = 0
    name_chars: int = 0
    value_chars: int = 0


_NO_LIMITS = Limits()


class Converter:
    """The compiled shapes and plans of one configuration, least recently used ones dropped first."""

    def __init__(self, *, shape_limit: int = SHAPE_LIMIT, plan_limit: int = PLAN_LIMIT) -> None:
        self._shapes: OrderedDict[Hashable, Shape] = OrderedDict()
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._recent: dict[str, list[Shape]] = {}
        self._shape_limit = shape_limit
        self._plan_limit = plan_limit
        self.families: dict[str, Family] = {family.name: family for family in HEALTH}
        self._nothing = compile_shape((), RuleSet("nothing", ()))

    def convert(self, stamp: Stamp, body: bytes, rules: RuleSet, limits: Limits = _NO_LIMITS) -> Converted:
        """Convert one body.

        Raises DecodeError for a body that is no document, FetchError (``too_many_samples``,
        ``label_limit``) when it gives more than the limits allow.
        """
        plan = self._plans.get(stamp.target.key)
        if plan is not None:
            self._plans.move_to_end(stamp.target.key)
            values = _read(plan.shape, body)
            if values is not None:
                return Converted(plan, values)
        shape, values, repairs = self._read_unplanned(body, rules)
        if plan is not None and plan.shape is shape:
            return Converted(plan, values, repairs)
        added = series_added(shape, plan.shape if plan else None)
        return Converted(self._plan(stamp, shape, limits), values, repairs, added)

    def failed(self, stamp: Stamp) -> Plan:
        """The plan of a target that gave no document: only the health series."""
        key = f"{stamp.target.key}/failed"
        plan = self._plans.get(key)
        if plan is None:
            plan = compile_plan(stamp, self._nothing)
            self._keep_plan(key, plan)
        return plan

    def _learn(self, families: Iterable[Family]) -> None:
        """Remember families for the metadata; the first type of a name stays."""
        for family in families:
            if len(self.families) < FAMILY_LIMIT:
                self.families.setdefault(family.name, family)

    def _plan(self, stamp: Stamp, shape: Shape, limits: Limits) -> Plan:
        _check(stamp, shape, limits)
        plan = compile_plan(stamp, shape)
        self._keep_plan(stamp.target.key, plan)
        return plan

    def _keep_plan(self, key: str, plan: Plan) -> None:
        self._plans[key] = plan
        if len(self._plans) > self._plan_limit:
            self._plans.popitem(last=False)

    def _read_unplanned(self, body: bytes, rules: RuleSet) -> tuple[Shape, bytes, tuple[Repair, ...]]:
        for shape in self._recent.get(rules.key, ()):
            values = _read(shape, body)
            if values is not None:
                return shape, values, ()
        document = decode(body)
        of = structure(document.values)
        shape = self._shape((rules.key, of, document.private), rules)
        return shape, shape.read_document(document.values), document.repairs

    def _shape(self, key: tuple[str, Structure, tuple[str, ...]], rules: RuleSet) -> Shape:
        shape = self._shapes.get(key)
        if shape is None:
            _, of, private = key
            shape = self._shapes[key] = compile_shape(of, rules, private)
            self._learn(shape.families)
            if len(self._shapes) > self._shape_limit:
                self._shapes.popitem(last=False)
        self._shapes.move_to_end(key)
        recent = [shape, *(other for other in self._recent.get(rules.key, ()) if other is not shape)]
        self._recent[rules.key] = recent[:_RECENT]
        return shape


def _read(shape: Shape, body: bytes) -> bytes | None:
    """The values of a body of this shape, or None when its structure is another one."""
    try:
        return shape.read_typed(shape.decode(body))
    except _OTHER_STRUCTURE:
        return None


def _check(stamp: Stamp, shape: Shape, limits: Limits) -> None:
    """Raise FetchError when a new plan is over a limit. ``__name__`` counts as a label, as in Prometheus."""
    if 0 < limits.samples < len(shape.rows):
        raise FetchError("too_many_samples", f"{len(shape.rows)} samples, sample_limit is {limits.samples}")
    if not (limits.labels or limits.name_chars or limits.value_chars):
        return
    for row, labels in labelled_rows(stamp, shape):
        if 0 < limits.labels <= len(labels):
            raise FetchError("label_limit", f"{row.name} has {len(labels) + 1} labels, over label_limit")
        for name, value in (*labels, (NAME, row.name)):
            if 0 < limits.name_chars < len(name):
                raise FetchError("label_limit", f"label name {name} is over label_name_length_limit")
            if 0 < limits.value_chars < len(value):
                raise FetchError("label_limit", f"{row.name}: label {name} is over label_value_length_limit")
