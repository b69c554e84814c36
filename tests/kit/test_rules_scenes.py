"""Every rule fires when it should and not when it should not; promtool judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pushvar.kit.rule_files import Alert
from pushvar.kit.rules import names, set_of
from pushvar.kit.settings import KitSettings

from tests.kit.rule_scenes import ALWAYS, ONE, SERVICE, Scene, judge
from tests.kit.rule_stories import NOTHING, STORIES, requests

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "long"), sorted({(name, scene.long) for name, scenes in STORIES.items() for scene in scenes})
)
def test_scenes(name: str, long: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of pytest
    """The alerts that fire at a minute of a scene are those of its story, and no others of the set."""
    scenes = [scene for scene in STORIES[name] if scene.long is long]
    sets = ("outage", "infra") if name == "outage" else (name,)
    judge(tmp_path, sets, scenes, every="5m" if long else "1m")


@pytest.mark.parametrize("name", [one for one in names() if one != "batch-jobs"])
def test_every_alert_has_scenes(name: str) -> None:
    """A new alert is shown to fire, and to be quiet at another minute of the same or another scene."""
    alerts = {
        rule.alert.removeprefix("Pushvar")
        for group in set_of(name, KitSettings()).groups
        for rule in group.rules
        if isinstance(rule, Alert)
    }
    moments = [fired for scene in STORIES[name] for fired in scene.fires.values()]
    assert alerts <= set().union(*moments)
    for alert in alerts - {"DeadMansSwitch"}:
        assert any(alert not in fired for fired in moments), alert


def test_a_scene_can_fail(tmp_path: Path) -> None:
    """An alert that does not fire, or one too many, is a failure."""
    for fired in (NOTHING, {"TargetDown", "JobDown"}):
        with pytest.raises(AssertionError, match="FAILED"):
            judge(tmp_path, ["infra"], [Scene("a target is down", {f"up{{{ONE}}}": "0x20"}, {10: fired})])


def test_every_fifteen_seconds(tmp_path: Path) -> None:
    """Data of 15 s: three samples are a minute, and a dip of one sample ends it."""
    quick = KitSettings(interval_s=15, shortest_s=15)
    scenes = [
        Scene("over the threshold", {f"go_goroutines{{{ONE}}}": "100x3 6000x20"},
              {1: NOTHING, 2: {"ManyGoroutines"}}),
        Scene("a dip", {f"go_goroutines{{{ONE}}}": "6000x10 9 6000x20"},
              {2: {"ManyGoroutines"}, 3: NOTHING}),
    ]  # fmt: skip
    judge(tmp_path, ["runtime"], scenes, quick, every="15s", step="15s")


def test_limits_of_slow_pushes(tmp_path: Path) -> None:
    """Data of 5 minutes: a limit that is compared with does not come and go between two pushes."""
    slow = KitSettings(interval_s=300, shortest_s=300)
    series = {
        f"process_open_fds{{{ONE}}}": "1000x9 _ 1000x30",
        f"process_max_fds{{{ONE}}}": "1024x9 _ 1024x30",
    }
    fires = {minute: {"FilesNearLimit"} for minute in range(30, 120, 3)}
    judge(tmp_path, ["runtime"], [Scene("descriptors", series, fires)], slow, step="5m")


def test_every_five_minutes(tmp_path: Path) -> None:
    """Data of 5 minutes has no ratio over 5 minutes, but slower pairs page, and nothing flaps in between."""
    slow = KitSettings(interval_s=300, shortest_s=300)
    down = {f"up{{{ONE}}}": "1x4 0x40"}
    minutes = {minute: {"TargetDown"} for minute in range(50, 120, 3)}
    scenes = [
        Scene("a target is down", down, minutes),
        Scene("errors", requests("0+100x40", "0+900x40"),
              {150: {"ErrorBudgetPage", "ErrorBudgetTicket", "BudgetSpent"}},
              {150: {f"tenant:http_requests:error_ratio_rate30m{{{SERVICE}}}": 0.1,
                     f"tenant:http_requests:success_ratio_rate20m{{{SERVICE}}}": 0.9}}),
        Scene("all is well, a sample is missing",
              {f"up{{{ONE}}}": "1x9 _ 1x30", **requests("0x40", "0+900x9 _ 9900+900x30")},
              dict.fromkeys(range(40, 80, 3), NOTHING)),
    ]  # fmt: skip
    judge(tmp_path, ["infra", "slo"], scenes, slow, step="5m")


def test_always() -> None:
    """What scenes leave out unless they say otherwise is what the outage set has, and is shown to fire."""
    fired = set().union(
        *(found for scene in STORIES["outage"] if scene.always for found in scene.fires.values())
    )
    assert fired == ALWAYS
