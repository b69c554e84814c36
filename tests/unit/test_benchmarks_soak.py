"""The soak lives the life that it says, and says "no growth" only when it can."""

from __future__ import annotations

import json
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.config.load import load
from pushvar.convert.converter import Converter
from pushvar.convert.input_format import InputFormat
from pushvar.convert.mapping import built_in
from pushvar.model import Delivery, Report

from benchmarks import series, soak, soak_client, soak_figures, soak_life, workload
from benchmarks.servers import Failed

if TYPE_CHECKING:
    from pathlib import Path

CYCLES, TARGETS = soak.CYCLES, soak.TARGETS


def straight(rise: float, scatter: float = 0.0, cycles: int = 2_000) -> list[tuple[int, float]]:
    """Samples of a figure that rises by so much in 1,000 cycles from 100 on."""
    dice = random.Random(7)
    return [(cycle, 100 + rise * cycle / 1_000 + dice.gauss(0, scatter)) for cycle in range(1, cycles + 1)]


def test_a_slope_is_told_per_thousand_cycles() -> None:
    """A straight line has its slope and no scatter."""
    found = soak_figures.slope(straight(5), 2_000)
    assert found is not None
    assert found.rise == pytest.approx(5)
    assert found.bound == pytest.approx(0, abs=1e-9)
    assert found.verdict == "grows"


@pytest.mark.parametrize(
    ("rise", "scatter", "verdict"),
    [
        (0, 0, "no growth"),
        (0, 0.5, "no growth"),
        (0, 40, "cannot be told"),
        (-5, 0.1, "no growth"),
        (5, 0.1, "grows"),
        (0.05, 0, "grows"),
    ],
)
def test_no_growth_is_said_only_when_the_bound_allows(rise: float, scatter: float, verdict: str) -> None:
    """A slow rise without scatter is growth; scatter that could hide one is no proof of anything."""
    found = soak_figures.slope(straight(rise, scatter), 2_000)
    assert found is not None
    assert found.verdict == verdict


def test_only_the_second_half_counts() -> None:
    """What a process takes to get warm is no growth."""
    warm = [(cycle, min(cycle, 800.0)) for cycle in range(1, 2_001)]
    found = soak_figures.slope(warm, 2_000)
    assert found is not None
    assert (found.rise, found.bound, found.level) == (0, 0, 800)


def test_an_outage_of_a_few_cycles_is_no_growth() -> None:
    """A block's median does not see what less than half of its cycles have."""
    samples = [(cycle, 900.0 if cycle % 100 < 40 else 100.0) for cycle in range(1, 2_001)]
    found = soak_figures.slope(samples, 2_000)
    assert found is not None
    assert (found.rise, found.level) == (0, 100)


def test_too_few_samples_have_no_slope() -> None:
    """An empty block would be a guess."""
    assert soak_figures.slope([(1, 1.0), (15, 2.0), (20, 3.0)], 20) is None


def test_moments_are_medians_of_what_went_before() -> None:
    """And of a figure that is seldom sampled, the nearest."""
    samples = [(cycle, float(cycle)) for cycle in range(1, 101)]
    assert soak_figures.moments(samples, 100, (0.1, 1.0)) == [8, 98]
    assert soak_figures.moments([(50, 7.0)], 100, (0.1, 1.0)) == [7, 7]


def test_pods_are_replaced_by_others_of_a_new_name() -> None:
    """A few are gone at any time, all are replaced in the life of a pod, and no name comes back."""
    seen: dict[int, list[str]] = {}
    for cycle in range(CYCLES):
        there = soak_life.pods(cycle, TARGETS)
        assert TARGETS * 0.97 <= len(there) < TARGETS
        for pod in there:
            names = seen.setdefault(pod.slot, [])
            if not names or names[-1] != pod.name:
                assert pod.name not in names
                names.append(pod.name)
    assert all(len(names) >= CYCLES // soak_life.POD_CYCLES for names in seen.values())


def test_the_list_of_targets_changes_now_and_then_only() -> None:
    """Between two changes every cycle has the same list."""
    lists = [soak_life.pods(cycle, TARGETS) for cycle in range(200)]
    changes = [cycle for cycle in range(1, 200) if lists[cycle] != lists[cycle - 1]]
    assert changes == list(range(soak_life.TURNOVER, 200, soak_life.TURNOVER))


def test_everything_happens_in_a_run() -> None:
    """500s, hung targets, restarts, new releases, reloads, and outages of fifty cycles."""
    cycles = range(1, CYCLES + 1)
    assert sum(map(soak_life.is_away, cycles)) == 4 * soak_life.AWAY_CYCLES
    assert {soak_life.revision(cycle) for cycle in cycles} == set(range(7))
    for slot in (0, 77, TARGETS - 1):
        assert any(soak_life.fails(slot, cycle) for cycle in cycles)
        assert any(soak_life.hangs(slot, cycle, TARGETS) for cycle in cycles)
        assert sum(soak_life.restarts(slot, cycle) for cycle in cycles) == pytest.approx(
            CYCLES / workload.POOL, abs=1
        )
        assert len({soak_life.release(slot, cycle) for cycle in cycles}) >= CYCLES // 400


def served(targets: soak_life.Targets, slot: int, cycle: int) -> tuple[str, bytes]:
    """Head and body of a target in a cycle."""
    targets.answer(0, "PUT", f"/generation/{cycle}", b"")
    head, _, body = targets.answer(slot, "GET", "/debug/vars", b"").partition(b"\r\n\r\n")
    return head.decode(), body


def test_targets_answer_as_life_has_it() -> None:
    """Nothing when hung, 500, a closed connection at a restart, text from every fourth."""
    targets = soak_life.Targets(40)
    hung = next(slot for slot in range(40) if soak_life.hangs(slot, 20, 40))
    assert served(targets, hung, 20) == ("", b"")
    failing = next(cycle for cycle in range(1, 201) if soak_life.fails(1, cycle))
    assert served(targets, 1, failing)[0].startswith("HTTP/1.1 500 ")
    cycle = next(cycle for cycle in range(1, 65) if soak_life.restarts(1, cycle))
    head, body = served(targets, 1, cycle)
    assert "Connection: close" in head
    assert f"Content-Length: {len(body)}" in head
    head, body = served(targets, 3, 5)
    assert "text/plain" in head
    assert b"# TYPE shop_orders_total counter" in body
    assert targets.answer(1, "GET", "/", b"").startswith(b"HTTP/1.1 404 ")


def test_a_release_is_a_shape_of_its_own() -> None:
    """Documents of two releases differ in one variable, and a burst has one more."""
    known = workload.document(5)
    plain, other, burst = (
        json.loads(soak_life.document(known, 5, release, burst=burst))
        for release, burst in ((3, False), (4, False), (3, True))
    )
    assert plain.keys() - other.keys() == {"a_release_3_total"}
    assert burst.keys() - plain.keys() == {"burst_total"}
    assert plain["memstats"] == json.loads(known)["memstats"]


def test_the_text_is_converted() -> None:
    """All of its series, none of them in vain."""
    (stamp,) = series.Fleet(1).stamps
    body, auto = soak_life.page(7, 2), InputFormat("auto")
    found = Converter().convert(stamp, body, built_in("auto"), form=auto, content_type="text/plain")
    assert len(found.plan.shape.rows) == 3 + 3 * (4 + 2)


@pytest.mark.parametrize("revision", [0, 1])
def test_the_configuration_is_one(revision: int, tmp_path: Path) -> None:
    """Both kinds are valid, have two backends, and find their targets in the file."""
    text = json.dumps(soak.configuration(revision, ["http://127.0.0.1:1/write", "http://127.0.0.1:2/write"]))
    config = load(text, source="soak", directory=str(tmp_path))
    assert [one.name for one in config.remote_write] == ["well", "away"]
    assert len(config.scrape_configs[0].metric_relabel_configs) == 1
    assert config.scrape_configs[0].file_sd_configs[0].files[0].endswith("targets.json")


def test_a_wait_sets_on_the_clocks_of_its_thread_for_the_cycle() -> None:
    """Others do not feel it, and the next cycle begins a minute after this one."""
    clocks = soak_client.Clocks()
    clocks.next_cycle()
    clocks.wait(5)
    clocks.wait(2.5)
    elsewhere: list[float] = []
    thread = threading.Thread(target=lambda: elsewhere.append(clocks.ahead_s()))
    thread.start()
    thread.join()
    assert (clocks.ahead_s(), elsewhere) == (67.5, [60.0])
    clocks.next_cycle()
    assert clocks.ahead_s() == 120.0


def cycle(rss_mb: float, **more: Any) -> dict[str, Any]:
    """What a process says after a cycle."""
    report = Report("0", 1, 1, 0.1, (), (Delivery("away", sent=3, waiting=2, dropped=(("too_old", 1),)),))
    held = {"rss_mb": rss_mb, "descriptors": 9.0, "threads": 2.0, "state_mb": 1.0, "cpu_ms": 5.0}
    return {**held, **soak_client.did(report), **more}


def test_the_table_says_how_everything_was_and_what_grew() -> None:
    """Growth is named, and so are the types of what there is more of."""
    said = [
        cycle(50 + number / 50, blocks=100, used_mb=1.0, objects=number, types={"a.B": number, "c.D": 4})
        for number in range(100)
    ]
    shown = soak.section(soak.Soak(7, tuple(said)))
    rows = {row[0]: row[1:] for row in shown.rows}
    assert rows[soak.FIGURES["rss_mb"]][-1] == "grows"
    assert rows[soak.FIGURES["threads"]] == ("2",) * 5 + ("+0.00", "± 0.00", "no growth")
    assert rows[soak.FIGURES["rss_mb"]][5:7] == ("+20.00", "± 0.00")
    assert "a.B +49." in shown.note
    assert "dropped too_old 100, sent 300, waiting 2." in shown.note


def test_a_short_run_says_so() -> None:
    """It has moments and no slope."""
    shown = soak.section(soak.Soak(7, (cycle(50, blocks=1, used_mb=1.0, objects=1, types={}),)))
    assert {row[-1] for row in shown.rows} == {"too short a run"}


def test_a_few_cycles_are_lived() -> None:
    """The process forwards what there is, and says what it has."""
    found = soak.run(3, 8)
    assert found.cycles == 3
    assert found.scrapes()["ok"] >= 3 * 6
    assert found.delivered("well")["sent"] > 3 * 6 * 20
    assert found.delivered("away")["sent"] == found.delivered("well")["sent"]
    assert all(one["rss_mb"] > 10 and one["blocks"] > 1_000 for one in found.said)


def test_a_process_that_ends_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured then."""
    monkeypatch.setattr(soak, "configuration", lambda *_: {"scrape_configs": 7})
    with pytest.raises(Failed, match="the process ended before its first cycle"):
        soak.run(1, 2)
