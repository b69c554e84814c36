"""2.0 requests through the official protobuf runtime: the same series as 1.0, and the rules of symbols."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.catalogue import HEALTH
from pushvar.errors import EncodeError
from pushvar.labels.sets import label_set
from pushvar.model import STALE_BITS, Family, Labels, MetricType
from pushvar.wire.proto.write_v2_pb2 import Metadata, Request, TimeSeries
from pushvar.wire.remote_write import v1, v2

TIME_MS = 1_795_173_629_844
NOTHING: dict[str, Family] = {}

names = st.sampled_from(["A", "Zone", "_x", "env", "instance", "job", "le", "plan_type"])
metrics = st.sampled_from(["go_goroutines", "x_seconds_bucket", "x_seconds_sum", "x_seconds_count", "up"])
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=150)
label_sets = st.builds(
    lambda metric, pairs: label_set({**pairs, "__name__": metric}.items()),
    metrics,
    st.dictionaries(names, texts, max_size=4),
)
finite = st.floats(allow_nan=False).map(lambda value: struct.unpack("<Q", struct.pack("<d", value))[0])
patterns = finite | st.sampled_from([STALE_BITS, 0x7FF8000000000001])
series = st.lists(st.tuples(label_sets, patterns), min_size=1, max_size=6, unique_by=lambda one: one[0])

FAMILIES = {
    family.name: family
    for family in (
        Family("go_goroutines", MetricType.GAUGE, 'How many "goroutines"\nthere are.'),
        Family("x_seconds", MetricType.HISTOGRAM, "How long x took.", "seconds"),
        *HEALTH,
    )
}


@dataclass(frozen=True, slots=True)
class Packed:
    """A part as batches hold it, and the template it came from."""

    part: bytes
    template: v1.Template


def pack(content: list[tuple[Labels, int]], time_ms: int = TIME_MS) -> Packed:
    """Pack label sets and 64-bit patterns as one part."""
    template = v1.Template([b"".join(v1.label(*label) for label in labels) for labels, _ in content])
    return Packed(template.pack(b"".join(struct.pack("<Q", bits) for _, bits in content), time_ms), template)


def named(*found: str) -> list[tuple[Labels, int]]:
    """Series that have nothing but these names."""
    return [((("__name__", name),), 0) for name in found]


def encoded(*packed: Packed, families: dict[str, Family] = FAMILIES) -> Request:
    """One request of these parts, decoded: the same with templates and without."""
    parts, templates = [one.part for one in packed], [one.template for one in packed]
    encoder = v2.RequestEncoder()
    first = encoder.encode(parts, templates, families)
    assert encoder.encode(parts, templates, families) == first
    assert encoder.encode(parts, (), families) == first
    assert encoder.encode(parts, [*templates[:-1], None], families) == first
    return Request.FromString(first)


def labels_in(request: Request, one: TimeSeries) -> Labels:
    """The labels that references stand for."""
    found = [request.symbols[place] for place in one.labels_refs]
    return tuple(zip(found[0::2], found[1::2], strict=True))


def metadata_in(request: Request) -> dict[str, tuple[str, str, str]]:
    """Name of a metric -> type, help, unit."""
    return {
        dict(labels_in(request, one))["__name__"]: (
            Metadata.MetricType.Name(one.metadata.type).removeprefix("METRIC_TYPE_").lower(),
            request.symbols[one.metadata.help_ref],
            request.symbols[one.metadata.unit_ref],
        )
        for one in request.timeseries
    }


def test_the_headers_are_exact() -> None:
    """No space before the parameter: client_golang would not see it and take the body for 1.0."""
    assert v2.HEADERS == {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        "X-Prometheus-Remote-Write-Version": "2.0.0",
    }
    assert v1.HEADERS["Content-Type"] == "application/x-protobuf"
    assert v1.HEADERS["X-Prometheus-Remote-Write-Version"] == "0.1.0"


@given(st.lists(series, min_size=1, max_size=3), st.integers(min_value=0, max_value=(1 << 42) - 1))
def test_the_same_series_as_1_0(targets: list[list[tuple[Labels, int]]], time_ms: int) -> None:
    """Labels in their order, the 64-bit patterns and the timestamp are those of 1.0, one sample each."""
    request = encoded(*[pack(content, time_ms) for content in targets])
    wanted = [one for content in targets for one in content]
    assert len(request.timeseries) == len(wanted)
    for got, (labels, bits) in zip(request.timeseries, wanted, strict=True):
        assert labels_in(request, got) == labels
        (sample,) = got.samples
        assert struct.pack("<d", sample.value) == struct.pack("<Q", bits)
        assert (sample.timestamp, sample.start_timestamp) == (time_ms, 0)
        assert not got.histograms
        assert not got.exemplars


@given(st.lists(series, min_size=1, max_size=3))
def test_the_rules_of_symbols(targets: list[list[tuple[Labels, int]]]) -> None:
    """The first is empty, none comes twice, every reference is in range and they come in pairs."""
    request = encoded(*[pack(content) for content in targets])
    assert request.symbols[0] == ""
    assert len(set(request.symbols)) == len(request.symbols)
    used = {0}
    for one in request.timeseries:
        assert len(one.labels_refs) % 2 == 0
        used |= {*one.labels_refs, one.metadata.help_ref, one.metadata.unit_ref}
    assert used == set(range(len(request.symbols))), "every symbol is referred to, and no other"


def test_fields_stand_in_the_order_of_their_numbers() -> None:
    """Official classes write a request to the very same bytes, so any decoder sees what it is used to."""
    packed = pack([((("__name__", name), ("le", "1")), 0x3FF0000000000000) for name in FAMILIES])
    made = v2.RequestEncoder().encode([packed.part], [packed.template], FAMILIES)
    assert Request.FromString(made).SerializeToString(deterministic=True) == made


def test_the_stale_marker_survives() -> None:
    """Its exact eight bytes stand in the request."""
    packed = pack([((("__name__", "x"),), STALE_BITS)])
    for templates in ((), (packed.template,)):
        assert bytes.fromhex("09020000000000f07f10") in v2.RequestEncoder().encode(
            [packed.part], templates, NOTHING
        )


def test_a_warm_request_has_the_new_values_and_times() -> None:
    """What is kept of a request are its labels: values and times come from the parts of this cycle."""
    encoder = v2.RequestEncoder()
    first, second = pack(named("a", "b")), pack(named("c"))
    templates = [first.template, second.template]
    for cycle in range(3):
        values = struct.pack("<2d", cycle, cycle + 0.5)
        parts = [
            first.template.pack(values, TIME_MS + cycle, (7, None)),
            second.template.pack(values[:8], TIME_MS),
        ]
        request = Request.FromString(encoder.encode(parts, templates, NOTHING))
        samples = [(one.samples[0].value, one.samples[0].timestamp) for one in request.timeseries]
        assert samples == [(cycle, 7), (cycle + 0.5, TIME_MS + cycle), (cycle, TIME_MS)]


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("go_goroutines", ("gauge", 'How many "goroutines"\nthere are.', "")),
        ("x_seconds_bucket", ("histogram", "How long x took.", "seconds")),
        ("x_seconds_sum", ("histogram", "How long x took.", "seconds")),
        ("x_seconds_count", ("histogram", "How long x took.", "seconds")),
        ("x_seconds_created", ("histogram", "How long x took.", "seconds")),
        ("scrape_duration_seconds", ("gauge", "How long the fetch took.", "seconds")),
        ("x_seconds_total", ("unspecified", "", "")),
        ("go_goroutines_count", ("unspecified", "", "")),
        ("nobody_knows", ("unspecified", "", "")),
    ],
)
def test_metadata_of_a_series(metric: str, told: tuple[str, str, str]) -> None:
    """All series of a family have its metadata; a name of no family, or a suffix its type has not, none."""
    assert metadata_in(encoded(pack(named(metric)))) == {metric: told}


@pytest.mark.parametrize("kind", list(MetricType))
def test_every_type_has_its_number(kind: MetricType) -> None:
    """The types are those of 1.0 by the same numbers; unknown is the 2.0 word unspecified."""
    request = encoded(pack(named("x")), families={"x": Family("x", kind)})
    word = "unspecified" if kind is MetricType.UNKNOWN else kind.value
    assert metadata_in(request) == {"x": (word, "", "")}


def test_an_exact_name_wins_over_a_suffix() -> None:
    """A gauge that is called like the count of a summary keeps its own metadata."""
    families = {
        "x": Family("x", MetricType.SUMMARY, "A summary."),
        "x_count": Family("x_count", MetricType.GAUGE, "A gauge."),
        "y": Family("y", MetricType.COUNTER, "A counter."),
    }
    request = encoded(pack(named("x", "x_sum", "x_count", "y_total")), families=families)
    assert metadata_in(request) == {
        "x": ("summary", "A summary.", ""),
        "x_sum": ("summary", "A summary.", ""),
        "x_count": ("gauge", "A gauge.", ""),
        "y_total": ("counter", "A counter.", ""),
    }


def test_metadata_comes_as_soon_as_the_family_is_known() -> None:
    """A compiled request whose family comes later is not sent without metadata for ever."""
    encoder, packed, families = v2.RequestEncoder(), pack(named("x")), dict(NOTHING)

    def told() -> dict[str, tuple[str, str, str]]:
        return metadata_in(Request.FromString(encoder.encode([packed.part], [packed.template], families)))

    assert told() == {"x": ("unspecified", "", "")}
    families["x"] = Family("x", MetricType.COUNTER, "A counter.")
    assert told() == {"x": ("counter", "A counter.", "")}
    families = {"x": Family("x", MetricType.GAUGE, "Of another configuration.")}
    assert told() == {"x": ("gauge", "Of another configuration.", "")}


def test_what_is_kept_is_bounded() -> None:
    """Requests of ever new templates take no more memory than the limit, and stay right."""
    encoder = v2.RequestEncoder(series_limit=10)
    for turn in range(50):
        packed = pack(named(f"a_{turn}", f"b_{turn}", f"c_{turn}"))
        request = Request.FromString(encoder.encode([packed.part], [packed.template], NOTHING))
        assert list(metadata_in(request)) == [f"a_{turn}", f"b_{turn}", f"c_{turn}"]
        kept = [compiled.count for compiled in encoder._compiled.values()]
        assert sum(kept) == encoder._kept <= 10


def test_long_texts_are_kept_whole() -> None:
    """A value of 10 KB and a help text of 3 KB arrive as they are."""
    families = {"x": Family("x", MetricType.GAUGE, "ü" * 1_500)}
    labels = (("__name__", "x"), ("text", "€" * 3_400))
    request = encoded(pack([(labels, 0)]), families=families)
    assert labels_in(request, request.timeseries[0]) == labels
    assert metadata_in(request)["x"][1] == "ü" * 1_500


@pytest.mark.parametrize("size", [100, 121, 122, 123, 124, 127, 128, 300, 20_000])
def test_a_long_label_before_the_name(size: int) -> None:
    """Upper case sorts before the metric's name; lengths of one, two and three bytes are all read."""
    labels = (("A", "a" * size), ("__name__", "up"), ("job", "j"))
    request = encoded(pack([(labels, 0), (labels[1:], 0)]))
    assert [labels_in(request, one) for one in request.timeseries] == [labels, labels[1:]]
    assert {one.metadata.help_ref > 0 for one in request.timeseries} == {True}


@pytest.mark.parametrize("templates", [True, False])
@pytest.mark.parametrize("damage", [b"", b"\x12"])
def test_a_damaged_part_is_refused(damage: bytes, *, templates: bool) -> None:
    """Bytes that are not what the template packs, or not packed series, never become a request."""
    packed = pack(named("x"))
    encoder = v2.RequestEncoder()
    encoder.encode([packed.part], [packed.template], NOTHING)
    with pytest.raises(EncodeError, match=r"template packs|cannot be taken apart"):
        encoder.encode([packed.part[:-1] + damage * 2], [packed.template] if templates else (), NOTHING)
