"""Groups -> text 0.0.4. Names and labels are rendered once for each set of plans, then only values. Pure."""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pushvar.catalogue import GROUPING
from pushvar.deliver.groups import STALE, pushed_places, pushed_values
from pushvar.model import PATTERN_BYTES, STALE_BITS, Family, Labels
from pushvar.wire.exposition import FamilySamples, PrintedSample
from pushvar.wire.exposition.escape import value_text
from pushvar.wire.exposition.text import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushvar.deliver.groups import Group
    from pushvar.model import Plan

TEMPLATE_LIMIT = 2_000
"""Groups whose text is kept; one of 60 series takes about 11 KB."""


class Series(NamedTuple):
    """One series of a plan; ``labels`` do not hold ``__name__``."""

    name: str
    family: Family
    labels: Labels


@dataclass(frozen=True, slots=True)
class _Template:
    """The text of a group with ``%s`` for each value; ``order`` says which value stands where."""

    plans: tuple[Plan, ...]
    text: str
    order: tuple[int, ...]

    def serves(self, group: Group) -> bool:
        """Whether the group has exactly the series of this template."""
        return len(self.plans) == len(group.scrapes) and all(
            plan is scrape.plan for plan, scrape in zip(self.plans, group.scrapes, strict=True)
        )

    def fill(self, values: Sequence[float]) -> bytes:
        """The text with these values."""
        return (self.text % tuple([value_text(values[place]) for place in self.order])).encode()


class Bodies:
    """Renders groups; the texts that it keeps are dropped least recently used first.

    ``series_of`` gives the series of a plan, one for each of its values and in their order.
    """

    def __init__(self, series_of: Callable[[Plan], Sequence[Series]], *, limit: int = TEMPLATE_LIMIT) -> None:
        self._series_of = series_of
        self._limit = limit
        self._templates: OrderedDict[tuple[str, ...], _Template] = OrderedDict()

    def body(self, group: Group) -> bytes:
        """The text of a group, stale markers left out. Raises EncodeError for what text cannot say."""
        patterns = b"".join(map(pushed_values, group.scrapes))
        count = len(patterns) // PATTERN_BYTES
        values = struct.unpack(f"<{count}d", patterns)
        if STALE in patterns:
            bits = struct.unpack(f"<{count}Q", patterns)
            fresh = [None if one == STALE_BITS else value for one, value in zip(bits, values, strict=True)]
            return encode(self._families(group, fresh))
        template = self._templates.get(group.key)
        if template is None or not template.serves(group):
            template = self._templates[group.key] = self._template(group, count)
            if len(self._templates) > self._limit:
                self._templates.popitem(last=False)
        self._templates.move_to_end(group.key)
        return template.fill(values)

    def _template(self, group: Group, count: int) -> _Template:
        """Encode each value's place in its stead, and take the places out of the text again."""
        order: list[int] = []
        lines: list[str] = []
        for line in encode(self._families(group, range(count))).decode().split("\n"):
            text = line.replace("%", "%%")
            if text and not text.startswith("#"):
                text, _, place = text.rpartition(" ")
                order.append(int(place))
                text += " %s"
            lines.append(text)
        return _Template(tuple(scrape.plan for scrape in group.scrapes), "\n".join(lines), tuple(order))

    def _families(self, group: Group, values: Sequence[float | None]) -> list[FamilySamples]:
        """The series of all targets of a group, by family; a series whose value is None is left out."""
        families: dict[str, tuple[Family, list[PrintedSample]]] = {}
        series = [
            one for scrape in group.scrapes for one in self._series_of(scrape.plan)[pushed_places(scrape)]
        ]
        for (name, family, labels), value in zip(series, values, strict=True):
            if value is not None:
                sample = PrintedSample(name, _in_body(labels), value)
                families.setdefault(family.name, (family, []))[1].append(sample)
        return [FamilySamples(family, tuple(samples)) for family, samples in families.values()]


def _in_body(labels: Labels) -> Labels:
    """The labels that the grouping key does not carry; a lone surrogate becomes ``?``, as in remote write."""
    return tuple(
        (name, value.encode("utf-8", "replace").decode()) for name, value in labels if name not in GROUPING
    )
