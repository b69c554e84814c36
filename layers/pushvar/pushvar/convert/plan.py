"""Shape x one target's labels -> Plan: the finished label bytes of every series.

Targets of one shape share most of these bytes (see ``layouts``), so a plan is cheap even for a target that
this process has never seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from pushvar.catalogue import HEALTH
from pushvar.convert.budgets import Budget, counted, skipped
from pushvar.convert.created import created
from pushvar.convert.health import target_health_rows
from pushvar.convert.layouts import Layouts
from pushvar.convert.relabelled import NAME, relabelled
from pushvar.labels.relabel import Relabelling
from pushvar.labels.selection import Selection
from pushvar.labels.sets import label_set, settle
from pushvar.labels.tenancy import GUARDED, PUSH_GUARDED
from pushvar.model import Created, Family, Labels, Plan, Row, Shape, Skipped, Target
from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NAME_KEY = NAME.encode()

_NO_STEPS = Relabelling(())
"""Leaves everything as it is, but the second of two series that the target's labels make equal."""

_layouts = Layouts()
_label = v1.label
_name_label = lru_cache(maxsize=65_536)(lambda name: v1.label(NAME, name))


def all_rows(target: Target, shape: Shape) -> tuple[Row, ...]:
    """The shape's rows and behind them an endpoint's health rows: the order of every scrape's values."""
    return (*shape.rows, *target_health_rows(target, len(shape.families)))


@dataclass(frozen=True, slots=True)
class Stamp:
    """The labels that one target puts on every series.

    ``external`` labels are added where neither target nor payload has the name (Prometheus'
    ``external_labels``); with ``honor`` a payload keeps its own value of a label that is not guarded.
    ``relabelling`` is that of metric_relabel_configs, for all but the health series; so is the ``budget``,
    which sees what it leaves.
    """

    target: Target
    external: Labels = ()
    honor: bool = False
    relabelling: Relabelling | None = None
    budget: Budget | None = None

    @property
    def own(self) -> frozenset[str]:
        """The names that belong to the target."""
        return frozenset(name for name, _ in self.target.labels)

    @property
    def fixed(self) -> Labels:
        """What every series carries, whatever the payload says."""
        return label_set((*self.external, *self.target.labels))

    def settled(self, payload: Labels, own: frozenset[str]) -> tuple[Labels, int]:
        """What a payload's labels become beside the target's ``own``, and how many had to be renamed."""
        return settle(payload, own, honor=self.honor, guarded=PUSH_GUARDED if self.target.pushed else GUARDED)


def allowed(stamp: Stamp, allowance: int | None) -> Stamp:
    """The same labels for a target that may have so many series of its customer's budget."""
    if allowance is None:
        return stamp
    return replace(stamp, budget=replace(stamp.budget or Budget(), allowance=allowance))


def compile_plan(stamp: Stamp, shape: Shape, *, again: bool = True) -> Plan:
    """Compile the plan of one target: its label bytes, sorted, unique, never empty.

    ``again`` says whether the shape may come again, for other targets or later.
    """
    if stamp.relabelling is not None or (stamp.budget is not None and stamp.budget.may_shed(shape.rows)):
        return _relabelled_plan(stamp, shape)
    quick = _laid_out_plan(stamp, shape) if again else None
    return quick or _plain_plan(stamp, shape)


def _laid_out_plan(stamp: Stamp, shape: Shape) -> Plan | None:
    """The plan by a layout, if there is one: most of its bytes are those of other targets' plans."""
    pairs = (*stamp.external, *stamp.target.labels)
    if "" in [value for _, value in pairs]:
        return None
    found = _layouts.find(stamp, shape, tuple([name for name, _ in pairs]))
    if found is None:
        return None
    template = found.layout.template([_label(*pairs[place]) for place in found.places], _created(shape))
    return _of_whole_shape(stamp, shape, template, found.conflicts)


def _plain_plan(stamp: Stamp, shape: Shape) -> Plan:
    """The plan put together series by series, whatever the labels are."""
    own, fixed = stamp.own, {name.encode(): _label(name, value) for name, value in stamp.fixed}
    around: dict[Labels, tuple[bytes, bytes, int]] = {(): (*_halves(fixed), 0)}
    label_sets: list[bytes] = []
    conflicts = 0
    for row in all_rows(stamp.target, shape):
        known = around.get(row.labels)
        if known is None:
            settled, renamed = stamp.settled(row.labels, own)
            full = {**fixed, **{name.encode(): _label(name, value) for name, value in settled if value}}
            known = around[row.labels] = (*_halves(full), renamed)
        before, after, renamed = known
        conflicts += renamed
        label_sets.append(before + _name_label(row.name) + after)
    if len(set(label_sets)) < len(label_sets):
        return _relabelled_plan(replace(stamp, relabelling=_NO_STEPS), shape)
    return _of_whole_shape(stamp, shape, v1.Template(label_sets, _created(shape)), conflicts)


def _of_whole_shape(stamp: Stamp, shape: Shape, template: v1.Pieces, conflicts: int) -> Plan:
    health = template.count - len(shape.rows)
    return Plan(stamp.target, shape, template, conflicts, shape.families, health=health)


def _created(shape: Shape) -> Created:
    return created(shape.rows, (row.labels for row in shape.rows), shape.families)


def _halves(encoded: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """Labels in the order of their names: what stands before the metric name and what behind it."""
    names = sorted(encoded)
    return (
        b"".join([encoded[name] for name in names if name < _NAME_KEY]),
        b"".join([encoded[name] for name in names if name > _NAME_KEY]),
    )


@dataclass(frozen=True, slots=True)
class Labelled:
    """The series of one target as they are sent, the health series last, each with its labels.

    The labels do not hold ``__name__``; the rows index ``families``. ``kept`` holds the places in the
    shape of the rows that are sent; ``outcomes`` counts by reason what metric relabelling did to others,
    ``shed`` those that a budget leaves out.
    """

    rows: tuple[tuple[Row, Labels], ...]
    families: tuple[Family, ...]
    kept: tuple[int, ...]
    skipped: tuple[Skipped, ...] = ()
    outcomes: tuple[tuple[str, int], ...] = ()
    conflicts: int = 0
    shed: tuple[tuple[str, int], ...] = ()


def labelled(stamp: Stamp, shape: Shape) -> Labelled:
    """What a plan sends, in words instead of bytes."""
    made = _labelled(stamp, shape)
    if stamp.budget is None:
        return made
    rows = made.rows[: len(made.kept)]
    out = stamp.budget.shed(rows, made.families, {name for name, _ in stamp.fixed})
    if not out:
        return made
    left = [index for index in range(len(rows)) if index not in out]
    return replace(
        made,
        rows=(*[rows[index] for index in left], *made.rows[len(rows) :]),
        kept=tuple(made.kept[index] for index in left),
        skipped=(*made.skipped, *skipped(rows, out)),
        shed=counted(out),
    )


def _labelled(stamp: Stamp, shape: Shape) -> Labelled:
    own, steps = stamp.own, stamp.relabelling
    base = stamp.fixed if steps is None else stamp.target.labels
    rows: list[tuple[Row, Labels]] = []
    conflicts = 0
    for row in shape.rows:
        if not row.labels:
            rows.append((row, base))
            continue
        settled, renamed = stamp.settled(row.labels, own)
        conflicts += renamed
        rows.append((row, label_set((*base, *settled))))
    if steps is None and len({(row.name, labels) for row, labels in rows}) < len(rows):
        return _labelled(replace(stamp, relabelling=_NO_STEPS), shape)
    if steps is None:
        health = [(row, stamp.fixed) for row in target_health_rows(stamp.target, len(shape.families))]
        everything = tuple(range(len(rows)))
        return Labelled((*rows, *health), (*shape.families, *HEALTH), everything, conflicts=conflicts)
    made = relabelled(steps, rows, shape.families, base, stamp.external)
    health = [(row, stamp.fixed) for row in target_health_rows(stamp.target, len(made.families))]
    return Labelled(
        (*made.rows, *health), (*made.families, *HEALTH), tuple(made.kept), tuple(made.skipped),
        tuple(sorted((+made.outcomes).items())), conflicts,
    )  # fmt: skip


def labelled_rows(stamp: Stamp, shape: Shape) -> Iterator[tuple[Row, Labels]]:
    """Each row that a plan sends with its label set, without ``__name__``: what people are shown."""
    yield from labelled(stamp, shape).rows


def _relabelled_plan(stamp: Stamp, shape: Shape) -> Plan:
    made = labelled(stamp, shape)
    halves: dict[Labels, tuple[bytes, bytes]] = {}
    label_sets: list[bytes] = []
    for row, labels in made.rows:
        around = halves.get(labels)
        if around is None:
            pairs = [(name.encode(), _label(name, value)) for name, value in labels]
            around = halves[labels] = (
                b"".join([pair for name, pair in pairs if name < _NAME_KEY]),
                b"".join([pair for name, pair in pairs if name > _NAME_KEY]),
            )
        label_sets.append(around[0] + _name_label(row.name) + around[1])
    sent = [row for row, _ in made.rows[: len(made.kept)]]
    used = dict.fromkeys(row.family for row in sent)
    began = created(sent, (labels for _, labels in made.rows), made.families)
    plan = Plan(
        stamp.target, shape, v1.Template(label_sets, began), made.conflicts,
        families=tuple(made.families[index] for index in used), relabelled=made.outcomes, shed=made.shed,
        allowance=stamp.budget.allowance if stamp.budget else None,
        health=len(made.rows) - len(made.kept),
    )  # fmt: skip
    if len(made.kept) == len(shape.rows):
        return plan
    return replace(plan, kept=made.kept, select=Selection(made.kept, len(shape.rows)))


def series_added(plan: Plan, previous: Plan | None) -> int:
    """How many of a target's series its previous plan did not have; all of them the first time."""
    rows = _sent(plan)
    if previous is None:
        return len(rows)
    known = {(row.name, row.labels) for row in _sent(previous)}
    return sum((row.name, row.labels) not in known for row in rows)


def _sent(plan: Plan) -> Sequence[Row]:
    """The rows that a plan sends, under the names of its shape."""
    rows = plan.shape.rows
    return rows if plan.kept is None else [rows[place] for place in plan.kept]
