"""Which ``_created`` samples of a text tell when other series began: matched by name and labels, once a plan.

OpenMetrics counters, histograms and summaries have them; in the text format, which has none, official
clients print them as gauges of their own. They stay series like others. Source: OpenMetrics 1.0, "Suffixes".
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from pushvar.convert.input_format import TEXT_RULE
from pushvar.model import MetricType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pushvar.model import Created, Family, Labels, Row

_CREATED: Final = "_created"
_TOTAL: Final = "_total"

_PARTS: Final = {
    MetricType.COUNTER: {_TOTAL: ""},
    MetricType.HISTOGRAM: {"_bucket": "le", "_sum": "", "_count": ""},
    MetricType.SUMMARY: {"": "quantile", "_sum": "", "_count": ""},
}
"""What the series of a family end in, and the label that they have beyond those of its ``_created``."""

_APART: Final = frozenset({MetricType.GAUGE, MetricType.UNKNOWN})
"""Types of a family that is called like a ``_created`` sample: a counter of that name counts creations."""


def created(rows: Sequence[Row], labels: Iterable[Labels], families: Sequence[Family]) -> Created:
    """The places of ``_created`` samples among the rows of a plan, and of the series that began then.

    ``labels`` are those of each row that are compared; the rows index ``families``. What is read from
    anything but text has none.
    """
    if not rows or rows[0].rule != TEXT_RULE:
        return ()
    pairs = [*zip(rows, labels, strict=False)]
    tellers = {
        (row.name.removesuffix(_CREATED), labels): place
        for place, (row, labels) in enumerate(pairs)
        if row.name.endswith(_CREATED) and _tells(row.name, families[row.family])
    }
    told: dict[int, list[int]] = defaultdict(list)
    for place, identity in _counted(pairs, families) if tellers else ():
        if identity in tellers:
            told[tellers[identity]].append(place)
    return tuple((teller, tuple(places)) for teller, places in told.items())


def _tells(name: str, family: Family) -> bool:
    return family.name != name or family.type in _APART


def _counted(
    pairs: Sequence[tuple[Row, Labels]], families: Sequence[Family]
) -> Iterator[tuple[int, tuple[str, Labels]]]:
    """The place of each series that counts from some moment on: its metric, and the labels of that."""
    for place, (row, labels) in enumerate(pairs):
        family = families[row.family]
        parts = _PARTS.get(family.type)
        stem = family.name.removesuffix(_TOTAL) if family.type is MetricType.COUNTER else family.name
        if parts is None or not row.name.startswith(stem):
            continue
        more = parts.get(row.name[len(stem) :])
        if more is not None:
            yield place, (stem, tuple([pair for pair in labels if pair[0] != more]) if more else labels)
