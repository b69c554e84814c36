"""The strings of one remote-write 2.0 request, each once; the labels and metadata of series refer to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.model import MetricType
from pushvar.wire.remote_write import v1
from pushvar.wire.remote_write.packed import label_bytes, label_fields, pair_of
from pushvar.wire.remote_write.packing import length_delimited, varint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pushvar.model import Family

_SYMBOL = 4  # field of Request
_METADATA = 5  # field of TimeSeries
_TYPE_TAG, _HELP_TAG, _UNIT_TAG = b"\x08", b"\x18", b"\x20"  # fields 1, 3 and 4 of Metadata, varints
_LONG = 0x80  # the first length that takes two bytes

_HAVE = {
    "_bucket": (MetricType.HISTOGRAM,),
    "_sum": (MetricType.HISTOGRAM, MetricType.SUMMARY),
    "_count": (MetricType.HISTOGRAM, MetricType.SUMMARY),
    "_total": (MetricType.COUNTER,),
    "_created": (MetricType.COUNTER, MetricType.HISTOGRAM, MetricType.SUMMARY),
    "_info": (MetricType.INFO,),
}
"""Suffix of a sample's name -> the types whose families have such samples (OpenMetrics 1.0, "Suffixes")."""


class Symbols:
    """The strings of one request, each once, the empty one first; and what refers to them."""

    def __init__(self, families: Mapping[str, Family]) -> None:
        self.unknown = False
        self._families = families
        self._places: dict[bytes, int] = {b"": 0}
        self._known: dict[bytes, tuple[bytes, bytes]] = {}

    def packed(self) -> bytes:
        """All symbols as the first field of the request."""
        return b"".join([length_delimited(_SYMBOL, symbol) for symbol in self._places])

    def of(self, series: bytes) -> tuple[bytes, bytes]:
        """The references of the labels of a packed series, and its metadata as a field.

        The first label is its name as a rule, and the others are the same in many series of a target: they
        are looked up as one.
        """
        labels = label_bytes(series)
        cut = _end_of_first(labels)
        name, others = labels[:cut], labels[cut:]
        first = self._known.get(name) or self._look_up(name)
        rest = self._known.get(others) or self._look_up(others)
        return first[0] + rest[0], first[1] or rest[1]

    def _look_up(self, labels: bytes) -> tuple[bytes, bytes]:
        """The references of some packed labels; and the metadata of the metric, when its name is there."""
        fields = label_fields(labels)
        if len(fields) == 1:
            found = self._label(labels)
        else:
            each = [self._known.get(field) or self._look_up(field) for field in fields]
            found = b"".join([refs for refs, _ in each]), b"".join([metadata for _, metadata in each])
        self._known[labels] = found
        return found

    def _label(self, label: bytes) -> tuple[bytes, bytes]:
        name, value = pair_of(label)
        refs = varint(self._place(name)) + varint(self._place(value))
        return refs, self._told(value.decode()) if name == b"__name__" else b""

    def _place(self, symbol: bytes) -> int:
        return self._places.setdefault(symbol, len(self._places))

    def _told(self, name: str) -> bytes:
        """The metadata field of a metric; nothing of one that no family has."""
        family = family_of(name, self._families)
        if family is None:
            self.unknown = True
            return b""
        body = b"".join(self._of_family(family))
        return length_delimited(_METADATA, body) if body else b""

    def _of_family(self, family: Family) -> Iterator[bytes]:
        kind = v1.METADATA_TYPES[family.type]
        for tag, number in (
            (_TYPE_TAG, kind),
            (_HELP_TAG, self._place(family.help.encode("utf-8", "replace"))),
            (_UNIT_TAG, self._place(family.unit.encode("utf-8", "replace"))),
        ):
            if number:
                yield tag + varint(number)


def _end_of_first(labels: bytes) -> int:
    """Where the first packed label ends; 0 when it is not seen at once, because it is long."""
    return 2 + labels[1] if len(labels) > 1 and labels[1] < _LONG else 0


def family_of(name: str, families: Mapping[str, Family]) -> Family | None:
    """The family of a sample's name: that of the same name, or the one whose samples have its suffix."""
    if name in families:
        return families[name]
    stem, underscore, word = name.rpartition("_")
    family = families.get(stem)
    return family if family is not None and family.type in _HAVE.get(underscore + word, ()) else None
