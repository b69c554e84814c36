"""A cycle in words and numbers: the log line, CloudWatch's metrics, what people are told."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

from pushvar.app.summary import cycle_line, cycle_metrics
from pushvar.catalogue import DROPPED
from pushvar.cli.live import LiveTable
from pushvar.cli.reporting import Lines, cycle_object
from pushvar.convert.own_metrics import count_deliveries, total
from pushvar.model import Delivery, Labels, Repair, Report, Scrape, Target
from rich.console import Console

from tests.unit.mapping import converted

if TYPE_CHECKING:
    from pytest import CaptureFixture as Capsys  # noqa: PT013 - a type only

NOW_MS = 1_795_173_629_844
LABELS: Labels = (("customer_id", "a"), ("instance", "i"), ("job", "pay"), ("sla_tier", "gold"))
TARGET = Target("key", "pay", "http://a/debug/vars", LABELS)
HEALTHY = Delivery("main", sent=60, requests=1, wire_bytes=900)
AWAY = Delivery(
    "away", spooled=50, replayed=7, requests=4, retries=3, wire_bytes=11, error="503: try later",
    waiting=250, waiting_since_ms=NOW_MS - 90_000, notes=('too_old: 40 samples, the first up{job="pay"}',),
).drop("too_old", 40).drop("refused", 2)  # fmt: skip
STALLED = Delivery("stalled", waiting=5, waiting_since_ms=NOW_MS - 1_000, error="timed out")


def scrape(reason: str = "ok") -> Scrape:
    """A scrape whose document has one leaf that no rule names, and a rule that took nothing."""
    made = converted(
        [{"match": "a", "name": "a"}, {"match": "z", "name": "z"}], {"a": 1, "b": "text"}, "auto"
    )
    plan = replace(made.plan, target=TARGET)
    return Scrape(
        plan,
        made.values + bytes(40),
        NOW_MS,
        reason,
        "no answer",
        samples=1,
        repairs=(Repair("nan", "a"), Repair("nan", "b")),
    )


def report(*deliveries: Delivery, reasons: tuple[str, ...] = ("ok",)) -> Report:
    """A cycle of one target for each reason."""
    return Report("0", 5, NOW_MS, 1.23456, tuple(map(scrape, reasons)), deliveries, lost_cycles=0)


def test_a_good_cycle_is_a_short_line() -> None:
    """What is zero is not said, but what was sent."""
    found = replace(report(HEALTHY), scrapes=())
    assert cycle_line(found) == {
        "shard": "0", "cycle": 5, "duration_s": 1.235, "backends": {"main": {"sent": 60}},
    }  # fmt: skip


def test_a_bad_cycle_says_everything() -> None:
    """Targets by outcome, each backend's fate with the reasons of what was dropped, findings by class."""
    line = cycle_line(replace(report(HEALTHY, AWAY, reasons=("ok", "timeout")), lost_cycles=1))
    assert line == {
        "shard": "0", "cycle": 5, "duration_s": 1.235, "lost_cycles": 1,
        "targets": {"ok": 1, "timeout": 1},
        "down": ["http://a/debug/vars timeout: no answer"],
        "backends": {
            "main": {"sent": 60},
            "away": {
                "sent": 0, "replayed": 7, "spooled": 50, "dropped": {"refused": 2, "too_old": 40},
                "waiting": 250, "waiting_s": 90.0, "retries": 3, "error": "503: try later",
                "notes": ['too_old: 40 samples, the first up{job="pay"}'],
            },
        },
        "leaves_skipped": {"without_rule": 2}, "repairs": {"nan": 4}, "dead_rules": 1,
    }  # fmt: skip
    json.dumps(line)


def test_a_skipped_cycle_says_why() -> None:
    """No numbers, one count under the reason."""
    skipped = Report("0", 5, NOW_MS, 0.0, skipped="late", detail="90 s old")
    assert cycle_line(skipped) == {"shard": "0", "cycle": 5, "skipped": "late", "detail": "90 s old"}
    assert cycle_metrics(skipped) == {"CyclesLate": 1}


def test_the_metrics_are_the_counters() -> None:
    """CloudWatch is told what our own series say, without labels."""
    found = report(HEALTHY, AWAY, STALLED, reasons=("ok", "dns"))
    assert cycle_metrics(found) == {
        "Cycles": 1, "CyclesLost": 0, "CycleSeconds": 1.23456, "Targets": 2, "TargetsDown": 1,
        "SamplesSent": 60, "SamplesReplayed": 7, "SamplesSpooled": 50, "SamplesDropped": 42,
        "SpoolSamples": 255, "SpoolAgeSeconds": 90.0,
    }  # fmt: skip
    counted = count_deliveries(found.deliveries)
    assert total(counted, "pushvar_samples_dropped_total") == sum(one.lost for one in found.deliveries)
    assert cycle_metrics(replace(found, scrapes=(), deliveries=()))["SpoolAgeSeconds"] == 0


def test_people_are_told_spooled_and_dropped_apart(capsys: Capsys[str]) -> None:
    """A line for each backend's trouble, said once while it lasts, and the sum."""
    lines = Lines()
    lines.cycle(report(HEALTHY, AWAY, STALLED))
    first = capsys.readouterr().out
    assert "  away  503: try later\n" in first
    assert f"  away  dropped: too_old: {DROPPED['too_old']}\n" in first
    assert '  away  too_old: 40 samples, the first up{job="pay"}\n' in first
    assert "  stalled  kept for a later cycle: timed out\n" in first
    assert (
        "1 target  main: 60 sent; away: 0 sent, 7 replayed, 50 spooled, 42 dropped (refused 2, too_old 40), "
        "250 waiting, the oldest for 90 s, 3 retries; "
        "stalled: 0 sent, 5 waiting, the oldest for 1 s  1.23 s\n"
    ) in first
    lines.cycle(report(HEALTHY, AWAY, Delivery("stalled", sent=5, retries=1, error="timed out slowly")))
    second = capsys.readouterr().out
    assert second.count("away") == 1
    assert "  stalled  in the end it went well; before: timed out slowly\n" in second
    fresh = Delivery("away", spooled=3, waiting=3, waiting_since_ms=NOW_MS)
    lines.cycle(report(fresh.drop("too_old", 3)))
    assert "away: 0 sent, 3 spooled, 3 dropped (too_old)  " in capsys.readouterr().out


def test_programs_are_told_the_same() -> None:
    """Every count by its name; what did not arrive is their sum."""
    (away,) = json.loads(json.dumps(cycle_object(report(AWAY))))["backends"]
    assert away["dropped"] == {"refused": 2, "too_old": 40}
    assert (away["spooled"], away["failed"], away["waiting"], away["replayed"]) == (50, 92, 250, 7)


def test_the_live_table_tells_spooled_and_dropped_apart() -> None:
    """The foot of the demo's table says it in the same words."""
    screen = StringIO()
    with LiveTable("http://page", Console(file=screen, width=200)) as table:
        table.cycle(report(HEALTHY, AWAY))
    text = screen.getvalue()
    assert "main: 60 sent in 1 requests, 900 bytes\n" in text.replace(" \n", "\n").replace("  ", "")
    assert "7 replayed, 50 spooled, 42 dropped (refused 2, too_old 40)" in text
    assert "503: try later" in text
    assert "67 samples sent" in text
