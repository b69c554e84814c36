"""The run of all benchmarks: which parts run, what a part that fails does, what becomes of the goals."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from pushvar.errors import ComponentMissing

from benchmarks import __main__ as bench
from benchmarks import (
    conversion,
    encode,
    encoders,
    first_cycle,
    growth,
    https_hosts,
    hung_targets,
    judging,
    lambda_forward,
    measure,
    outage,
    parts,
    peers,
    plot,
    report,
    shape_warm,
    target_cycle,
    text_parse,
    wire,
)
from benchmarks.goals import GOALS
from benchmarks.servers import Failed
from benchmarks.tables import Section

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

ONE = measure.Spread(1.0, 0.5, 2.0)


def at(figure: float) -> measure.Spread:
    """A figure that tells where it was found."""
    return measure.Spread(figure, figure - 0.01, figure + 0.01)


SIZES = (
    growth.Size(100, at(300), 50, 51),
    growth.Size(1_000, at(330), 79, 82, 32.0),
    growth.Size(10_000, at(396), 316, 320, 24.0),
)
FOUND: dict[str, Any] = {
    "peers": peers.Peers(
        500, 5, 9, "Go",
        tuple(
            peers.Peer(name, "1", at(cpu_us), 50.0, 60.0, at(ratio))
            for name, cpu_us, ratio in (
                (peers.PUSHVAR, 200, 1), (peers.VMAGENT, 600, 0.33), (peers.AGENT, 900, 0.22),
                (peers.NAIVE, 3_000, 0.07),
            )
        ),
    ),
    "target_cycle": target_cycle.TargetCycle(
        500, 1, "nobody", target_cycle.Cost(ONE, 0.1, 3), target_cycle.Cost(ONE, 0.1, 3), at(11), {},
        target_cycle.Cost(ONE, 0.1, 3), at(1.1),
    ),
    "first_cycle": first_cycle.FirstCycle(
        500, 1, ONE, {first_cycle.KNOWN: at(1_200), first_cycle.NEW: at(1_400)}, {}
    ),
    "encoders": encoders.Encoders(
        30_000, 1, {},
        (
            encoders.Peer("slow", "1", at(900), {}),
            encoders.Peer(
                "fast", "1", at(400),
                {encoders.WARM: at(105), encoders.SHAPE: at(19), encoders.COLD: at(12)},
            ),
        ),
    ),
    "encoding": encode.Encoding(
        30_000, 1, 16, 6, 1, 300.0,
        tuple(
            encode.Way(name, ONE, at(ratio), ONE, ONE)
            for name, ratio in ((encode.WARM, 66), (encode.WARM_FLOATS, 54), (encode.CACHED, 15))
        ),
    ),
    "text_parse": text_parse.TextParse(1_000, 1, 1, (text_parse.Way(text_parse.WARM, ONE, at(31)),)),
    "conversion": conversion.Conversion(
        1_479, 1, 1, ONE,
        tuple(conversion.Way(name, ONE, at(limit / 2)) for name, limit in conversion.LIMITS.items()),
    ),
    "shape_warm": shape_warm.ShapeWarm(500, 1, {}, {shape_warm.SHAPE_WARM: at(3)}, at(190)),
    "https_hosts": https_hosts.HttpsHosts(
        1_000, 1, {}, {https_hosts.HANDSHAKES: at(1.1), https_hosts.BLOCKING: at(1.4)}
    ),
    "hung_targets": hung_targets.HungTargets(
        500, 50, 1, tuple(hung_targets.Late(s, at(left_s), ONE) for s, left_s in ((1, 0.4), (2, 2), (5, 0.9)))
    ),
    "growth": growth.Growth(1, "nobody", SIZES),
    "wire": wire.Wire(
        500, 1,
        tuple(
            wire.Size(name, at(size), ONE)
            for name, size in (
                (wire.V1, 24.7), (wire.V2, 13.2), (wire.V1_METADATA, 24.8), (wire.V2_ALL, 17.2),
            )
        ),
    ),
    "outage": outage.Outage(1_000, 30, 1, 44.5, 0.07, 1, 1, 6.0, 1.8, 5.6, 1),
    "lambda_forward": lambda_forward.LambdaForward(
        1, {}, lambda_forward.Memory(500, 60, 22.0, 98.0, 101.0, 7.0, 1.05)
    ),
}  # fmt: skip
"""A run that is made up: no two goals see the same figure."""

SEEN = {
    "cycle_vmagent": (0.33, "reached"),
    "cycle_agent": (0.22, "falls short by 10%"),
    "cycle_naive": (11, "reached"),
    "cycle_second": (1.1, "reported"),
    "first_cycle": (1_200, "reported"),
    "first_cycle_new": (1_400, "reported"),
    "first_cycle_vmagent": (2, "reported"),
    "encoders_warm": (105, "reached"),
    "encoders_shape": (19, "falls short by 5%"),
    "encoders_cold": (12, "reported"),
    "encode_naive": (66, "reached"),
    "encode_floats": (54, "reported"),
    "encode_kept": (15, "reported"),
    "text_warm": (31, "reported"),
    **{f"convert_{name}": (limit / 2, "reached") for name, limit in conversion.LIMITS.items()},
    "shape_warm": (3, "reported"),
    "plan": (190, "reported"),
    "https_hosts": (1.1, "reached"),
    "https_hosts_blocking": (1.4, "reported"),
    "hung_targets": (2, "falls short by 100%"),
    "rss": (79, "reached"),
    "rss_flat": (0.4, "reached"),
    "rss_added": (24, "reported"),
    "rss_added_small": (32, "reported"),
    "cpu_flat": (1.2, "reached"),
    "cpu_flat_small": (1.1, "reported"),
    "wire_v1": (24.7, "reached"),
    "wire_v2": (13.2, "reached"),
    "wire_v1_metadata": (24.8, "reported"),
    "wire_v2_all": (17.2, "reported"),
    "outage_replay": (6, "reached"),
    "outage_memory": (5.6, "reached"),
    "lambda_memory": (101, "falls short by 1%"),
}


def test_every_goal_finds_its_figure() -> None:
    """The table of goals is this one, whole, and each says what became of its figure."""
    judged = {goal.name: goal for goal in judging.judged(GOALS, FOUND)}
    assert len(judged) == len(GOALS)
    assert {name: goal.verdict for name, goal in judged.items()} == {
        name: verdict for name, (_, verdict) in SEEN.items()
    }
    for name, goal in judged.items():
        assert goal.seen is not None
        assert goal.seen.low <= goal.seen.median <= goal.seen.high
        assert goal.seen.median == pytest.approx(SEEN[name][0])


def test_what_was_asked() -> None:
    """The figures of the goals are those that were set, and all that are not are only reported."""
    asked = {goal.name: goal.asked for goal in GOALS if goal.sign}
    assert asked == {
        "cycle_vmagent": "<= 0.35x",
        "cycle_agent": "<= 0.2x",
        "cycle_naive": ">= 8x",
        "encoders_warm": ">= 100x",
        "encoders_shape": ">= 20x",
        "encode_naive": ">= 40x",
        "convert_warm": "<= 3x",
        "convert_cold": "<= 120x",
        "convert_fresh": "<= 120x",
        "https_hosts": "<= 1.3x",
        "hung_targets": "<= 1 s",
        "rss": "< 80 MB",
        "rss_flat": "<= 1x",
        "cpu_flat": "<= 1.25x",
        "wire_v1": "<= 25 bytes",
        "wire_v2": "<= 15 bytes",
        "outage_replay": "<= 120 s",
        "outage_memory": "<= 200 MB",
        "lambda_memory": "<= 100 MB",
    }


def test_the_names_of_goals_and_of_their_parts_are_known() -> None:
    """No goal waits for a part that does not exist."""
    assert {part for goal in GOALS for part in goal.parts} <= set(parts.NAMES)
    assert len({goal.words for goal in GOALS}) == len({goal.name for goal in GOALS}) == len(GOALS)


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.name)
def test_a_goal_whose_part_did_not_run_is_not_measured(goal: judging.Goal) -> None:
    """It keeps its row, and what was asked."""
    for missing in goal.parts:
        others = {name: result for name, result in FOUND.items() if name != missing}
        (judged,) = judging.judged([goal], others)
        assert (judged.seen, judged.verdict) == (None, "not measured")
        assert judging.section([judged]).rows == ((goal.words, goal.asked, "", "not measured"),)


def test_a_size_that_did_not_run_is_not_measured() -> None:
    """Without 10,000 targets nothing is said of them, and nothing is made of 100 instead."""
    few = FOUND | {"growth": growth.Growth(1, "nobody", SIZES[:2])}
    judged = {goal.name: goal.verdict for goal in judging.judged(GOALS, few)}
    assert judged["rss"] == "reached"
    assert judged["cpu_flat_small"] == "reported"
    assert [judged[name] for name in ("rss_flat", "rss_added", "cpu_flat")] == ["not measured"] * 3
    short = FOUND | {"outage": replace(FOUND["outage"], cycles=5)}
    judged = {goal.name: goal.verdict for goal in judging.judged(GOALS, short)}
    assert judged["outage_replay"] == judged["outage_memory"] == "not measured"


@pytest.mark.parametrize(
    ("sign", "bound", "figure", "verdict"),
    [
        ("<=", 0.35, 0.35, "reached"),
        ("<=", 0.35, 0.46, "falls short by 31%"),
        ("<", 80, 80, "falls short by less than 1%"),
        (">=", 100, 99.5, "falls short by less than 1%"),
        (">=", 100, 50, "falls short by 50%"),
        (">=", 100, 100, "reached"),
        ("", 0, 7, "reported"),
    ],
)
def test_a_verdict_says_by_how_much(sign: str, bound: float, figure: float, verdict: str) -> None:
    """A bound belongs to what it allows, unless it says less."""
    assert judging.verdict_of(sign, bound, figure) == verdict


def test_the_goals_end_the_report() -> None:
    """Median, ends and unit; a figure that is measured once has no ends."""
    shown = judging.section(judging.judged(GOALS, FOUND))
    rows = {row[0]: row for row in shown.rows}
    assert rows["1,000 targets: memory resident"][1:] == ("< 80 MB", "79.0 MB", "reached")
    words = "warm target-cycle, kept-alive HTTP: CPU as a share of vmagent's"
    assert rows[words][1:] == ("<= 0.35x", "0.33x (0.32-0.34)", "reached")
    assert shown.note == "15 reached, 4 short, 0 not measured."


@dataclass(frozen=True)
class Measured:
    """What a part that is made up measures."""

    of: str


@dataclass
class Run:
    """Parts that are made up, and what was asked of them."""

    asked: list[str]

    def part(self, name: str, error: Exception | None = None) -> parts.Part:
        """A part that measures its own name, or raises."""

        def run(of: parts.Setting) -> Measured:
            self.asked.append(f"{name} {of.effort.cycles}")
            of.progress()
            if error is not None:
                raise error
            return Measured(name)

        def sections(found: Measured) -> list[Section]:
            return [Section(f"Table of {found.of}", ("what", "much"), (("is", "1"),), "Note.")]

        return parts.Part(name, f"words of {name}", lambda effort: effort.cycles, run, sections)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Three parts, the second of which wants a program that is not there."""
    run = Run([])
    missing = ComponentMissing("vmagent is nowhere", hint="get it")
    listed = (run.part("bees"), run.part("ants", missing), run.part("wasps"))
    for module in (bench, report):
        monkeypatch.setattr(module, "PARTS", listed)
    monkeypatch.setattr(bench, "NAMES", tuple(part.name for part in listed))
    return run


def invoked(*options: str) -> Result:
    """The command, with these options."""
    return CliRunner().invoke(bench.main, options)


def test_a_part_that_cannot_run_is_told_and_the_others_go_on(made_up: Run) -> None:
    """Its reason stands in the report, with the way out; the exit code is 1."""
    shown = invoked("--markdown")
    assert shown.exit_code == 1
    assert made_up.asked == [f"{name} {parts.FULL.cycles}" for name in ("bees", "ants", "wasps")]
    for words in ("### Table of bees", "### Table of wasps", "### NOT MEASURED: words of ants"):
        assert words in shown.output
    assert "vmagent is nowhere; get it" in shown.output
    assert all(line == line.rstrip() for line in shown.stdout.splitlines())
    assert shown.stdout.startswith("### Machine and versions\n\n| what ")
    assert "nothing was measured by ants" in shown.output


def test_the_run_says_how_far_it_is(made_up: Run) -> None:
    """Which part of how many is over."""
    assert made_up.asked == []
    said = re.findall(r"(\d/\d \w+: \w+) after \d+ s", invoked("--quick").output)
    assert said == ["1/3 bees: done", "2/3 ants: failed", "3/3 wasps: done"]
    assert made_up.asked[0] == f"bees {parts.QUICK.cycles}"


def test_parts_are_chosen_by_name(made_up: Run) -> None:
    """In their own order, whatever the option's; others are not run, and nothing has failed."""
    shown = invoked("--only", "wasps, bees", "--json")
    assert shown.exit_code == 0
    assert [asked.split()[0] for asked in made_up.asked] == ["bees", "wasps"]
    said = json.loads(shown.stdout)
    assert (said["bees"], said["wasps"], said["failed"]) == ({"of": "bees"}, {"of": "wasps"}, {})
    assert set(said["took_s"]) == {"bees", "wasps"}


def test_a_failed_part_stands_in_the_object(made_up: Run) -> None:
    """And the exit code says so there, too."""
    shown = invoked("--only", "ants", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["failed"] == {"ants": "vmagent is nowhere; get it"}
    assert len(made_up.asked) == 1


def test_a_name_that_is_none_is_refused(made_up: Run) -> None:
    """Before anything runs, with the names that there are."""
    shown = invoked("--only", "wasps,aunts")
    assert shown.exit_code == 2
    assert "no part is called aunts; there are bees, ants, wasps" in shown.output
    assert made_up.asked == []


def test_parts_are_listed(made_up: Run) -> None:
    """Name and words; nothing runs."""
    shown = invoked("--list")
    assert (shown.exit_code, made_up.asked) == (0, [])
    assert shown.output.splitlines()[0].split(maxsplit=1) == ["bees", "words of bees"]


@pytest.mark.parametrize("error", [Failed("the sink ended"), ZeroDivisionError("by zero")])
def test_whatever_stops_a_part_stops_no_other(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what nobody expected; its traceback is printed."""
    run = Run([])
    listed = (run.part("bees", error), run.part("wasps"))
    results = bench.run(listed, quick=True)
    assert list(results.found) == ["wasps"]
    assert str(error) in results.failed["bees"]
    monkeypatch.setattr(report, "PARTS", listed)
    assert "bees" in {row[0] for section in report.sections(results)[:3] for row in section.rows}


def test_a_quick_run_draws_no_pictures(made_up: Run) -> None:
    """They belong to a page that is of a whole run."""
    shown = invoked("--quick", "--docs")
    assert shown.exit_code == 2
    assert made_up.asked == []


def test_every_part_has_words_and_one_name() -> None:
    """Old and new ones, each once; in both efforts each tells of some progress."""
    assert len(set(parts.NAMES)) == len(parts.NAMES) == 18
    assert parts.NAMES[0] == "cold_start"
    for part in parts.PARTS:
        assert part.words
        assert min(part.rounds(parts.QUICK), part.rounds(parts.FULL)) >= 1


@pytest.mark.parametrize(
    "module", [encoders, first_cycle, growth, https_hosts, hung_targets, peers, shape_warm, wire]
)
def test_a_benchmark_runs_by_itself(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """``python -m benchmarks.<name>`` is a run of that part alone."""
    asked: list[tuple[list[str], bool]] = []

    def run(chosen: list[parts.Part], *, quick: bool) -> report.Results:
        asked.append(([part.name for part in chosen], quick))
        return report.Results({}, quick)

    monkeypatch.setattr(bench, "run", run)
    assert CliRunner().invoke(module.main, ["--quick", "--markdown"]).exit_code == 0
    assert asked == [([module.__name__.rpartition(".")[2]], True)]


def test_pictures_are_drawn_of_what_was_measured(tmp_path: Path) -> None:
    """A bar for each client with its figure, a point for each size in both panels; what is absent is left."""
    written = plot.write(FOUND, tmp_path)
    assert [path.name for path in written] == [plot.CLIENTS, plot.GROWTH]
    drawn = [ET.fromstring(path.read_text("utf-8")) for path in written]  # noqa: S314 - made here
    texts = [{text.text for text in one.iter("{http://www.w3.org/2000/svg}text")} for one in drawn]
    assert {"pushvar", "vmagent", "Prometheus agent", "naive script", "600 (600-600)"} <= texts[0]
    assert {"100", "1,000", "10,000", "330", "79"} <= texts[1]
    assert len(list(drawn[1].iter("{http://www.w3.org/2000/svg}circle"))) == 2 * len(SIZES)
    assert plot.write({"growth": FOUND["growth"]}, tmp_path) == [tmp_path / plot.GROWTH]


def test_an_axis_ends_at_a_round_number() -> None:
    """Above the figures, and its quarters are round as well."""
    assert [plot.nice(top) for top in (0.9, 1.0, 87, 330, 401, 2_100)] == [1, 1, 100, 400, 600, 2_400]


def test_the_page_has_a_place_for_a_run_and_its_pictures() -> None:
    """What ``--markdown`` prints stands between two marks; ``--docs`` draws what the page shows."""
    page = (plot.FOLDER / "performance.md").read_text("utf-8")
    before, after = page.split("<!-- run -->\n")
    assert after.count("<!-- end of run -->\n") == page.count("<!-- end of run -->") == 1
    assert f"({plot.CLIENTS})" in before
    assert f"({plot.GROWTH})" in before
    assert "[table of goals](#goals)" in before
