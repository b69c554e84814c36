"""Start timestamps of 2.0: which ``_created`` sample tells of which series, when, and what that costs."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pushvar.config.load import load
from pushvar.convert.converter import Converter
from pushvar.convert.input_format import EXPVAR, InputFormat
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp
from pushvar.cycle.scrapes import _success
from pushvar.deliver import batches
from pushvar.deliver.routes import Router
from pushvar.deliver.starts import starts_ms
from pushvar.labels.relabel import compile_relabelling
from pushvar.labels.sets import label_set
from pushvar.model import STALE_BITS, Family, Fetched, MetricType, Plan, Scrape, Shape, Target, Times
from pushvar.wire.proto.write_v2_pb2 import Request
from pushvar.wire.remote_write import v1, v2

from tests.work import calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.model import Created

TIME_MS = 1_795_173_629_844
BEGAN_S = 1_795_000_000.125
BEGAN_MS = 1_795_000_000_125
FIXED = ("instance", "job", "zone")
TARGET = Target("key", "pay", "http://h:1/", (("instance", "h:1"), ("job", "pay")))
NO_SHAPE = Shape((), (), lambda _: None, lambda _: b"", lambda _: b"")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

Steps = list[dict[str, Any]]

DOCUMENT = """\
# TYPE req counter
req_total{code="200"} 12
req_created{code="200"} 1795000000.125
req_total{code="500"} 1
# TYPE lat histogram
lat_bucket{op="r",le="1.0"} 2
lat_bucket{op="r",le="+Inf"} 3
lat_count{op="r"} 3
lat_sum{op="r"} 2.5
lat_created{op="r"} 1795000000.25
lat_bucket{op="w",le="+Inf"} 0
lat_count{op="w"} 0
lat_sum{op="w"} 0
lat_created{op="w"} 1795000000.5
# TYPE size summary
size{quantile="0.5"} 1
size_count 3
size_sum 2.5
size_created 1795000000.75
# TYPE depth gauge
depth 4
# EOF
"""
STARTS = {
    'req_total{code="200"}': 125,
    'lat_bucket{le="1.0",op="r"}': 250,
    'lat_bucket{le="+Inf",op="r"}': 250,
    'lat_count{op="r"}': 250,
    'lat_sum{op="r"}': 250,
    'lat_bucket{le="+Inf",op="w"}': 500,
    'lat_count{op="w"}': 500,
    'lat_sum{op="w"}': 500,
    'size{quantile="0.5"}': 750,
    "size_count{}": 750,
    "size_sum{}": 750,
}
TEXT_DOCUMENT = (
    DOCUMENT.replace("# TYPE req counter", "# TYPE req_total counter")
    .replace("# EOF\n", "")
    .replace("# TYPE depth", "# TYPE req_created gauge\n# TYPE lat_created gauge\n# TYPE depth")
)


def scrape_of(page: str, steps: Steps | None = None, *, target: Target = TARGET, kind: str = "") -> Scrape:
    """What a cycle makes of a page."""
    block = {"scrape_configs": [{"job_name": "pay", "metric_relabel_configs": steps or []}]}
    (job,) = load(yaml.safe_dump(block), source="t").scrape_configs
    stamp = Stamp(target, relabelling=compile_relabelling(job.metric_relabel_configs))
    form = InputFormat("prometheus")
    kind = kind or (OPENMETRICS if "# EOF" in page else "text/plain")
    made = Converter().convert(stamp, page.encode(), built_in("auto"), form=form, content_type=kind)
    return _success(made, Fetched(page.encode(), TIME_MS, 0.1))


def request_of(*scrapes: Scrape) -> Request:
    """The scrapes as one request, in which the starts are all that another without them has not."""
    (batch,) = batches.cut(scrapes, max_samples=1000)
    families = {family.name: family for scrape in scrapes for family in scrape.plan.families}
    encoder = v2.RequestEncoder()
    request = Request.FromString(encoder.encode(batch.parts, batch.templates, families, batch.starts))
    assert without_starts(request) == Request.FromString(encoder.encode(batch.parts, (), families))
    return request


def without_starts(request: Request) -> Request:
    """A copy of a request in which nothing has begun."""
    copy = Request.FromString(request.SerializeToString())
    for series in copy.timeseries:
        series.samples[0].ClearField("start_timestamp")
    return copy


def starts_of(request: Request) -> dict[str, int]:
    """Series -> its start, in ms after that of BEGAN_S without its fraction; those that have one."""
    found = {}
    for series in request.timeseries:
        texts = [request.symbols[place] for place in series.labels_refs]
        labels = dict(zip(texts[0::2], texts[1::2], strict=True))
        name = labels.pop("__name__")
        shown = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels) if key not in FIXED)
        if series.samples[0].start_timestamp:
            found[f"{name}{{{shown}}}"] = series.samples[0].start_timestamp - int(BEGAN_S) * 1000
    return found


# Which sample tells of which series


@pytest.mark.parametrize("page", [DOCUMENT, TEXT_DOCUMENT], ids=["openmetrics", "text"])
def test_exactly_the_right_series_have_a_start(page: str) -> None:
    """Counters and all parts of histograms and summaries, each with that of its own labels; no other."""
    assert starts_of(request_of(scrape_of(page))) == STARTS


def test_created_series_stay_what_they_are() -> None:
    """The samples that tell the start are still series of their own, without one."""
    request = request_of(scrape_of(DOCUMENT))
    names = [request.symbols[series.labels_refs[1]] for series in request.timeseries]
    assert [name for name in names if name.endswith("_created")] == [
        "req_created", "lat_created", "lat_created", "size_created",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "page",
    [
        "# TYPE a counter\na_total 1\n# TYPE b counter\nb_created 5\n# EOF\n",
        '# TYPE a counter\na_total{x="1"} 1\na_created{x="2"} 5\n# EOF\n',
        '# TYPE a counter\na_total{x="1"} 1\na_created 5\n# EOF\n',
        '# TYPE a histogram\na_bucket{le="+Inf"} 1\na_created{le="+Inf"} 5\n# EOF\n',
        "# TYPE a_total gauge\na_total 1\n# TYPE a_created gauge\na_created 5\n",
        "# TYPE a_total counter\na_total 1\n# TYPE a_created counter\na_created 5\n",
        "# TYPE a gauge\na 1\na_created 5\n",
        "a_total 1\na_created 5\n",
        "_created 5\n_total 1\n",
    ],
)
def test_what_does_not_belong_together_is_not_brought_together(page: str) -> None:
    """Other names or labels, a gauge, an untyped series, a counter of creations: nothing is known."""
    scrape = scrape_of(page)
    assert scrape.plan.template.created == ()
    assert starts_of(request_of(scrape)) == {}


def test_numbers_of_expvar_have_no_start() -> None:
    """Whatever a program calls its variables."""
    body = b'{"a_total": 1, "a_created": 1795000000}'
    made = Converter().convert(Stamp(TARGET), body, built_in("auto"), form=EXPVAR)
    assert made.plan.template.created == ()


def test_labels_of_the_target_do_not_get_in_the_way() -> None:
    """Payload labels that the target has too are renamed on both samples alike."""
    target = Target("key", "pay", "", (("code", "own"), ("instance", "h:1"), ("job", "pay"), ("op", "own")))
    found = starts_of(request_of(scrape_of(DOCUMENT, target=target)))
    assert sorted(found.values()) == sorted(STARTS.values())
    assert found['req_total{code="own",exported_code="200",op="own"}'] == 125


# Relabelling


def dropping(regex: str) -> dict[str, Any]:
    """The step that drops metrics of this name."""
    return {"source_labels": ["__name__"], "regex": regex, "action": "drop"}


DROPPING: list[tuple[Steps, dict[str, int]]] = [
    ([dropping("depth|size_sum")], {name: ms for name, ms in STARTS.items() if "size_sum" not in name}),
    ([dropping("lat_created")], {name: ms for name, ms in STARTS.items() if "lat" not in name}),
    ([dropping(".*_created")], {}),
    (
        [{"regex": "op", "action": "labeldrop"}],  # the second of equal series is not sent
        {re.sub(',?op="r"', "", name): ms for name, ms in STARTS.items() if "w" not in name},
    ),
    ([{"target_label": "zone", "replacement": "z"}], STARTS),
]


@pytest.mark.parametrize(("steps", "wanted"), DROPPING)
@pytest.mark.parametrize("where", ["metric_relabel_configs", "write_relabel_configs"])
def test_relabelling_takes_the_starts_along(steps: Steps, wanted: dict[str, int], where: str) -> None:
    """What stays keeps its start as long as the sample that tells it stays, at whatever place."""
    if where == "metric_relabel_configs":
        scrape = scrape_of(DOCUMENT, steps)
    else:
        scrape = written(steps, scrape_of(DOCUMENT))[0]
    assert starts_of(request_of(scrape)) == wanted


def written(steps: Steps, *scrapes: Scrape) -> list[Scrape]:
    """What one backend is sent of the scrapes."""
    block = {"url": "http://b/", "write_relabel_configs": steps}
    config = load(
        yaml.safe_dump({"scrape_configs": [{"job_name": "a"}], "remote_write": [block]}), source="t"
    )
    (lane,) = Router(config.remote_write[0]).route(scrapes).lanes.values()
    return [*lane]


def test_a_target_that_shares_series_with_another_has_no_wrong_starts() -> None:
    """Places change when series are left out that another target sends already: then none is said."""
    first = scrape_of(DOCUMENT)
    other = replace(TARGET, key="other", labels=(*TARGET.labels, ("zone", "z")))
    more = DOCUMENT.replace(
        "# TYPE depth", "# TYPE alone counter\nalone_total 1\nalone_created 5\n# TYPE depth"
    )
    sent = written([{"regex": "zone", "action": "labeldrop"}], first, scrape_of(more, target=other))
    assert [scrape.plan.template.count for scrape in sent] == [first.carried, 2]
    assert starts_of(request_of(*sent)) == STARTS


# When it is said


def made(
    values: list[float | bytes], created: Created, times_ms: Times = (), time_ms: int = TIME_MS
) -> Scrape:
    """A scrape of bare series."""
    packed = [one if isinstance(one, bytes) else struct.pack("<d", one) for one in values]
    template = v1.Template([v1.label("__name__", f"x{place}") for place in range(len(values))], created)
    return Scrape(Plan(TARGET, NO_SHAPE, template), b"".join(packed), time_ms, times_ms=times_ms)


NEVER = [0.0, -0.0, 0.0004, -1.0, -BEGAN_S, 4_398_046_511.104, 1e300, 1.7e308, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("seconds", [*NEVER, TIME_MS / 1000 + 0.001])
def test_a_start_that_cannot_be_is_not_sent(seconds: float) -> None:
    """Not finite, 0 (which means unset), outside 1970..2109, or after the sample."""
    scrape = made([1.0, seconds, BEGAN_S, 2.0], ((1, (0,)),))
    assert starts_ms(scrape) == ()
    beside = made([1.0, seconds, BEGAN_S, 2.0], ((1, (0,)), (2, (3,))))
    assert starts_ms(beside) == (None, None, None, BEGAN_MS)


@pytest.mark.parametrize(
    ("seconds", "start_ms"), [(0.001, 1), (BEGAN_S, BEGAN_MS), (TIME_MS / 1000, TIME_MS), (1.0006, 1001)]
)
def test_a_start_is_sent_to_the_millisecond(seconds: float, start_ms: int) -> None:
    """From 1970 to the moment of the sample itself; six bytes each, which any decoder reads."""
    scrape = made([1.0, seconds], ((1, (0,)),))
    (batch,) = batches.cut([scrape], max_samples=10)
    body = v2.RequestEncoder().encode(batch.parts, batch.templates, {}, batch.starts)
    found = [series.samples[0].start_timestamp for series in Request.FromString(body).timeseries]
    assert found == [start_ms, 0]


def test_a_sample_s_own_time_counts() -> None:
    """One that is older than its start has none, whatever the time of the scrape is."""
    times = (BEGAN_MS - 1, BEGAN_MS, None)
    scrape = made([1.0, 2.0, 3.0, BEGAN_S, 4.0], ((3, (0, 1, 2, 4)),), times)
    assert starts_ms(scrape) == (None, BEGAN_MS, BEGAN_MS, None, BEGAN_MS)
    early = made([1.0, 2.0, 3.0, BEGAN_S], ((3, (0, 1, 2)),), (None, BEGAN_MS), BEGAN_MS - 1)
    assert starts_ms(early) == (None, BEGAN_MS, None, None)


def test_a_stale_marker_has_no_start() -> None:
    """Neither where it stands for a counter, nor where it stands for what would tell its start."""
    stale = STALE_BITS.to_bytes(8, "little")
    scrape = made([stale, 1.0, BEGAN_S, stale, 2.0], ((2, (0, 1)), (3, (4,))))
    assert starts_ms(scrape) == (None, BEGAN_MS, None, None, None)


# In a request

told = st.integers(min_value=1 << 35, max_value=(1 << 42) - 1)
parts = st.lists(st.tuples(st.sampled_from(["", "job", "zone"]), st.none() | told), min_size=1, max_size=5)


@given(st.lists(parts, min_size=1, max_size=4), st.data())
def test_any_starts_at_any_place(requested: list[list[tuple[str, int | None]]], data: st.DataObject) -> None:
    """Each series has its own start or none, and nothing else in the request changes; warm and anew."""
    families = {"x": Family("x", MetricType.COUNTER, "Help.", "s"), "y": Family("y", MetricType.GAUGE)}
    encoder, packed, templates = v2.RequestEncoder(), [], []
    for number, series in enumerate(requested):
        labels = [
            label_set([("__name__", "xyz"[place % 3]), (name or "n", f"v{number}_{place}")])
            for place, (name, _) in enumerate(series)
        ]
        template = v1.Template([b"".join(v1.label(*pair) for pair in one) for one in labels])
        templates.append(template)
        packed.append(template.pack(struct.pack(f"<{len(series)}d", *range(1, len(series) + 1)), TIME_MS))
    for _ in range(2):
        mute = data.draw(st.sets(st.integers(0, len(requested))))
        starts = [
            () if number in mute else tuple(start for _, start in series)
            for number, series in enumerate(requested)
        ]
        body = encoder.encode(packed, templates, families, starts)
        assert encoder.encode(packed, templates, families, starts) == body
        request = Request.FromString(body)
        assert request.SerializeToString(deterministic=True) == body
        wanted = [
            start or 0 for one, own in zip(requested, starts, strict=True) for start in own or [0] * len(one)
        ]
        assert [series.samples[0].start_timestamp for series in request.timeseries] == wanted
        for one in request.timeseries:
            one.samples[0].ClearField("start_timestamp")
        assert request.SerializeToString(deterministic=True) == encoder.encode(packed, (), families)


def test_what_is_split_or_spooled_has_no_start() -> None:
    """Only whole targets know which sample is which; 1.0 has no word for it."""
    scrape = scrape_of(DOCUMENT)
    (whole,) = batches.cut([scrape], max_samples=1000)
    assert whole.starts
    assert [batch.starts for batch in batches.cut([scrape], max_samples=9)] == [(), (), ()]
    body = v2.RequestEncoder().encode(whole.parts, (None,), {}, whole.starts)
    assert starts_of(Request.FromString(body)) == {}
    assert whole.parts == (scrape.plan.template.pack(scrape.values, TIME_MS),)


# What it costs


def test_a_restart_changes_the_start_and_adds_nothing() -> None:
    """New starts take the place of old ones: a program whose start moves always takes no more memory."""
    encoder, plan = v2.RequestEncoder(), scrape_of(DOCUMENT).plan
    for turn in range(1, 5):
        restarted = scrape_of(DOCUMENT.replace("1795000000.125", f"1795000000.{turn}"))
        (batch,) = batches.cut([replace(restarted, plan=plan)], max_samples=1000)
        body = encoder.encode(batch.parts, batch.templates, {}, batch.starts)
        assert starts_of(Request.FromString(body)) == {**STARTS, 'req_total{code="200"}': turn * 100}
        assert (len(encoder._compiled), encoder._kept) == (1, plan.template.count)


def work(scrape: Scrape) -> int:
    """Calls of a warm request of this scrape."""
    encoder = v2.RequestEncoder()
    families: Mapping[str, Family] = {}

    def send() -> None:
        for batch in batches.cut([scrape], max_samples=1000):
            encoder.encode(batch.parts, batch.templates, families, batch.starts)

    send()
    return calls(send)


def test_a_target_without_created_samples_costs_what_it_did() -> None:
    """Nothing is asked of its series; one that has them pays by their number, and compiles nothing."""
    small, large = (made([1.0] * count, ()) for count in (3, 300))
    assert work(small) == work(large)
    begun = [
        made([1.0, BEGAN_S] * count, tuple((2 * n + 1, (2 * n,)) for n in range(count))) for count in (10, 20)
    ]
    assert work(begun[1]) - work(begun[0]) <= 10 * 5
