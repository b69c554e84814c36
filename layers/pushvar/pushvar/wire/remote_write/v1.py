"""Remote write 1.0: series templates, metadata, headers. Bytes out, no I/O.

A template holds the finished label bytes of every series of a plan. A cycle only fills in 8 value
bytes and one timestamp for each. Messages and field numbers: the
remote-write 1.0 specification; ``wire/proto/prometheus_v1.proto`` repeats them.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING

from pushvar.model import MetricType
from pushvar.wire.remote_write.packing import length_delimited, timestamp, varint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.model import Created, Family, Times

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",  # the literal for all of 1.x
}

TIMESERIES = b"\x0a"  # field 1, length delimited
SAMPLE_HEAD = b"\x12\x10\x09"  # field 2, 16 bytes long, then field 1 as fixed64: the value
TIME_TAG = b"\x10"  # field 2 as varint: the timestamp
SAMPLE_BYTES = 18  # head (3), value (8), tag (1), timestamp (6)

_MORE = 0x80  # set in each byte of a length but the last
_SHORT_LABEL = 4  # tags and lengths of name and value

METADATA_TYPES = {
    MetricType.UNKNOWN: 0,
    MetricType.COUNTER: 1,
    MetricType.GAUGE: 2,
    MetricType.HISTOGRAM: 3,
    MetricType.SUMMARY: 5,
    MetricType.INFO: 6,
}


@lru_cache(maxsize=65_536)
def label(name: str, value: str) -> bytes:
    """One Label as it stands inside a TimeSeries; a lone surrogate, which UTF-8 cannot say, becomes ``?``.

    Few labels stand in many series, so each is packed once.
    """
    key, text = name.encode(), value.encode("utf-8", "replace")
    size = len(key) + len(text) + _SHORT_LABEL
    if size < _MORE:  # each of its three lengths is one byte: nearly every label
        return b"\x0a%c\x0a%c%b\x12%c%b" % (size, len(key), key, len(text), text)
    return length_delimited(1, length_delimited(1, key) + length_delimited(2, text))


@lru_cache(maxsize=1024)
def opening(labels_bytes: int) -> bytes:
    """What a TimeSeries with labels of this size begins with: its tag and its length."""
    return TIMESERIES + varint(labels_bytes + SAMPLE_BYTES)


_FINGERPRINT_BYTES = 12


class Pieces:
    """The series of one plan, waiting for values and a timestamp.

    ``columns`` hold what stands before the value of each series, in one piece or cut into several: the first
    begins with ``opening`` of the size of all labels, the last ends with ``SAMPLE_HEAD``. Templates that
    share pieces need little memory of their own, and a shared piece is still in the processor's cache when
    the next template is packed.
    ``count`` says how many series there are; ``created`` which of them tell when others began: 1.0 has no
    word for it, 2.0 does.
    """

    __slots__ = ("_columns", "_fingerprint", "_values", "count", "created")

    def __init__(self, *columns: Sequence[bytes], created: Created = ()) -> None:
        self.count = len(columns[0])
        self.created = created
        self._columns = columns
        self._fingerprint = b""
        self._values = _value_slots(self.count)

    def _heads(self) -> Iterable[bytes]:
        return map(b"".join, zip(*self._columns, strict=True))

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where each series starts in the packed bytes, and the total length at the end."""
        slots = SAMPLE_BYTES - len(SAMPLE_HEAD)
        return tuple(accumulate((len(head) + slots for head in self._heads()), initial=0))

    @property
    def label_sets(self) -> tuple[bytes, ...]:
        """The encoded labels of each series."""
        tail = len(SAMPLE_HEAD)
        return tuple([head[_labels_start(head) : -tail] for head in self._heads()])

    @property
    def fingerprint(self) -> bytes:
        """A hash of the label sets in their order: equal for equal series."""
        if not self._fingerprint:
            self._fingerprint = fingerprint(self.label_sets)
        return self._fingerprint

    def pack(self, values: bytes, time_ms: int, times_ms: Times = ()) -> bytes:
        """Give all series as the bytes of ``WriteRequest.timeseries``, one sample each.

        ``values`` are the 64-bit patterns of the samples, little endian, in the order of the
        series; they are copied as they are, so a stale marker stays one. ``times_ms`` are own times of
        the first series, None where one has none.
        """
        step = len(self._columns) + 2
        parts = [TIME_TAG + timestamp(time_ms)] * (step * self.count)
        for place, column in enumerate(self._columns):
            parts[place::step] = column
        parts[step - 2 :: step] = self._values.unpack(values)
        if times_ms:
            own = [TIME_TAG + timestamp(time_ms if one is None else one) for one in times_ms]
            parts[step - 1 : step * len(own) : step] = own
        return b"".join(parts)


class Template(Pieces):
    """A template of whole label sets: those of each series encoded and sorted, one ``bytes`` each."""

    __slots__ = ()

    def __init__(self, label_sets: Sequence[bytes], created: Created = ()) -> None:
        heads = [b"%b%b%b" % (opening(len(labels)), labels, SAMPLE_HEAD) for labels in label_sets]
        super().__init__(heads, created=created)


def fingerprint(label_sets: Iterable[bytes]) -> bytes:
    """A hash of encoded label sets in their order, 12 bytes: they tell apart what one shard remembers."""
    digest = blake2b(digest_size=_FINGERPRINT_BYTES)
    for labels in label_sets:
        digest.update(varint(len(labels)) + labels)
    return digest.digest()


def _labels_start(head: bytes) -> int:
    """Where the labels begin: behind the tag and the length of the whole series."""
    place = 1
    while head[place] >= _MORE:
        place += 1
    return place + 1


@lru_cache(maxsize=1024)
def _value_slots(count: int) -> struct.Struct:
    """Cuts the patterns of so many values apart, in one call."""
    return struct.Struct("8s" * count)


def metadata(family: Family) -> bytes:
    """One MetricMetadata as the bytes of ``WriteRequest.metadata`` (field 3; help 4, unit 5)."""
    body = b""
    kind = METADATA_TYPES[family.type]
    if kind:
        body += b"\x08" + varint(kind)
    body += length_delimited(2, family.name.encode())
    if family.help:
        body += length_delimited(4, family.help.encode())
    if family.unit:
        body += length_delimited(5, family.unit.encode())
    return length_delimited(3, body)
