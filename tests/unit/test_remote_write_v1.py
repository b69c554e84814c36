"""Our bytes through the official protobuf runtime: every request decodes to the same series."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.errors import EncodeError
from pushvar.labels.sets import label_set
from pushvar.model import STALE_BITS, Family, MetricType
from pushvar.wire.proto import prometheus_v1_pb2 as official
from pushvar.wire.remote_write import packing, v1

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_SIX_BYTE_MS = 1 << 35
LAST_MS = (1 << 42) - 1

names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,20}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400)
label_sets = st.dictionaries(names, texts, max_size=6).map(lambda pairs: label_set(pairs.items()))
patterns = st.integers(min_value=0, max_value=(1 << 64) - 1)


def template(sets: Sequence[tuple[tuple[str, str], ...]]) -> v1.Template:
    """A template of these label sets."""
    return v1.Template([b"".join(v1.label(name, value) for name, value in labels) for labels in sets])


@given(
    st.lists(st.tuples(label_sets, patterns), max_size=30),
    st.integers(min_value=FIRST_SIX_BYTE_MS, max_value=LAST_MS),
)
def test_the_official_runtime_reads_what_we_pack(series: list[tuple[tuple, int]], time_ms: int) -> None:  # type: ignore[type-arg]
    """Labels, 64-bit value patterns and timestamp arrive exactly, and nothing else is in the bytes."""
    packed = template([labels for labels, _ in series]).pack(
        b"".join(struct.pack("<Q", bits) for _, bits in series), time_ms
    )
    request = official.WriteRequest.FromString(packed)
    assert len(request.timeseries) == len(series)
    for got, (labels, bits) in zip(request.timeseries, series, strict=True):
        assert [(label.name, label.value) for label in got.labels] == list(labels)
        assert [sample.timestamp for sample in got.samples] == [time_ms]
        assert struct.pack("<d", got.samples[0].value) == struct.pack("<Q", bits) or not _is_plain(bits)
    if all(_is_plain(bits) for _, bits in series):
        assert _with_explicit_zeros(request) == len(packed)


def _is_plain(bits: int) -> bool:
    """Whether Python floats keep the pattern: signalling NaNs may be quietened on the way."""
    return bits >> 52 & 0x7FF != 0x7FF or bits == STALE_BITS


def _with_explicit_zeros(request: official.WriteRequest) -> int:
    """The official size of the request; a zero value, which proto3 leaves out, costs us 9 bytes more."""
    size = 0
    for series in request.timeseries:
        body = series.ByteSize() + (0 if struct.pack("<d", series.samples[0].value).strip(b"\0") else 9)
        size += 1 + len(packing.varint(body)) + body
    return size


@pytest.mark.parametrize(
    "size", [0, 1, 115, 116, 117, 120, 121, 122, 123, 124, 127, 128, 129, 16_383, 16_384]
)
def test_labels_of_all_sizes(size: int) -> None:
    """The short form of a label ends where its length needs a second byte."""
    (label,) = official.TimeSeries.FromString(v1.label("code", "v" * size)).labels
    assert (label.name, label.value) == ("code", "v" * size)
    assert v1.label("code", "v" * size).startswith(b"\x0a" + packing.varint(label.ByteSize())) or not size


def test_the_stale_marker_survives() -> None:
    """Its exact eight bytes stand in the request."""
    packed = template([(("__name__", "x"),)]).pack(struct.pack("<Q", STALE_BITS), 1_795_173_629_844)
    assert bytes.fromhex("020000000000f07f") in packed


def test_offsets_cut_between_series() -> None:
    """Each offset is where one series ends and the next begins; any run of series is a request."""
    sets = [(("__name__", f"m{index}"), ("l", "v" * index)) for index in range(20)]
    whole = template(sets)
    packed = whole.pack(struct.pack("<20d", *range(20)), 1_795_173_629_844)
    assert whole.offsets[-1] == len(packed)
    for first, last in ((0, 20), (3, 4), (7, 19)):
        cut = official.WriteRequest.FromString(packed[whole.offsets[first] : whole.offsets[last]])
        assert [series.samples[0].value for series in cut.timeseries] == list(range(first, last))


def test_an_early_timestamp_is_padded() -> None:
    """A time before 1971 still decodes, although it takes more bytes than it needs."""
    packed = template([(("__name__", "x"),)]).pack(struct.pack("<d", 1.0), 1234)
    assert official.WriteRequest.FromString(packed).timeseries[0].samples[0].timestamp == 1234


@pytest.mark.parametrize("time_ms", [-1, LAST_MS + 1, 1_795_173_629_844_000_000])
def test_an_impossible_timestamp_is_refused(time_ms: int) -> None:
    """Nanoseconds, or a time before the epoch, are an error here and not at the receiver."""
    with pytest.raises(EncodeError, match="milliseconds"):
        packing.timestamp(time_ms)


@pytest.mark.parametrize("kind", list(MetricType))
def test_metadata_decodes(kind: MetricType) -> None:
    """Type, name, help and unit arrive in the fields of the specification."""
    family = Family("go_x_bytes", kind, 'what "it" is\nin words', "bytes")
    request = official.WriteRequest.FromString(v1.metadata(family))
    (entry,) = request.metadata
    assert official.MetricMetadata.MetricType.Name(entry.type).lower() == kind.value
    assert (entry.metric_family_name, entry.help, entry.unit) == (family.name, family.help, family.unit)


@given(st.integers(min_value=0, max_value=1 << 63))
def test_varints(number: int) -> None:
    """A varint holds seven bits in each byte, lowest first, and ends where the top bit is clear."""
    encoded = packing.varint(number)
    assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(encoded)) == number
    assert [byte >> 7 for byte in encoded] == [1] * (len(encoded) - 1) + [0]
