"""write_relabel_configs at work on a plan: the series that one backend is sent, and under which labels. Pure.

The steps see each series as it would be sent: final labels, external ones among them, and the health
series too (storage/remote/queue_manager.go, Append). Whose series it is no step may change: guarded labels
keep their values, as in metric_relabel_configs, and what no receiver takes costs that series alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from pushvar.catalogue import HEALTH
from pushvar.labels.families import family_of, renamed
from pushvar.labels.names import illegal
from pushvar.labels.selection import Selection
from pushvar.labels.sets import label_set
from pushvar.labels.tenancy import restore
from pushvar.model import PATTERN_BYTES, Plan, Scrape
from pushvar.wire.remote_write import v1
from pushvar.wire.remote_write.packed import labels_of, series_of

if TYPE_CHECKING:
    from pushvar.labels.relabel import Relabelling
    from pushvar.model import Created, Family, SeriesTemplate

_NAME = "__name__"

_label = lru_cache(maxsize=65_536)(v1.label)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A plan as one backend is sent it.

    ``select`` takes the values and times of what is left out of those of all; None leaves them.
    ``outcomes`` counts series by reason: ``dropped``, ``illegal`` and ``duplicate`` are not sent,
    ``guarded`` ones have labels which a step tried to change.
    """

    plan: Plan
    select: Selection | None = None
    outcomes: tuple[tuple[str, int], ...] = ()

    def scrape(self, scrape: Scrape) -> Scrape:
        """A scrape of the plan before, as one of this plan."""
        values, times_ms = scrape.values, scrape.times_ms
        if self.select is not None:
            values, times_ms = self.select(values, times_ms)
        return Scrape(
            self.plan, values, scrape.time_ms, scrape.reason, scrape.detail, scrape.duration_s,
            scrape.body_bytes, scrape.samples, scrape.repairs, times_ms,
        )  # fmt: skip


@dataclass(slots=True)
class _Draft:
    """The series so far: the label bytes of each, its place among all, and the families of renamed ones."""

    known: dict[str, Family]
    label_sets: dict[bytes, int] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)

    def take(self, place: int, packed: bytes, name: str, after: str) -> None:
        """Send a series, unless one before it has the same labels."""
        if packed in self.label_sets:
            self.outcomes["duplicate"] += 1
            return
        self.label_sets[packed] = place
        family = family_of(name, self.known)
        if family is not None:
            family = family if name == after else renamed(family, name, after)
            self.families.setdefault(family.name, family)


def rewritten(steps: Relabelling, plan: Plan) -> Rewritten:
    """Apply the steps to every series of a plan; the first of series that become equal stays."""
    draft = _Draft({family.name: family for family in (*plan.families, *HEALTH)})
    label_sets = plan.template.label_sets
    changed = False
    for place, series in enumerate(_packed_series(plan.template)):
        before = dict(labels_of(series))
        after = steps.apply(before)
        if after == before:
            draft.take(place, label_sets[place], before[_NAME], before[_NAME])
        elif after is None:
            draft.outcomes["dropped"] += 1
        else:
            changed = True
            draft.outcomes["guarded"] += restore(before, after)
            name = after.get(_NAME, "")
            if illegal(name, after):
                draft.outcomes["illegal"] += 1
            else:
                draft.take(place, _packed(after), before[_NAME], name)
    return _finished(plan, draft, len(label_sets), changed=changed)


def _packed_series(template: SeriesTemplate) -> list[bytes]:
    """Every series of a template as it is packed, each with a sample that means nothing."""
    return series_of(template.pack(bytes(PATTERN_BYTES * template.count), 0))


def _finished(plan: Plan, draft: _Draft, count: int, *, changed: bool) -> Rewritten:
    kept = tuple(draft.label_sets.values())
    outcomes = tuple(sorted((+draft.outcomes).items()))
    if not changed and len(kept) == count:
        return Rewritten(plan, outcomes=outcomes)  # the same template: what is cached by it stays
    health = {family.name for family in HEALTH}
    families = tuple(family for name, family in draft.families.items() if name not in health)
    template = v1.Template([*draft.label_sets], _created(plan.template.created, kept))
    made = replace(plan, template=template, families=families)
    return Rewritten(made, None if len(kept) == count else Selection(kept, count), outcomes)


def _created(before: Created, kept: tuple[int, ...]) -> Created:
    """Which of the series that stay tell when others of them began: a new name does not change that."""
    if not before:
        return ()
    places = {old: new for new, old in enumerate(kept)}
    found = [
        (places[teller], tuple([places[one] for one in told if one in places]))
        for teller, told in before
        if teller in places
    ]
    return tuple([(teller, told) for teller, told in found if told])


def _packed(labels: dict[str, str]) -> bytes:
    return b"".join([_label(name, value) for name, value in label_set(labels.items())])
