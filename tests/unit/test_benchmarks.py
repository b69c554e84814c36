"""The benchmarks measure what they say: their workload is right and all variants give the same series."""

from __future__ import annotations

import itertools
import json
import random
import re
import struct
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.config.load import load
from pushvar.convert.converter import Converter
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import labelled_rows
from pushvar.wire.proto.write_v2_pb2 import Request

from benchmarks import (
    cold_start,
    conversion,
    encode,
    encode_v2,
    gateway,
    lambda_forward,
    lambda_init,
    measure,
    naive_script,
    outage,
    report,
    series,
    sink,
    steps,
    target_cycle,
    text_parse,
    workload,
)
from benchmarks.python_targets import Targets
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = [
    "Alloc", "TotalAlloc", "Sys", "Lookups", "Mallocs", "Frees", "HeapAlloc", "HeapSys", "HeapIdle",
    "HeapInuse", "HeapReleased", "HeapObjects", "StackInuse", "StackSys", "MSpanInuse", "MSpanSys",
    "MCacheInuse", "MCacheSys", "BuckHashSys", "GCSys", "OtherSys", "NextGC", "LastGC", "PauseTotalNs",
    "PauseNs", "PauseEnd", "NumGC", "NumForcedGC", "GCCPUFraction", "EnableGC", "DebugGC", "BySize",
]  # fmt: skip
"""runtime.MemStats, as Go 1.26 prints it."""

FEW = 40  # targets: two requests


@pytest.fixture(scope="module")
def fleet() -> series.Fleet:
    """Give a few targets without a network."""
    return series.Fleet(FEW)


@pytest.fixture(scope="module")
def documents() -> list[bytes]:
    """Give the whole pool."""
    return workload.documents()


def memstats(body: bytes) -> dict[str, Any]:
    """The memstats of a document."""
    found: dict[str, Any] = json.loads(body)["memstats"]
    return found


def test_a_document_is_laid_out_as_expvar_does_it(documents: list[bytes]) -> None:
    """Keys are sorted, one to a line; memstats has Go's fields in Go's order and no spaces."""
    for body in documents:
        text = body.decode()
        assert text.startswith('{\n"')
        assert text.endswith("\n}\n")
        keys = re.findall(r'^"(\w+)": ', text, re.MULTILINE)
        assert keys == sorted(keys) == list(json.loads(text))
        assert list(memstats(body)) == FIELDS
        line = re.search(r'^"memstats": (.*?),?$', text, re.MULTILINE)
        assert line is not None
        assert " " not in line[1]


def test_a_document_has_the_size_it_should_have(documents: list[bytes]) -> None:
    """About 10.8 KB each."""
    assert all(10_600 < len(body) < 11_000 for body in documents)


def test_the_pause_ring_is_full_and_moves_as_a_program_moves_it(documents: list[bytes]) -> None:
    """256 plausible pauses; from one document to the next, five new ones enter the ring, the rest stays."""
    for before, after in itertools.pairwise(map(memstats, documents)):
        assert len(before["PauseNs"]) == len(before["PauseEnd"]) == 256
        assert all(1_000 < pause < 100_000_000 for pause in before["PauseNs"])
        assert max(before["PauseEnd"]) == before["LastGC"]
        assert before["PauseEnd"][(before["NumGC"] - 1) % 256] == before["LastGC"]
        changed = [slot for slot in range(256) if before["PauseNs"][slot] != after["PauseNs"][slot]]
        assert sorted(changed) == sorted(number % 256 for number in range(before["NumGC"], after["NumGC"]))


def test_counters_grow_from_document_to_document(documents: list[bytes]) -> None:
    """What is named a total never goes down, nor do the counters of memstats."""
    for before, after in itertools.pairwise(map(json.loads, documents)):
        for field in ("TotalAlloc", "Mallocs", "Frees", "NumGC", "PauseTotalNs"):
            assert before["memstats"][field] < after["memstats"][field]
        assert before["orders_placed_total"] < after["orders_placed_total"]
        assert before["cache"]["hits_total"] < after["cache"]["hits_total"]


def test_the_workload_is_the_same_in_every_run(documents: list[bytes]) -> None:
    """Documents depend on their number alone, whatever was drawn before."""
    random.seed()
    assert [workload.document(number) for number in (3, 0)] == [documents[3], documents[0]]


def test_no_target_shows_the_same_document_in_two_cycles_running() -> None:
    """A value that was cached by accident would be a wrong one."""
    for target in range(workload.TARGETS):
        turns = [workload.turn(target, generation) for generation in range(workload.POOL + 1)]
        assert all(before != after for before, after in itertools.pairwise(turns))
        assert set(turns) == set(range(workload.POOL))


def test_every_document_has_one_shape_of_sixty_series(fleet: series.Fleet, documents: list[bytes]) -> None:
    """29 of memstats, go_goroutines, 25 of the application; the health series make 60."""
    converter, rules = Converter(), built_in("auto")
    shapes = {id(converter.convert(fleet.stamps[0], body, rules).plan.shape) for body in documents}
    assert len(shapes) == 1
    names = [name for name, _ in fleet.rows]
    assert len(names) == workload.SERIES == 60
    go = [name for name in names if name.startswith(("go_memstats_", "go_gc_duration_seconds"))]
    assert len(go) == 29
    assert names.count("go_goroutines") == 1


def test_series_have_eight_to_ten_labels(fleet: series.Fleet) -> None:
    """The metric name counts as one."""
    shape = fleet.cycle(0).scrapes[0].plan.shape
    counts = {len(labels) + 1 for stamp in fleet.stamps for _, labels in labelled_rows(stamp, shape)}
    assert counts == {8, 9, 10}


def test_a_user_lists_the_same_labels(fleet: series.Fleet) -> None:
    """What the naive script is given names the URLs and labels of pushvar's targets."""
    text = workload.configuration(workload.addresses(FEW), "http://127.0.0.1:1/write")
    listed = series.user_targets(text)
    assert [target["labels"] for target in listed] == fleet.labels
    assert [target["url"] for target in listed] == [stamp.target.url for stamp in fleet.stamps]
    assert load(text, source="workload").remote_write[0].url == "http://127.0.0.1:1/write"


def test_numbers_are_the_floats_behind_the_patterns(fleet: series.Fleet) -> None:
    """All ways to encode start from the same values, one time for each target."""
    cycle = fleet.cycle(5)
    for scrape, numbers in zip(cycle.scrapes, cycle.numbers, strict=True):
        assert struct.pack("<60d", *numbers) == scrape.values
    assert fleet.cycle(6).scrapes[0].time_ms == cycle.scrapes[0].time_ms + 60_000


def test_all_ways_to_encode_give_the_same_series(fleet: series.Fleet) -> None:
    """In every generation, and also after another cycle was encoded with what is kept."""
    ways = encode.ways(fleet, fleet.cycle(0))
    assert set(ways) == set(encode.WORDS)
    for generation in (1, 2, 0):
        encode.check(ways, fleet.cycle(generation))


def test_all_ways_to_encode_give_the_same_requests(fleet: series.Fleet) -> None:
    """As many requests, with as many series each: nobody gains by batching otherwise."""
    cycle = fleet.cycle(1)
    counts = {
        name: [len(series.decoded([body])) for body in way(cycle)]
        for name, way in encode.ways(fleet, cycle).items()
    }
    assert set(map(tuple, counts.values())) == {(1980, 420)}


def test_all_ways_to_encode_as_2_0_give_the_same_series(fleet: series.Fleet) -> None:
    """In every generation the series of 1.0, with metadata where the official runtime was given it."""
    ways = encode_v2.ways(fleet, fleet.cycle(0))
    assert set(ways) == set(encode_v2.WORDS)
    for generation in (1, 2, 0):
        cycle = fleet.cycle(generation)
        expected = series.decoded(encode.warm(cycle))
        naive = [Request.FromString(body) for body in ways[encode_v2.NAIVE](cycle)]
        for name in (encode_v2.NAIVE, encode_v2.SPOOLED, encode_v2.WARM):
            made = list(ways[name](cycle))
            series.demand_same(name, expected, encode_v2.decoded_v2(made))
            assert [set(Request.FromString(body).symbols) for body in made] == [
                set(request.symbols) for request in naive
            ]


def test_all_ways_to_read_a_page_give_the_same_values() -> None:
    """The official parser, and the converter cold and warm, read the same numbers of pages that differ."""
    taken = text_parse.run(1, lambda: None)
    assert [way.name for way in taken.ways] == list(text_parse.WORDS)
    assert len(text_parse.official(text_parse.page(0))) == taken.series == 1_000
    assert text_parse.page(0) == text_parse.page(0) != text_parse.page(1)


def test_all_ways_to_convert_a_large_document_give_the_same_values(tmp_path: Path) -> None:
    """Warm, cold and in a fresh process; the document has the size that the limits are stated for."""
    taken = conversion.run(1, measure.with_bytecode(tmp_path), lambda: None)
    assert [way.name for way in taken.ways] == list(conversion.WORDS) == list(conversion.LIMITS)
    assert 100_000 <= taken.body_bytes <= 154_000
    assert 1_400 <= taken.series <= 1_600
    assert len(json.loads(conversion.document(0))) == 178
    assert conversion.document(0) == conversion.document(0) != conversion.document(1)


def test_a_difference_is_found(fleet: series.Fleet) -> None:
    """A wrong value, a missing series and a series sent twice stop a benchmark."""
    expected = series.decoded(encode.warm(fleet.cycle(1)))
    with pytest.raises(series.Different, match="late: "):
        series.demand_same("late", expected, series.decoded(encode.warm(fleet.cycle(2))))
    labels, *rest = expected
    with pytest.raises(series.Different, match="is None, where"):
        series.demand_same("short", expected, {key: expected[key] for key in rest})
    with pytest.raises(series.Different, match="sent twice"):
        series.decoded([*encode.warm(fleet.cycle(1))] * 2)
    with pytest.raises(series.Different, match="naive script None"):
        target_cycle.demand_same_values("long", {key: expected[key] for key in rest}, expected)
    other = {**expected, labels: ((-1.0, 0),)}
    with pytest.raises(series.Different, match=r"sent \[-1.0\]"):
        target_cycle.demand_same_values("wrong", expected, other)


def test_times_and_durations_are_each_clients_own(fleet: series.Fleet) -> None:
    """Clients fetch one after the other, so only their values are compared."""
    now, later = (series.decoded(encode.warm(fleet.cycle(1))) for _ in range(2))
    later = {labels: ((samples[0][0], 7),) for labels, samples in later.items()}
    duration = next(labels for labels in later if ("__name__", "scrape_duration_seconds") in labels)
    later[duration] = ((9.5, 7),)
    target_cycle.demand_same_values("later", now, later)


def test_the_naive_script_makes_the_same_series_of_a_document(
    fleet: series.Fleet, documents: list[bytes]
) -> None:
    """Its names, labels and values are pushvar's, for every document; it says the health series itself."""
    converter, rules = Converter(), built_in("auto")
    for body in documents[:8]:
        converted = converter.convert(fleet.stamps[0], body, rules)
        values = struct.unpack(f"<{len(converted.values) // 8}d", converted.values)
        ours = sorted(
            (name, sorted(own.items()), v) for (name, own), v in zip(fleet.rows, values, strict=False)
        )
        theirs = sorted(
            (name, sorted(own.items()), float(value))
            for name, own, value in naive_script.samples(json.loads(body))
        )
        assert theirs == ours


def test_the_naive_script_keeps_its_connections() -> None:
    """It is no straw man: there is a pool for every target and the receiver."""
    with naive_script.open_session(500) as session:
        assert session.get_adapter("http://127.0.0.1:1/")._pool_connections == 501  # type: ignore[attr-defined]


def test_targets_in_python_show_the_generation_they_are_told() -> None:
    """They take turns as the ones in Go do, in one chunk, as expvar's handler writes it."""
    targets = Targets([b"a", b"bb", b"ccc"], 2)
    assert targets.answer(1, "GET", "/debug/vars", b"").endswith(b"\r\n\r\n3\r\nccc\r\n0\r\n\r\n")
    assert targets.answer(0, "PUT", "/generation/4", b"").startswith(b"HTTP/1.1 204 ")
    assert targets.answer(1, "GET", "/debug/vars", b"").endswith(b"\r\n\r\n1\r\na\r\n0\r\n\r\n")
    assert targets.answer(0, "GET", "/", b"").startswith(b"HTTP/1.1 404 ")


def test_the_sink_keeps_only_what_it_is_told_to() -> None:
    """Everything is answered 204, and memory stays as it is unless a cycle is recorded."""
    receiver = sink.Sink()
    assert receiver.answer("POST", "/write", b"early").startswith(b"HTTP/1.1 204 ")
    receiver.answer("PUT", "/recording", b"")
    receiver.answer("POST", "/write", b"kept")
    assert receiver.answer("GET", "/recording", b"").endswith(b"\r\n\r\n\x00\x00\x00\x04kept")
    receiver.answer("POST", "/write", b"late")
    assert receiver.answer("GET", "/recording", b"").endswith(b"\r\n\r\n")


def test_ratios_compare_neighbours_in_time() -> None:
    """A machine that slows down in the second round slows both sides, and the ratio stays."""
    assert measure.ratios([10, 30, 12], [1, 3, 1]) == measure.Spread(10, 10, 12)
    assert measure.spread([3, 1, 8]).times(2) == measure.Spread(6, 2, 16)


def test_variants_take_turns() -> None:
    """A B, A B: never all of one variant first."""
    order: list[str] = []

    def variant(name: str, number: int) -> float:
        order.append(f"{name}{number}")
        return float(number)

    measured = measure.in_turns({name: partial(variant, name) for name in "ab"}, 2, lambda: order.append("|"))
    assert order == ["a0", "b0", "|", "a1", "b1", "|"]
    assert measured == {"a": [0.0, 1.0], "b": [0.0, 1.0]}


def test_import_times_are_read_from_what_python_prints() -> None:
    """Own time by module in ms; the heading and other lines on standard error do not matter."""
    lines = [
        "import time: self [us] | cumulative | imported package",
        "import time:       250 |        900 |   encodings.aliases",
        "a warning | with | bars",
        "import time:      1500 |       2400 | site",
    ]
    assert cold_start.own_ms(lines) == {"encodings.aliases": 0.25, "site": 1.5}


def test_every_function_is_started() -> None:
    """No function is left out of the benchmark of Lambda's init."""
    handlers = (REPOSITORY / "functions").glob("*/handler.py")
    assert {path.parent.name for path in handlers} <= set(lambda_init.WORDS)


ONE = measure.Spread(1.0, 1.0, 1.0)
PUSHED = (
    gateway.Load("pushgateway", 9_000, 200, ONE, ONE.times(90_000), ONE, 500.0, ONE, 90.0, 0.1),
    gateway.Load("pushvar", 9_000, 2_000, ONE.times(250), ONE.times(800), ONE, 4.0, ONE, 45.0, 0.2),
)


def test_gateways_stand_side_by_side() -> None:
    """Two rows of figures for each store size, and one of how much better pushvar is."""
    shown = gateway.section(gateway.Pushing(200, 20, PUSHED))
    assert shown.rows[1] == ("9,000: pushvar", "250", "800", "1.0", "4.0", "1.0", "45", "2,000")
    assert shown.rows[2] == ("9,000: better by", "250x", "112x", "1.0x", "125x", "1.0x", "2.0x", "")
    assert "kept 0.20 cores busy" in shown.note


STARTED = lambda_forward.LambdaForward(
    3,
    {name: lambda_forward.FirstFetch(ONE.times(7), ONE, ONE) for name in lambda_forward.WORDS},
    lambda_forward.Memory(500, 60, 22.0, 98.0, 99.0, 7.0, 1.05),
)


def test_forward_on_lambda_stands_beside_a_bare_handler_and_its_limit() -> None:
    """Times by handler; memory with what it may be."""
    fetches, memory = lambda_forward.sections(STARTED)
    assert [row[0] for row in fetches.rows] == list(lambda_forward.WORDS.values())
    assert ("peak of memory, 3 cycles", "99 MB", "100 MB") in memory.rows
    assert "Not measured" in lambda_forward.sections(None)[0].note


def made_up() -> dict[str, Any]:
    """What the older parts could have measured."""
    one = measure.Spread(1.0, 1.0, 1.0)
    ways = tuple(
        encode.Way(name, one, measure.Spread(n + 41.5, n, 99), one, one)
        for n, name in enumerate(encode.WORDS)
    )
    cost = target_cycle.Cost(one, 0.25, 3.0)
    taken = dict.fromkeys(steps.WORDS, one)
    return {
        "lambda_init": lambda_init.LambdaInit(
            1,
            lambda_init.EMULATOR,
            {name: lambda_init.Init(one, one, 7, {"json": 2.0}) for name in lambda_init.WORDS},
        ),
        "encoding": encode.Encoding(30_000, 1, 16, 6, 1, 300.0, ways),
        "target_cycle": target_cycle.TargetCycle(
            500, 1, "nobody", cost, cost, measure.Spread(11.04, 9, 12), taken, cost, one
        ),
        "text_parse": text_parse.TextParse(
            1_000,
            70_000,
            1,
            tuple(text_parse.Way(name, one, measure.Spread(30.0, 20, 40)) for name in text_parse.WORDS),
        ),
        "conversion": conversion.Conversion(
            1_479,
            120_000,
            1,
            one,
            tuple(conversion.Way(name, one, measure.Spread(70.0, 60, 90)) for name in conversion.WORDS),
        ),
        "encoding_v2": encode_v2.EncodingV2(
            30_000, 1, 1_500_000, 480_000, 6_600_000, 750_000,
            tuple(encode_v2.Way(name, one, measure.Spread(25.0, 24, 26)) for name in encode_v2.WORDS),
        ),
        "outage": outage.Outage(1_000, 30, 1_800_000, 44.51, 0.07, 1_800_000, 1, 6.04, 1.8, 5.6, 60_000),
        "gateway": gateway.Pushing(200, 20, PUSHED),
        "lambda_forward": STARTED,
    }  # fmt: skip


def test_the_report_says_what_was_measured() -> None:
    """Figures and goals stand in the tables and in the JSON object, taken from the measurements."""
    results = report.Results(
        {"cpu": "made up"}, quick=False, found=made_up(), took_s={"encoding": 90.0, "outage": 31.0}
    )
    shown = report.sections(results)
    goals = {row[0]: row[1:] for row in shown[-1].rows}
    for name, limit in conversion.LIMITS.items():
        words = f"convert a document of 118 kB, {conversion.WORDS[name]}: times json.loads"
        seen = "70.0x (60.0-90.0)"
        assert goals[words][:2] == (f"<= {limit}x", seen)
    assert ("encode 30,000 series, warm: the naive official runtime takes", ">= 40x", "43.5x (2.0-99.0)",
            "reached") in shown[-1].rows  # fmt: skip
    assert goals["read 1,000 series of text, warm: the official parser takes"] == (
        "reported", "30.0x (20.0-40.0)", "reported",
    )  # fmt: skip
    naive = "warm target-cycle: CPU that the naive script takes, times pushvar's"
    assert goals[naive] == (">= 8x", "11.0x (9.0-12.0)", "reached")
    (init,) = (one for one in shown if one.title.startswith("Lambda init"))
    assert init.rows[0] == ("a handler that imports nothing", "1.0", "1.0-1.0", "1x", "7")
    assert "plan: json 2; forward: json 2; gateway: json 2." in init.note
    (two,) = (one for one in shown if "2.0" in one.title)
    assert two.rows[2] == ("pushvar warm, from 64-bit patterns", "1.0", "25x (24-26)")
    assert "16.0 bytes on the wire, 25.0 as 1.0; 50 and 220 before" in two.note
    (away,) = (one for one in shown if one.title.startswith("An outage"))
    assert ("replay, wall time", "6.0 s", "120 s") in away.rows
    assert ("growth of memory, at its peak", "6 MB", "200 MB") in away.rows
    assert shown[0].note == "This run took 2 minutes."


def test_the_object_has_the_figures_and_the_goals() -> None:
    """Each part stands under its name, each goal with what was asked of it."""
    results = report.Results({"cpu": "made up"}, quick=False, found=made_up())
    said = json.loads(json.dumps(results.as_object()))
    assert said["schema"] == 2
    assert said["target_cycle"]["ratio"]["median"] == 11.04
    goals = {goal["name"]: goal for goal in said["goals"]}
    assert goals["encode_naive"]["seen"] == {"median": 43.5, "low": 2, "high": 99}
    assert goals["encode_naive"]["asked"] == ">= 40x"
    assert goals["convert_cold"]["seen"] == {"median": 70.0, "low": 60, "high": 90}
    assert goals["convert_cold"]["asked"] == "<= 120x"


def test_an_outage_loses_nothing() -> None:
    """What is spooled in the bad cycles of a small outage is replayed in the good one, all of it."""
    found = outage.run(targets=FEW, cycles=2)
    assert found.spooled == found.replayed == FEW * 2 * workload.SERIES
    assert found.arrived == FEW * workload.SERIES
