"""Shape x one target's labels -> Plan: the finished label bytes of every series.

Rows without labels of their own share all their label bytes but the name's, so a plan is cheap even
for a target that this process has never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pushvar.catalogue import HEALTH
from pushvar.convert.health import health_rows
from pushvar.labels.sets import label_set, settle
from pushvar.model import Family, Labels, Plan, Row, Shape, Target
from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "__name__"
_NAME_KEY = NAME.encode()

_label = lru_cache(maxsize=65_536)(v1.label)
_name_label = lru_cache(maxsize=65_536)(lambda name: v1.label(NAME, name))


def all_rows(shape: Shape) -> tuple[Row, ...]:
    """The shape's rows and behind them the health rows: the order of every scrape's values."""
    return (*shape.rows, *health_rows(len(shape.families)))


def all_families(shape: Shape) -> tuple[Family, ...]:
    """The shape's families and behind them the health families, as rows index them."""
    return (*shape.families, *HEALTH)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The labels that one target puts on every series.

    ``external`` labels are added where neither target nor payload has the name (Prometheus'
    ``external_labels``); with ``honor`` a payload keeps its own value of a label that is not guarded.
    """

    target: Target
    external: Labels = ()
    honor: bool = False

    @property
    def own(self) -> frozenset[str]:
        """The names that belong to the target."""
        return frozenset(name for name, _ in self.target.labels)

    @property
    def fixed(self) -> Labels:
        """What every series carries, whatever the payload says."""
        return label_set((*self.external, *self.target.labels))


def compile_plan(stamp: Stamp, shape: Shape) -> Plan:
    """Compile the plan of one target: its label bytes, sorted, unique, never empty."""
    own, fixed = stamp.own, {name.encode(): _label(name, value) for name, value in stamp.fixed}
    before = b"".join([fixed[name] for name in fixed if name < _NAME_KEY])
    after = b"".join([fixed[name] for name in fixed if name > _NAME_KEY])
    label_sets: list[bytes] = []
    conflicts = 0
    for row in all_rows(shape):
        if row.labels:
            settled, renamed = settle(row.labels, own, honor=stamp.honor)
            conflicts += renamed
            full = {**fixed, **{name.encode(): _label(name, value) for name, value in settled if value}}
            full[_NAME_KEY] = _name_label(row.name)
            label_sets.append(b"".join([full[name] for name in sorted(full)]))
        else:
            label_sets.append(before + _name_label(row.name) + after)
    return Plan(stamp.target, shape, v1.Template(label_sets), conflicts)


def labelled_rows(stamp: Stamp, shape: Shape) -> Iterator[tuple[Row, Labels]]:
    """Each row of a plan with its label set, without ``__name__``: what people are shown."""
    own, fixed = stamp.own, stamp.fixed
    for row in all_rows(shape):
        settled, _ = settle(row.labels, own, honor=stamp.honor)
        yield row, label_set((*fixed, *settled))


def series_added(shape: Shape, previous: Shape | None) -> int:
    """How many of a target's series its previous shape did not have; all of them the first time."""
    if previous is None:
        return len(shape.rows)
    known = {(row.name, row.labels) for row in previous.rows}
    return sum((row.name, row.labels) not in known for row in shape.rows)
