"""``pushvar kit rules``: the committed files are what it writes, and what Prometheus takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import promql_parser
import pytest
import yaml
from pushvar.catalogue.metrics import metric_of_series
from pushvar.kit.rule_files import Alert, Recording, RuleGroup, rule_file
from pushvar.kit.rules import groups_of, names, set_of
from pushvar.kit.rules.words import SEVERITIES, TIERS
from pushvar.kit.settings import KitSettings

from tests.components import REPOSITORY
from tests.programs.commands import promtool, run_pushvar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = REPOSITORY / "monitoring" / "rules"
SETTINGS = {
    "15 s": KitSettings(interval_s=15, shortest_s=15),
    "a minute": KitSettings(),
    "5 minutes": KitSettings(interval_s=300, shortest_s=300),
    "28 days": KitSettings(period_days=28),
}
at_all_intervals = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


def rules_of(settings: KitSettings) -> list[Alert | Recording]:
    """All rules of all sets."""
    return [rule for group in groups_of(settings) for rule in group.rules]


ALERTS = {
    rule.alert: rule
    for name in names()
    for group in set_of(name, KitSettings()).groups
    for rule in group.rules
    if isinstance(rule, Alert)
}


def test_the_committed_rules_are_fresh() -> None:
    """``pushvar kit rules`` would write the same bytes, and no file is left of a set that is gone."""
    done = run_pushvar("kit", "rules", "--output", FOLDER, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path.stem for path in FOLDER.iterdir()} == set(names())


@at_all_intervals
def test_prometheus_takes_the_rules(settings: KitSettings, tmp_path: Path) -> None:
    """Promtool finds no fault in any set, whatever the interval; and knows how many rules there are."""
    paths = []
    for name in names():
        paths.append(path := tmp_path / f"{name}.yml")
        path.write_text(set_of(name, settings).text, "utf-8")
    done = promtool("check", "rules", *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    counted = sum(map(int, re.findall(r"SUCCESS: (\d+) rules found", done.stdout)))
    assert counted == len(rules_of(settings))


@at_all_intervals
def test_rules_read_what_is_known(settings: KitSettings) -> None:
    """Each metric of an expression is in the catalogue, or was recorded by a rule of some set."""
    rules = rules_of(settings)
    recorded = {rule.record for rule in rules if isinstance(rule, Recording)}
    read: set[str] = set()
    for rule in rules:
        for name in selected(promql_parser.parse(rule.expr)):
            read.add(name)
            assert name in recorded or name in metric_of_series(), name
    assert {"up", "http_requests_total", "batch_job_running"} <= read


def selected(node: Any) -> Iterator[str]:
    """The names of all series that an expression selects."""
    if isinstance(node, promql_parser.VectorSelector):
        if node.name is not None:
            yield node.name
        return
    parts = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "param", "vector_selector", "vs")]
    for part in (*parts, *getattr(node, "args", ())):
        if part is not None and not isinstance(part, (str, float, int)):
            yield from selected(part)


def seconds(text: str) -> float:
    """What Prometheus writes for a time: ``1m30s``."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([smhd])", text))


@at_all_intervals
def test_no_window_is_too_short(settings: KitSettings) -> None:
    """Every window has four intervals: a missing sample makes no hole. Those of jobs are their own."""
    ours = [
        rule for name in names() if name != "batch-jobs" for group in set_of(name, settings).groups
        for rule in group.rules
    ]  # fmt: skip
    windows = [(one, rule.expr) for rule in ours for one in re.findall(r"\[(\d+[smhd]\w*)[\]:]", rule.expr)]
    assert len(windows) > 50
    for window, expr in windows:
        assert seconds(window) >= 4 * settings.interval_s, expr


def test_slow_pushes_keep_the_slower_pairs() -> None:
    """With 5 minutes the pair of 5 minutes and an hour is gone, and no record over 5 minutes is left."""
    text = set_of("slo", SETTINGS["5 minutes"]).text
    assert "rate5m" not in text
    assert "error_ratio_rate30m > on (sla_tier) group_left () (6 * " in text
    assert "14.4" not in text


def test_factors_follow_from_the_period() -> None:
    """Of 28 days the fastest is 13.44, of 30 days 14.4."""
    assert "(14.4 * sla" in set_of("slo", KitSettings()).text
    assert "(13.44 * sla" in set_of("slo", SETTINGS["28 days"]).text


@pytest.mark.parametrize("name", ALERTS)
def test_labels_and_words(name: str) -> None:
    """Each alert says whom it concerns and how urgent it is, by one mapping, and has its section."""
    alert = ALERTS[name]
    assert set(alert.labels) == {"tier", "priority", "severity", "team"}
    assert alert.labels["tier"] in TIERS
    priority = alert.labels["priority"]
    if "{{" not in priority:
        assert alert.labels["severity"] == SEVERITIES[priority]
    assert set(alert.annotations) == {"summary", "description", "runbook_url"}
    page, _, anchor = alert.annotations["runbook_url"].partition("#")
    assert anchor == name.lower()
    _, found, section = (REPOSITORY / page).read_text("utf-8").partition(f"\n## {name}\n")
    assert found
    for part in ("**It means**", "**Look first**", "**Do**"):
        assert part in section.partition("\n## ")[0]


def test_the_page_has_no_other_sections() -> None:
    """An alert that is gone takes its section with it."""
    sections = re.findall(r"^## (\w+)$", (REPOSITORY / "docs" / "alerts.md").read_text("utf-8"), re.MULTILINE)
    assert set(sections) == {name for name in ALERTS if not name.startswith("PushvarBatchJob")}
    assert len(sections) == len(set(sections))


def test_sets_are_printed_as_one_file() -> None:
    """The groups of the named sets, or of all, in one file; one set is just its file."""
    assert run_pushvar("kit", "rules", "batch-jobs").stdout == (FOLDER / "batch-jobs.yml").read_text("utf-8")
    printed = yaml.safe_load(run_pushvar("kit", "rules", "outage", "slo").stdout)
    groups = [group["name"] for group in printed["groups"]]
    assert groups == ["pushvar-outage", "pushvar-slo", "pushvar-slo-budget"]
    assert len(yaml.safe_load(run_pushvar("kit", "rules").stdout)["groups"]) == len(groups_of(KitSettings()))


def test_a_set_that_is_not_there() -> None:
    """Is named, with those that are; exit code 2."""
    done = run_pushvar("kit", "rules", "infrastructure")
    assert done.returncode == 2
    assert "there is no set 'infrastructure'; there are batch-jobs, business" in done.stderr


def test_check_shows_the_difference(tmp_path: Path) -> None:
    """A file that was changed by hand is shown as a diff, exit code 1, and is not touched."""
    assert run_pushvar("kit", "rules", "outage", "-o", tmp_path).returncode == 0
    path = tmp_path / "outage.yml"
    changed = path.read_text("utf-8").replace("for: 5m", "for: 9m")
    path.write_text(changed, "utf-8")
    done = run_pushvar("kit", "rules", "outage", "-o", tmp_path, "--check")
    assert done.returncode == 1
    assert "\n-        for: 9m\n+        for: 5m\n" in done.stdout
    assert path.read_text("utf-8") == changed
    assert run_pushvar("kit", "rules", "--check").returncode == 2


def test_a_configuration_sets_windows_and_objectives(tmp_path: Path) -> None:
    """Its interval and its tiers are those of the rules."""
    path = tmp_path / "pushvar.yml"
    path.write_text(
        "global: {scrape_interval: 5m}\n"
        "scrape_configs: [{job_name: a, static_configs: [{targets: ['10.0.0.1:80']}]}]\n"
        "remote_write: [{name: main, url: 'http://127.0.0.1:9/write'}]\n"
        "tenancy: {tiers: {gold: {latency_p95: 200ms, availability: 0.995}}}\n",
        "utf-8",
    )
    done = run_pushvar("kit", "rules", "slo", "--config", path)
    assert done.returncode == 0, done.stderr
    assert 'label_replace(vector(0.995), "sla_tier", "gold", "", "")' in done.stdout
    assert 'le="0.2"' in done.stdout
    assert "[5m]" not in done.stdout


def test_runbooks_may_stand_elsewhere() -> None:
    """Alerts then link there."""
    printed = run_pushvar("kit", "rules", "--runbooks", "https://wiki.example.org/alerts").stdout
    links = re.findall(r"runbook_url: (\S+)", printed)
    assert len(links) == len(ALERTS)
    assert all(link.startswith("https://wiki.example.org/alerts#pushvar") for link in links)


def test_a_rule_file_reads_back() -> None:
    """Whatever stands in expressions and texts, YAML gives it back; comments come first."""
    awkward = "a: \"b\" # 'c' {{ $value }} %"
    alert = Alert("A", f"{awkward}\n> 1\n", "0s", {"severity": awkward}, {"summary": awkward * 40})
    group = RuleGroup("g", "1m", (Recording("r", "a\n  or b\n"), alert))
    text = rule_file(("one", "", "two"), (group,))
    assert text.startswith("# one\n#\n# two\ngroups:\n")
    (read,) = yaml.safe_load(text)["groups"]
    assert read == group.as_mapping()
    assert "expr: |\n          a\n            or b\n" in text
