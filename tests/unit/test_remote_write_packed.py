"""Packed series come apart into the same series and labels that the official runtime reads."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.errors import EncodeError
from pushvar.labels.sets import label_set
from pushvar.wire.proto import prometheus_v1_pb2 as official
from pushvar.wire.remote_write import packed, v1

if TYPE_CHECKING:
    from pushvar.model import Labels

TIME_MS = 1_795_173_629_844

names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,20}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400)
label_sets = st.dictionaries(names, texts, max_size=6).map(lambda pairs: label_set(pairs.items()))


def pack(sets: list[Labels]) -> bytes:
    """One sample of each series, its place as the value."""
    template = v1.Template([b"".join(v1.label(*label) for label in labels) for labels in sets])
    return template.pack(struct.pack(f"<{len(sets)}d", *range(len(sets))), TIME_MS)


@given(st.lists(label_sets, max_size=20))
def test_series_come_apart(sets: list[Labels]) -> None:
    """Each piece is a request of one series with its labels and value, and all pieces are the whole."""
    whole = pack(sets)
    pieces = packed.series_of(whole)
    assert b"".join(pieces) == whole
    assert [packed.labels_of(piece) for piece in pieces] == sets
    for place, piece in enumerate(pieces):
        (series,) = official.WriteRequest.FromString(piece).timeseries
        assert (series.samples[0].value, series.samples[0].timestamp) == (place, TIME_MS)
        assert packed.labels_of(piece) == tuple((label.name, label.value) for label in series.labels)


def test_a_long_value_comes_apart() -> None:
    """Lengths of three bytes are read: a value of 20,000 bytes arrives whole."""
    labels = (("__name__", "x"), ("text", "ü" * 10_000))
    assert packed.labels_of(pack([labels])) == labels


@given(st.binary(max_size=60))
def test_foreign_bytes_are_refused(noise: bytes) -> None:
    """Whatever the bytes are, they come apart or are an EncodeError, and never another error."""
    try:
        pieces = packed.series_of(noise)
        for piece in pieces:
            packed.labels_of(piece)
    except EncodeError as error:
        assert error.hint  # noqa: PT017 - either outcome is right
    else:
        assert b"".join(pieces) == noise


@given(label_sets.filter(bool), st.data())
def test_a_cut_series_is_refused(labels: Labels, data: st.DataObject) -> None:
    """A series that lost its end, as a damaged spool body would, is not read as a shorter one."""
    whole = pack([labels])
    end = data.draw(st.integers(min_value=1, max_value=len(whole) - 1))
    with pytest.raises(EncodeError):
        packed.series_of(whole[:end])
    with pytest.raises(EncodeError):
        packed.labels_of(whole[:end])


def foreign_series() -> list[bytes]:
    """What other senders write and we do not, each a valid 1.0 series."""
    labels = [official.Label(name="__name__", value="x")]
    sample = official.Sample(value=1.5, timestamp=TIME_MS)
    return [
        official.WriteRequest(timeseries=[series]).SerializeToString()
        for series in (
            official.TimeSeries(labels=labels),
            official.TimeSeries(labels=labels, samples=[sample, sample]),
            official.TimeSeries(labels=labels, samples=[official.Sample(timestamp=TIME_MS)]),
            official.TimeSeries(labels=[official.Label(name="a"), *labels], samples=[sample]),
        )
    ]


@pytest.mark.parametrize("series", foreign_series())
def test_series_of_others_are_refused(series: bytes) -> None:
    """No sample, two, one without its zero value, a label without value: none is taken for ours."""
    with pytest.raises(EncodeError, match=r"cannot be taken apart|no protobuf"):
        packed.labels_of(series)


@pytest.mark.parametrize(
    "labels",
    [
        b"\x12\x01x",
        b"\x0a\x05\x0a\x01a",
        b"\x0a\x07\x0a\x01a\x12\x02xyz",
        b"\x0a\x06\x0a\x01a\x12\x09x",
        b"\x0a\x03\x12\x01x",
    ],
)
def test_labels_of_another_form_are_refused(labels: bytes) -> None:
    """Another field among them, one that runs on, one with more or less than name and value."""
    (series,) = packed.series_of(v1.Template([labels]).pack(bytes(8), TIME_MS))
    with pytest.raises(EncodeError, match="cannot be taken apart"):
        packed.labels_of(series)


def test_what_is_no_series_has_no_labels() -> None:
    """The packed metadata of 1.0 is not taken for a series."""
    with pytest.raises(EncodeError, match="no series"):
        packed.labels_of(b"\x1a\x03\x12\x01x")
