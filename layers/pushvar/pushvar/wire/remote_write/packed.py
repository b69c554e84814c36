"""Packed series taken apart again: what ``v1.Template`` put together, and nothing else.

Read are exactly our own bytes: labels, then one sample of fixed size. Whatever else a protobuf decoder
would take is an EncodeError here, as it cannot come from us.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pushvar.errors import EncodeError
from pushvar.wire.remote_write.packing import read_varint
from pushvar.wire.remote_write.v1 import SAMPLE_BYTES, SAMPLE_HEAD, TIME_TAG, TIMESERIES

if TYPE_CHECKING:
    from pushvar.model import Labels

_LABEL = 0x0A  # field 1 of TimeSeries, length delimited
_NAME, _VALUE = 0x0A, 0x12  # fields 1 and 2 of Label, the same
_TIME_PLACE = len(SAMPLE_HEAD) + 8  # behind the value


def series_of(packed: bytes) -> list[bytes]:
    """Each series of packed bytes, with its own tag and length; any of them, joined, are a request again.

    Raises EncodeError for bytes that are not one series after the other.
    """
    series = []
    start, size = 0, len(packed)
    while start < size:
        if packed[start] != TIMESERIES[0]:
            raise _foreign(f"no series starts at byte {start}")
        length, body = read_varint(packed, start + 1)
        end = body + length
        if end > size:
            raise _foreign(f"the series at byte {start} is cut off")
        series.append(packed[start:end])
        start = end
    return series


def labels_of(series: bytes) -> Labels:
    """The label set of one packed series, ``__name__`` among them, in the order in which it is sent.

    Raises EncodeError for bytes that ``v1.Template`` did not pack.
    """
    pairs = map(pair_of, label_fields(label_bytes(series)))
    return tuple((name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in pairs)


def label_bytes(series: bytes) -> bytes:
    """What stands in one packed series before its sample: the packed labels, one after the other.

    Raises EncodeError when it does not end with one sample of our size.
    """
    if series[:1] != TIMESERIES:
        raise _foreign("no series")
    length, place = read_varint(series, 1)
    end = len(series) - SAMPLE_BYTES
    if place + length != len(series) or end < place or not _is_sample(series[end:]):
        raise _foreign("a series without one sample of fixed size at its end")
    return series[place:end]


def label_fields(labels: bytes) -> list[bytes]:
    """Packed labels, each with its tag and length; raises EncodeError when anything else is among them."""
    fields = []
    place, end = 0, len(labels)
    while place < end:
        if labels[place] != _LABEL:
            raise _foreign("a series with more than labels and a sample")
        size, body = read_varint(labels, place + 1)
        fields.append(labels[place : body + size])
        place = body + size
    if place != end:
        raise _foreign("a label that runs into the sample")
    return fields


@lru_cache(maxsize=65_536)
def pair_of(label: bytes) -> tuple[bytes, bytes]:
    """Name and value of one packed label, as UTF-8; raises EncodeError for anything else.

    Few labels stand in many series, so each is taken apart once.
    """
    _, name_tag = read_varint(label, 1)
    name, value_tag = _text(label, name_tag, _NAME)
    value, end = _text(label, value_tag, _VALUE)
    if end != len(label):
        raise _foreign("a label with more than name and value")
    return name, value


def _text(label: bytes, place: int, tag: int) -> tuple[bytes, int]:
    if label[place : place + 1] != bytes((tag,)):
        raise _foreign("a label without name and value in that order")
    size, start = read_varint(label, place + 1)
    if start + size > len(label):
        raise _foreign("a label that is cut off")
    return label[start : start + size], start + size


def _is_sample(sample: bytes) -> bool:
    return sample.startswith(SAMPLE_HEAD) and sample[_TIME_PLACE] == TIME_TAG[0]


def _foreign(what: str) -> EncodeError:
    return EncodeError(
        f"packed series cannot be taken apart: {what}", hint="only bytes that pushvar packed itself are read"
    )
