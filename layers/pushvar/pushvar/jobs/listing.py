"""``GET /metrics``: what a customer's living groups hold, in one document, for a Prometheus that scrapes it.

As in a Pushgateway each series has the labels of its group, and ``instance`` in any case, if only an empty
one; scrape it with ``honor_labels: true``. Bodies are read some hundreds at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pushvar.jobs.packing import push_times, unpack
from pushvar.jobs.printing import printed
from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample, openmetrics, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pushvar.jobs.effects import GroupStore
    from pushvar.model import Group, Grouping, Labels

INSTANCE: Final = ("instance", "")

_AT_ONCE: Final = 500
_PARTS: Final = {
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count"),
    MetricType.SUMMARY: ("_sum", "_count"),
}
_OPENMETRICS: Final = "application/openmetrics-text"
_TEXT: Final = frozenset({"text/plain", "text/*", "*/*"})


@dataclass(slots=True)
class _Merged:
    """A family as all groups together have it. The first type and the first help count."""

    name: str
    type: MetricType = MetricType.UNKNOWN
    help: str = ""
    samples: dict[tuple[str, Labels], PrintedSample] = field(default_factory=dict)

    def add(self, group: FamilySamples, labelled: Labelled) -> None:
        """Add what one group has of it."""
        if self.type is MetricType.UNKNOWN:
            self.type = group.family.type
        self.help = self.help or group.family.help
        for sample in group.samples:
            labels = labelled[sample.labels]
            self.samples.setdefault((sample.name, labels), PrintedSample(sample.name, labels, sample.value))

    def finished(self) -> FamilySamples:
        """The family and its samples."""
        return FamilySamples(Family(self.name, self.type, self.help), tuple(self.samples.values()))


class Labelled(dict["Labels", "Labels"]):
    """Labels of a body -> those of the series as it is shown, some of them empty; for one group."""

    def __init__(self, grouping: Grouping) -> None:
        super().__init__()
        self._grouping = grouping

    def __missing__(self, labels: Labels) -> Labels:
        pairs = (*self._grouping, *labels)
        full = self[labels] = tuple(sorted(pairs if INSTANCE[0] in dict(pairs) else (*pairs, INSTANCE)))
        return full


def living(store: GroupStore, tenant: str, now_ms: int) -> Iterator[Group]:
    """A tenant's groups that have not ended, by their labels. Raises StateError."""
    heads = sorted(
        (one for one in store.groups(tenant) if not one.ended(now_ms)), key=lambda one: one.grouping
    )
    for start in range(0, len(heads), _AT_ONCE):
        keys = [head.key for head in heads[start : start + _AT_ONCE]]
        found = store.get_groups(keys)
        yield from (found[key] for key in keys if key in found and not found[key].head.ended(now_ms))


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics to text."""
    best = {True: 0.0, False: 0.0}
    for part in accept.lower().split(","):
        kind, *parameters = (one.strip() for one in part.split(";"))
        quality = next((_number(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
        if kind == _OPENMETRICS or kind in _TEXT:
            best[kind == _OPENMETRICS] = max(best[kind == _OPENMETRICS], quality)
    return best[True] > 0 and best[True] >= best[False]


def document(groups: Iterable[Group], *, as_openmetrics: bool) -> tuple[bytes, str]:
    """All families of these groups, sorted by name, and the type of the document."""
    merged: dict[str, _Merged] = {}
    for group in groups:
        labelled = Labelled(group.head.grouping)
        for one in (*unpack(group.body), *push_times(group.head)):
            name = one.family.name
            if name not in merged:
                merged[name] = _Merged(name)
            merged[name].add(one, labelled)
    families = [merged[name].finished() for name in sorted(merged)]
    if as_openmetrics:
        return openmetrics.encode(families), openmetrics.CONTENT_TYPE
    if _clash(merged):
        return text.encode(families), text.CONTENT_TYPE
    return printed([(one.family, one.samples) for one in families]), text.CONTENT_TYPE


def _clash(merged: dict[str, _Merged]) -> bool:
    """Whether a family has samples that its type, or another one's name, forbids; no single group has any."""
    for name, one in merged.items():
        parts = _PARTS.get(one.type, ())
        allowed = {name, *(name + part for part in parts)}
        if any(name + part in merged for part in parts) or not {key[0] for key in one.samples} <= allowed:
            return True
    return False


def _number(text_of_it: str) -> float:
    try:
        return float(text_of_it)
    except ValueError:
        return 0.0
