"""metric_relabel_configs at work on the rows of one target: what stays, under which name, in which family.

The steps see what Prometheus shows them: the payload's labels settled, the target's labels, the name, and
not the external labels (scrape/scrape.go, mutateSampleLabels). Whose series it is no step may change:
guarded labels keep the target's values, and what a step did to them is counted. A result that no
receiver takes costs that series alone, where Prometheus fails the scrape.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pushvar.catalogue import HEALTH
from pushvar.labels.families import renamed
from pushvar.labels.names import illegal
from pushvar.labels.sets import label_set, sort_key
from pushvar.labels.tenancy import restore
from pushvar.model import Family, Labels, MetricType, Row, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.labels.relabel import Relabelling

NAME = "__name__"
_HEALTH_NAMES = frozenset(family.name for family in HEALTH)
_OF_PARTS = frozenset({MetricType.HISTOGRAM, MetricType.SUMMARY})


@dataclass(slots=True)
class Relabelled:
    """The rows that are sent, with their labels without ``__name__``; their places among all rows.

    ``families`` begins with those of the shape, which rows that keep their name still index.
    ``outcomes`` counts, by reason, what became of the rest: ``dropped``, ``illegal``, ``duplicate``,
    ``type_conflict``; and ``guarded``, rows that had labels which a step tried to change.
    """

    families: list[Family]
    rows: list[tuple[Row, Labels]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    _known: set[tuple[str, Labels]] = field(default_factory=set)

    def take(self, place: int, row: Row, labels: Labels) -> None:
        """Send a row, unless one before it has the same name and labels."""
        identity = (row.name, labels)
        if identity in self._known:
            self.skip(row, "duplicate", f"a second {row.name} with the same labels")
            return
        self._known.add(identity)
        self.kept.append(place)
        self.rows.append((row, labels))

    def skip(self, row: Row, outcome: str, reason: str) -> None:
        """Leave a row out."""
        self.outcomes[outcome] += 1
        self.skipped.append(Skipped(row.path, f"metric_relabel_configs: {reason}"))


def relabelled(
    steps: Relabelling,
    rows: Iterable[tuple[Row, Labels]],
    families: Iterable[Family],
    base: Labels,
    external: Labels,
) -> Relabelled:
    """Apply the steps to rows with their labels; ``external`` labels join where a row lacks the name.

    ``base`` are the target's labels: the same object for each row that has no others, and most of those
    rows come out as they went in.
    """
    made = Relabelled([*families])
    places = {family.name: index for index, family in enumerate(made.families)}
    usual = dict(sorted([*base, (NAME, "")], key=sort_key))
    fixed = label_set((*external, *base))
    for place, (row, labels) in enumerate(rows):
        plain = labels is base
        own = usual if plain else dict(sorted([*labels, (NAME, "")], key=sort_key))
        before = {**own, NAME: row.name}
        after = steps.apply(before)
        if after is None:
            made.skip(row, "dropped", "dropped")
        elif plain and after == before:
            made.take(place, row, fixed)
        else:
            made.outcomes["guarded"] += restore(before, after)
            name = after.pop(NAME, "")
            if fault := _fault(name, after):
                made.skip(row, "illegal", fault)
            elif (index := _family(row, name, made.families, places)) is None:
                made.skip(row, "type_conflict", f"type conflict on {name}")
            else:
                named = row if name == row.name else replace(row, name=name, family=index)
                made.take(place, named, label_set((*external, *after.items())))
    return made


def _fault(name: str, labels: Iterable[str]) -> str:
    """Why no receiver may be sent this, or nothing."""
    return f"{name} is a health series" if name in _HEALTH_NAMES else illegal(name, labels)


def _family(row: Row, name: str, families: list[Family], places: dict[str, int]) -> int | None:
    """The index of the family that a row of this name belongs to, or None when its type forbids it.

    A renamed family keeps type and help. It may join one of the new name, whose type then counts; but
    not a histogram or a summary something else.
    """
    if name == row.name:
        return row.family
    family = renamed(families[row.family], row.name, name)
    index = places.setdefault(family.name, len(families))
    if index == len(families):
        families.append(family)
    one, other = families[index].type, family.type
    return None if one is not other and _OF_PARTS & {one, other} else index
