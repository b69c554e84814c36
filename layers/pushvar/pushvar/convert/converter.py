"""Body -> values, with everything compiled kept: the warm path of a target's cycle.

The target's own plan is tried first: its typed decoder refuses a document of another structure. Then the
shapes that the rule set used last (a new container meets known programs), then the general way.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from pushvar.convert.expvar.decode import decode
from pushvar.convert.family_types import FamilyTypes, unsettled
from pushvar.convert.input_format import EXPVAR
from pushvar.convert.mapping.rules import RuleSet
from pushvar.convert.plan import Stamp, compile_plan, labelled_rows, series_added
from pushvar.convert.relabelled import NAME
from pushvar.convert.shape import compile_shape
from pushvar.convert.structure import structure
from pushvar.convert.withheld import withheld_rows, without
from pushvar.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from pushvar.convert.family_types import Settle
    from pushvar.convert.input_format import InputFormat
    from pushvar.model import Family, Plan, Repair, Shape, Times

SHAPE_LIMIT = 1_024
PLAN_LIMIT = 20_000
ROW_LIMIT = 1_000_000
"""Series of all plans, or of all shapes, that are kept: targets of text may have many thousands each."""
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
    times_ms: Times = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one target may give before its scrape fails (``sample_limit`` and its kin); 0 is no limit."""

    samples: int = 0
    labels: int = 0
    name_chars: int = 0
    value_chars: int = 0


_NO_LIMITS = Limits()


class Converter:
    """The compiled shapes and plans of one configuration, least recently used ones dropped first.

    ``settle`` is where types that payloads declare are settled for a tenant; it must not raise.
    """

    def __init__(
        self, *, shape_limit: int = SHAPE_LIMIT, plan_limit: int = PLAN_LIMIT, settle: Settle = unsettled
    ) -> None:
        self._shapes: OrderedDict[Hashable, Shape] = OrderedDict()
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._recent: dict[Hashable, list[Shape]] = {}
        self._rows = {"shapes": 0, "plans": 0}
        self._shape_limit = shape_limit
        self._plan_limit = plan_limit
        self._types = FamilyTypes(settle)
        self._learned: tuple[Family, ...] = ()
        self._nothing = compile_shape((), RuleSet("nothing", ()))

    def convert(
        self,
        stamp: Stamp,
        body: bytes,
        rules: RuleSet,
        limits: Limits = _NO_LIMITS,
        form: InputFormat = EXPVAR,
        content_type: str = "",
    ) -> Converted:
        """Convert one body, which came with this Content-Type.

        Raises DecodeError for a body that is no document, FetchError (``too_many_samples``,
        ``label_limit``) when it gives more than the limits allow.
        """
        plan = self._plans.get(stamp.target.key)
        if plan is not None:
            self._plans.move_to_end(stamp.target.key)
            known = _read(plan.shape, body)
            if known is not None:
                return _given(stamp, Converted(plan, known[0], plan.shape.repairs, 0, known[1]))
        if form.is_text(body, content_type):
            shape, values, repairs, times_ms = self._read_text(stamp.target.job, body, form, content_type)
        else:
            shape, values, repairs = self._read_expvar(body, rules)
            times_ms = ()
        if plan is not None and plan.shape.rows is shape.rows:
            shape, conflicts = self._types.agreed(stamp.target, shape)
            if plan.shape is not shape:
                plan = self._plans[stamp.target.key] = replace(plan, shape=shape)
            return _given(stamp, Converted(plan, values, (*repairs, *conflicts), 0, times_ms))
        planned, conflicts = self._plan(stamp, shape, limits)
        repairs = (*repairs, *conflicts)
        return _given(stamp, Converted(planned, values, repairs, series_added(planned, plan), times_ms))

    @property
    def families(self) -> Mapping[str, Family]:
        """Every family seen so far, by name; it only grows."""
        return self._types.families

    def learn(self, families: Iterable[Family]) -> None:
        """Add families that no document brought; the first of a name stays."""
        self._types.learn(families)

    def failed(self, stamp: Stamp) -> Plan:
        """The plan of a target that gave no document: only the health series."""
        key = f"{stamp.target.key}/failed"
        plan = self._plans.get(key)
        if plan is None:
            plan = compile_plan(stamp, self._nothing)
            self._keep_plan(key, plan)
        return plan

    def _plan(self, stamp: Stamp, shape: Shape, limits: Limits) -> tuple[Plan, tuple[Repair, ...]]:
        """The plan of a target, and what contradicts other types in it."""
        if stamp.relabelling is None:  # else its steps may leave fewer
            _check_samples(len(shape.rows), limits)
        plan = compile_plan(stamp, shape)
        shed = sum(count for _, count in plan.shed)  # a limit fails what a budget would shed
        _check_samples(plan.template.count - plan.health + shed, limits)
        _check_labels(stamp, shape, limits)
        agreed, conflicts = self._types.agreed(stamp.target, shape)  # now: a failed scrape settles none
        if agreed.families is not shape.families:
            plan = compile_plan(stamp, agreed)
        elif agreed is not shape:
            plan = replace(plan, shape=agreed)
        if plan.families is not self._learned:  # of a fleet's new targets, most have the same
            self._types.learn(plan.families)
            self._learned = plan.families
        self._keep_plan(stamp.target.key, plan)
        return plan, conflicts

    def _keep_plan(self, key: str, plan: Plan) -> None:
        replaced = self._plans.pop(key, None)
        self._plans[key] = plan
        self._rows["plans"] += plan.template.count - (replaced.template.count if replaced else 0)
        while len(self._plans) > self._plan_limit or (
            self._rows["plans"] > ROW_LIMIT and len(self._plans) > 1
        ):
            self._rows["plans"] -= self._plans.popitem(last=False)[1].template.count

    def _read_expvar(self, body: bytes, rules: RuleSet) -> tuple[Shape, bytes, tuple[Repair, ...]]:
        for shape in self._recent.get(rules.key, ()):
            known = _read(shape, body)
            if known is not None:
                return shape, known[0], shape.repairs
        document = decode(body)
        of = structure(document.values, rules.view)
        key = (rules.key, of, document.private)
        shape = self._shape(key, rules.key, lambda: compile_shape(of, rules, document.private))
        return shape, shape.read_document(document.values), (*document.repairs, *shape.repairs)

    def _read_text(
        self, job: str, body: bytes, form: InputFormat, content_type: str
    ) -> tuple[Shape, bytes, tuple[Repair, ...], Times]:
        group = (job, form)
        for shape in self._recent.get(group, ()):
            known = _read(shape, body)
            if known is not None:
                return shape, known[0], shape.repairs, known[1]
        from pushvar.convert import text  # who has no text loads nothing for it

        document = text.read(body, content_type, honor_timestamps=form.honor_timestamps)
        key = (form.honor_timestamps, document.key)
        if key in self._shapes:  # the same series from other lines: a comment, a timestamp
            self._shapes[key] = replace(self._shapes[key], **text.reading(document, body))
        shape = self._shape(key, group, lambda: text.compile_text(document, body))
        return shape, document.values, shape.repairs, document.times_ms

    def _shape(self, key: Hashable, group: Hashable, compiled: Callable[[], Shape]) -> Shape:
        """The shape of this key, compiled when it is new; it is now the latest of its group."""
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = compiled()
            self._rows["shapes"] += len(shape.rows)
            while len(self._shapes) > self._shape_limit or (
                self._rows["shapes"] > ROW_LIMIT and len(self._shapes) > 1
            ):
                self._rows["shapes"] -= len(self._shapes.popitem(last=False)[1].rows)
        self._shapes.move_to_end(key)
        recent = [shape, *(other for other in self._recent.get(group, ()) if other is not shape)]
        self._recent[group] = recent[:_RECENT]
        return shape


def _given(stamp: Stamp, converted: Converted) -> Converted:
    """The same without what this document does not give (its next one meets the old plan), or steps drop."""
    rows = withheld_rows(converted.values)
    if rows:
        shape, values = without(converted.plan.shape, converted.values, rows)
        converted = replace(converted, plan=compile_plan(stamp, shape, again=False), values=values)
    if converted.plan.select is None:
        return converted
    values, times_ms = converted.plan.select(converted.values, converted.times_ms)
    return Converted(converted.plan, values, converted.repairs, converted.added, times_ms)


def _read(shape: Shape, body: bytes) -> tuple[bytes, Times] | None:
    """The values of a body of this shape, and times of its own; None when its structure is another one."""
    try:
        decoded = shape.decode(body)
        return shape.read_typed(decoded), shape.read_times(decoded) if shape.read_times else ()
    except _OTHER_STRUCTURE:
        return None


def _check_samples(samples: int, limits: Limits) -> None:
    if 0 < limits.samples < samples:
        raise FetchError("too_many_samples", f"{samples} samples, sample_limit is {limits.samples}")


def _check_labels(stamp: Stamp, shape: Shape, limits: Limits) -> None:
    """Raise FetchError when a new plan is over a limit. ``__name__`` counts as a label, as in Prometheus."""
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
