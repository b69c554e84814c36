"""The benchmarks of issue 10 compare what they say: the same series, on all sides. No clock is looked at."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from pushvar.errors import ComponentMissing
from pushvar.wire.proto.write_v2_pb2 import Request

from benchmarks import (
    encode,
    encoders,
    first_cycle,
    growth,
    https_hosts,
    hung_targets,
    judging,
    measure,
    peers,
    series,
    shape_warm,
    wire,
    workload,
)
from benchmarks.goals import GOALS
from tests.components.encoders import OPENTELEMETRY, PACKAGES, WRITER, find_encoder, version

if TYPE_CHECKING:
    from pathlib import Path

FEW = 40  # targets: two requests
ONE = measure.Spread(1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def fleet() -> series.Fleet:
    """Give a few targets without a network."""
    return series.Fleet(FEW)


def test_both_encoders_of_pypi_make_pushvars_series(fleet: series.Fleet, tmp_path: Path) -> None:
    """Labels, values and times of every series, in requests of the same sizes; a wrong cycle is found."""
    cycles = [fleet.cycle(generation) for generation in range(2)]
    encoders.prepare(tmp_path / "series.json", fleet, cycles)
    sizes = [len(series.decoded([body])) for body in encode.warm(cycles[0])]
    with ExitStack() as stack:
        clients = {
            name: stack.enter_context(encoders.client(name, tmp_path / "series.json")) for name in PACKAGES
        }
        for number, cycle in enumerate(cycles):
            encoders.check(clients, cycle, number, tmp_path)
        for one in clients.values():
            bodies = one.bodies(0, tmp_path / "bodies")
            assert [len(series.decoded([body])) for body in bodies] == sizes == [1_980, 420]
            with pytest.raises(series.Different):
                encoders.check({"another cycle": one}, cycles[0], 1, tmp_path)


def test_each_encoder_of_pypi_sees_its_own_packages_alone(tmp_path: Path) -> None:
    """The folder of one does not hold the other, and one that was never filled is named."""
    found = {name: find_encoder(name) for name in PACKAGES}
    assert not (found[OPENTELEMETRY] / "prometheus_remote_writer").exists()
    assert not (found[WRITER] / "opentelemetry").exists()
    with pytest.raises(ComponentMissing, match=r"encoders\.lock"):
        version(WRITER, tmp_path)


def test_the_better_encoder_is_the_one_to_beat() -> None:
    """The goals are judged by the faster peer, whichever that is."""
    slow, fast = (
        encoders.Peer(
            name, str(number), ONE.times(ms), {way: ONE.times(ratio) for way, ratio in took.items()}
        )
        for number, (name, ms, took) in enumerate(
            [
                (OPENTELEMETRY, 900, {encoders.WARM: 300, encoders.SHAPE: 60, encoders.COLD: 50}),
                (WRITER, 400, {encoders.WARM: 120, encoders.SHAPE: 15, encoders.COLD: 14}),
            ],
            1,
        )
    )
    measured = encoders.Encoders(30_000, 3, dict.fromkeys(encoders.WORDS, ONE), (slow, fast))
    judged = {goal.name: goal for goal in judging.judged(GOALS, {"encoders": measured})}
    assert judged["encoders_warm"].seen == ONE.times(120)
    assert judged["encoders_warm"].verdict == "reached"
    assert judged["encoders_shape"].verdict == "falls short by 25%"
    assert judged["encoders_cold"].verdict == "reported"
    assert [row[0] for row in encoders.section(measured).rows[len(encoders.WORDS) :]] == [
        "opentelemetry-exporter-prometheus-remote-write 1",
        "prometheus-remote-writer 2",
    ]


def test_every_cold_cycle_makes_the_series_of_a_warm_one(fleet: series.Fleet) -> None:
    """Wherever it starts, also a second time."""
    ours = encoders.Ours(fleet)
    for number in (1, 2):
        cycle = fleet.cycle(number)
        expected = series.decoded(encode.warm(cycle))
        for name in encoders.WORDS:
            series.demand_same(name, expected, series.decoded(ours.requests(name, cycle)))


def test_a_known_shape_knows_no_series(fleet: series.Fleet) -> None:
    """The targets that teach the shape are none of those that are encoded, and have all label names."""
    ours = encoders.Ours(fleet)
    taught = {dict(stamp.fixed)["instance"] for stamp in ours.teachers}
    assert taught.isdisjoint(dict(stamp.fixed)["instance"] for stamp in fleet.stamps)
    names = {tuple(name for name, _ in stamp.fixed) for stamp in fleet.stamps}
    assert {tuple(name for name, _ in stamp.fixed) for stamp in ours.teachers} == names


def test_every_form_on_the_wire_has_the_same_samples(fleet: series.Fleet) -> None:
    """Metadata and starts are where the form's name says so, and only there."""
    cycle = fleet.cycle(1)
    ways = wire.Ways(fleet.cycle(0))
    wire.check(ways, cycle)
    (first, *_) = Request.FromString(ways.requests(wire.V2_ALL, cycle)[0]).timeseries
    assert 0 < sum(ways.counted) < workload.SERIES
    assert all(0 < one.start_timestamp < one.timestamp for one in first.samples if one.start_timestamp)
    plain = {name: sum(map(len, ways.requests(name, cycle))) for name in wire.WORDS}
    assert plain[wire.V1] < plain[wire.V1_METADATA]
    assert plain[wire.V2] < plain[wire.V2_STARTS] < plain[wire.V2_METADATA] < plain[wire.V2_ALL]


def test_metadata_and_starts_are_counted_in_what_was_sent(fleet: series.Fleet) -> None:
    """They are read from the decoded requests: of every series that has a family, of every counter."""
    ways = wire.Ways(fleet.cycle(0))
    found = {name: wire.extras(ways.requests(name, fleet.cycle(1))) for name in wire.WORDS if "v2" in name}
    counters, described = FEW * sum(ways.counted), found[wire.V2_ALL][0]
    assert 0 < described <= FEW * workload.SERIES
    assert found == {
        wire.V2: (0, 0),
        wire.V2_STARTS: (0, counters),
        wire.V2_METADATA: (described, 0),
        wire.V2_ALL: (described, counters),
    }


def test_bytes_are_judged_without_metadata() -> None:
    """Only the two forms that have a limit can fall short."""
    sizes = tuple(wire.Size(name, ONE.times(14.9 if name == wire.V1 else 15.1), ONE) for name in wire.WORDS)
    measured = wire.Wire(500, 2, sizes)
    judged = {goal.name: goal for goal in judging.judged(GOALS, {"wire": measured})}
    assert judged["wire_v1"].verdict == "reached"
    assert judged["wire_v2"].verdict == "falls short by less than 1%"
    assert judged["wire_v1_metadata"].verdict == judged["wire_v2_all"].verdict == "reported"
    assert wire.section(measured).rows[0] == ("1.0", "14.9", "14.9-14.9", "1")


def test_a_container_sends_the_same_whatever_it_knew() -> None:
    """Cold, shape-warm and plan-warm give one shard's requests; only a cold one has no shape of it."""
    shards = shape_warm.Shards(FEW)
    shape_warm.check(shards)
    sent = series.decoded(shards.ready(shape_warm.SHAPE_WARM, 3)())
    assert len(sent) == FEW * workload.SERIES
    assert sent != series.decoded(shards.ready(shape_warm.SHAPE_WARM, 4)())


def test_the_fetch_and_both_handshakes_reach_every_https_host() -> None:
    """Each host is a port of its own, and its certificate is verified."""
    taken = https_hosts.run(6, 1)
    assert list(taken.cpu_us) == list(https_hosts.WORDS)
    assert list(taken.ratio) == [https_hosts.HANDSHAKES, https_hosts.BLOCKING]


def test_hung_targets_are_down_and_the_others_arrive() -> None:
    """A whole cycle with the real command: the samples of all others are there, whatever hangs."""
    found = hung_targets.run(10, 2, (0.5,), 1)
    (late,) = found.late
    assert (found.targets, found.hung, late.timeout_s) == (10, 2, 0.5)


def test_lateness_counts_from_the_scheduled_offset() -> None:
    """The last good sample counts, not the last one; a target that should be up and is not stops it."""
    ports, hung = hung_targets.mixed([1, 2, 3, 4], [8, 9]), [8, 9]
    assert ports == [8, 1, 2, 9, 3, 4]
    taken = {
        f"127.0.0.1:{port}": (float(port not in hung), 100 + place / 500, 100.5 if port < 8 else 109.0)
        for place, port in enumerate(ports)
    }
    left_s, began_s = hung_targets.lateness(taken, ports, hung)
    assert left_s == pytest.approx(0.498)
    assert began_s == pytest.approx(0, abs=1e-9)
    taken["127.0.0.1:3"] = (0.0, 100.0, 100.5)
    with pytest.raises(series.Different, match="3 of 6 targets are up, where 4 are well"):
        hung_targets.lateness(taken, ports, hung)


def test_growth_is_measured_at_every_size(tmp_path: Path) -> None:
    """Each size has a process that forwards so many targets; what is added counts from the size before."""
    grown = growth.run((20, 5), 1, measure.with_bytecode(tmp_path))
    assert [size.targets for size in grown.sizes] == [5, 20]
    first, second = grown.sizes
    assert first.added_kb is None
    assert second.added_kb == pytest.approx((second.rss_mb - first.rss_mb) * 1_000 / 15)
    judged = [goal for goal in judging.judged(GOALS, {"growth": grown}) if goal.name.startswith("rss")]
    assert {goal.verdict for goal in judged} == {"not measured"}


def test_growth_is_judged_by_1000_targets_and_what_comes_after() -> None:
    """Memory by the whole process and by what further targets take, CPU by the median."""
    sizes = (
        growth.Size(100, ONE.times(90), 50, 51),
        growth.Size(1_000, ONE.times(80), 79.4, 82, 30.0),
        growth.Size(10_000, ONE.times(108), 300, 310, 29.0),
    )
    judged = {goal.name: goal for goal in judging.judged(GOALS, {"growth": growth.Growth(3, "-", sizes)})}
    assert judged["rss"].verdict == "reached"
    assert judged["rss_flat"].seen is not None
    assert judged["rss_flat"].seen.median == pytest.approx(30 / 79.4)
    assert judged["rss_added"].seen == ONE.times(29)
    assert judged["rss_added_small"].seen == ONE.times(30)
    assert judged["cpu_flat"].verdict == "falls short by 8%"
    assert judged["cpu_flat_small"].verdict == "reported"


def test_a_first_cycle_is_a_whole_process(tmp_path: Path) -> None:
    """All kinds of process end well; the interpreter alone takes less than any."""
    taken = first_cycle.run(4, 1, measure.with_bytecode(tmp_path))
    assert list(taken.cpu_us) == list(taken.ratio) == list(first_cycle.WORDS)
    assert [row[0] for row in first_cycle.section(taken).rows] == list(first_cycle.WORDS.values())


def test_the_page_of_a_peer_has_the_numbers_of_the_document() -> None:
    """Peers read as text what pushvar reads as JSON: the same 55 samples, by name and value."""
    (page, *_), (document, *_) = peers.pages(), workload.documents()
    samples = [line for line in page.decode().splitlines() if not line.startswith("#")]
    assert len(samples) == workload.SERIES - 5  # the five of health are made by each
    told = dict(line.rpartition(" ")[::2] for line in samples)
    stats = json.loads(document)["memstats"]
    assert float(told["go_memstats_heap_inuse_bytes"]) == stats["HeapInuse"]
    assert float(told["go_gc_duration_seconds_count"]) == stats["NumGC"]


def peer(name: str, ratio: float) -> peers.Peer:
    """A client of which pushvar takes that share."""
    return peers.Peer(name, "1", ONE.times(100), 50.0, 60.0, ONE.times(ratio))


def test_peers_reach_a_goal_at_its_figure_and_not_above_it() -> None:
    """Each is judged by its own ratio; the script has none."""
    rows = (
        peer(peers.PUSHVAR, 1),
        peer(peers.VMAGENT, 0.35),
        peer(peers.AGENT, 0.21),
        peer(peers.NAIVE, 0.1),
    )
    measured = peers.Peers(500, 5, 9, "Go", rows)
    judged = {goal.name: goal for goal in judging.judged(GOALS, {"peers": measured})}
    assert judged["cycle_vmagent"].verdict == "reached"
    assert judged["cycle_agent"].verdict == "falls short by 5%"
    shown = peers.section(measured)
    assert [row[3] for row in shown.rows] == [
        "1x",
        "0.35x (0.35-0.35)",
        "0.21x (0.21-0.21)",
        "0.10x (0.10-0.10)",
    ]


def test_a_peer_that_sends_something_else_is_found() -> None:
    """A value, or a series that is missing; what a scrape says of itself may differ."""
    ours: peers.Numbers = {(("__name__", "up"),): 1.0, (("__name__", "scrape_duration_seconds"),): 0.1}
    theirs: peers.Numbers = {
        **ours,
        (("__name__", "scrape_duration_seconds"),): 0.2,
        (("__name__", "own"),): 3.0,
    }
    peers.demand_same_numbers("agent", ours, theirs)
    with pytest.raises(series.Different, match=r"agent sent 0\.0 for"):
        peers.demand_same_numbers("agent", ours, {**theirs, (("__name__", "up"),): 0.0})
    with pytest.raises(series.Different, match="agent sent None for"):
        peers.demand_same_numbers("agent", ours, {key: 0.1 for key in ours if "up" not in key[0]})
