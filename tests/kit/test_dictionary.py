"""The metrics dictionary: complete, fresh, and in step with what real programs and rules have."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

from pushvar.catalogue import BATCH_FAMILIES, HEALTH, SELF_FAMILIES
from pushvar.catalogue.core import CORE
from pushvar.catalogue.metrics import AREAS, every_metric, metric_of_series
from pushvar.catalogue.thresholds import THRESHOLDS
from pushvar.config.load import load
from pushvar.config.programs import ready_names
from pushvar.config.schema import Config
from pushvar.kit.dictionary.entries import entries
from pushvar.kit.dictionary.files import dictionary_files
from pushvar.kit.dictionary.usage import Usage, Used
from pushvar.kit.dictionary.uses import all_uses
from pushvar.kit.settings import KitSettings, settings_of

from tests.components import REPOSITORY
from tests.programs.commands import run_pushvar
from tests.programs.servers import pushgateway

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.servers import Server

FOLDER = REPOSITORY / "monitoring" / "dictionary"


def test_the_committed_dictionary_is_fresh() -> None:
    """``pushvar kit dictionary`` would write the same bytes."""
    done = run_pushvar("kit", "dictionary", "--output", FOLDER, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()} == dictionary_files(
        KitSettings()
    )


def test_every_metric_that_can_be_emitted_has_one_entry() -> None:
    """Tables of what is sent, and the dictionary, know the same names, each once and with every field."""
    names = [metric.family.name for metric in every_metric()]
    assert len(names) == len(set(names))
    emitted = {*SELF_FAMILIES, *BATCH_FAMILIES, *(one.name for one in HEALTH)}
    assert emitted <= set(names)
    assert {name for one in CORE for name in one.families} <= set(names)
    for metric in every_metric():
        assert metric.family.help.endswith("."), metric.family.name
        assert metric.anomaly, metric.family.name
        assert metric.source, metric.family.name
        assert metric.area in AREAS, metric.family.name


def test_the_go_client_of_real_programs(etcd: Server, tmp_path: Path) -> None:
    """What programs with the official client say of their runtime is in the dictionary, by name and type."""
    kinds = {metric.family.name: metric.family.type.value for metric in every_metric()}
    with pushgateway(tmp_path) as one:
        pages = [etcd.text("/metrics"), one.text("/metrics")]
    for page in pages:
        told = dict(re.findall(r"^# TYPE ((?:go|process)_\w+) (\w+)", page, re.MULTILINE))
        told.pop("go_memstats_lookups_total", None)  # always 0, and gone from newer clients
        assert len(told) > 30
        assert {name: kinds.get(name) for name in told} == told


def test_three_forms_say_the_same() -> None:
    """Markdown, JSON and CSV have the same metrics; JSON and CSV the same facts."""
    files = dictionary_files(KitSettings())
    told = json.loads(files["metrics.json"])
    lines = list(csv.DictReader(io.StringIO(files["metrics.csv"])))
    assert told["schema"] == 1
    assert [one["name"] for one in told["metrics"]] == [line["name"] for line in lines]
    for one, line in zip(told["metrics"], lines, strict=True):
        assert f"`{one['name']}`" in files["metrics.md"]
        assert (one["anomaly"], "; ".join(one["labels"])) == (line["anomaly"], line["labels"])
    assert {one["mapping"] for one in told["ready"]} == ready_names()


def test_tables_have_as_many_cells_in_each_line() -> None:
    """No text breaks its table, whatever is in it."""
    page = dictionary_files(KitSettings())["metrics.md"]
    tables = re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE)
    assert len(tables) == 3 + len(AREAS) + len(ready_names())
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table[:200]


def test_contents_lead_somewhere() -> None:
    """Each link of the contents is the anchor of a heading, as GitHub makes anchors."""
    page = dictionary_files(KitSettings())["metrics.md"]
    titles = re.findall(r"^## (.+)$", page, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
    assert re.findall(r"^- \[.*\]\(#(.+)\)$", page, re.MULTILINE) == anchors


def test_intervals_and_levels_are_those_of_the_configuration(tmp_path: Path) -> None:
    """Sampling, windows and service levels follow from the configuration that is given."""
    path = tmp_path / "pushvar.yml"
    path.write_text(
        "global: {scrape_interval: 5m}\n"
        "scrape_configs: [{job_name: slow}, {job_name: fast, scrape_interval: 15s}]\n"
        "tenancy: {tiers: {platinum: {latency_p95: 50ms, availability: 0.99999}}}\n"
        "remote_write: [{url: 'http://localhost:9090/api/v1/write'}]\n"
    )
    done = run_pushvar("kit", "dictionary", "--format", "json", "--config", path)
    told = {one["name"]: one for one in json.loads(done.stdout)["metrics"]}
    assert told["up"]["sampled"] == "every 15s to 5m, by job"
    assert told["go_memstats_mallocs_total"]["query"] == "rate(go_memstats_mallocs_total[20m])"
    page = run_pushvar("kit", "dictionary", "--format", "md", "--config", path).stdout
    assert "| platinum | 50 ms | 99.999 % | 0.432 min |" in page
    assert "| gold | 100 ms | 99.99 % | 4.32 min |" in page


def test_settings_take_the_longest_interval() -> None:
    """Windows fit the job that is fetched most seldom, and are whole minutes."""
    config = load(
        "scrape_configs: [{job_name: a, scrape_interval: 50s}, {job_name: b, scrape_interval: 95s}]",
        source="t",
    )
    settings = settings_of(config)
    assert (settings.shortest_s, settings.interval_s) == (50.0, 95.0)
    assert settings.window(300) == "7m"  # 4 x 95 s are 380 s
    assert settings.window(3600) == "1h"
    assert settings.intervals(3) == "4m45s"
    assert settings_of(Config()) == KitSettings()


def test_uses_are_found_through_recorded_series() -> None:
    """Who looks at a recorded series looks at what it is made of, by name or by a pattern of names."""
    recorded = {
        "a:up:sum": "sum(up)",
        "b:up:sum": 'a:up:sum + b:up:sum{job="go_goroutines"}',
        "c:heap:max": "max(go_memstats_heap_inuse_bytes)",
    }
    used = (
        Used("alert", "ByName", "b:up:sum > 0"),
        Used("alert", "ByPattern", 'max({__name__=~"c:.*"})'),
        Used("panel", "Plain", "rate(go_gc_duration_seconds_sum[5m])"),
        Used("alert", "ByName", "up == 0"),
    )
    usage = Usage(used, recorded)
    assert usage.of("up", "alert") == ("ByName",)
    assert usage.of("go_memstats_heap_inuse_bytes", "alert") == ("ByPattern",)
    assert usage.of("go_gc_duration_seconds", "panel") == ("Plain",)
    assert usage.of("go_goroutines", "alert") == ()  # a label's value is no name


def test_every_alert_and_panel_looks_at_something_known() -> None:
    """Each alert and each panel of the kit is named by at least one metric, and no name is unknown."""
    settings = KitSettings()
    used, recorded = all_uses(settings)
    found = entries(settings, Usage(used, recorded))
    named = {name for one in found for name in (*one.alerts, *one.panels)}
    assert {one.name for one in used} - named == {"PushvarDeadMansSwitch"}  # it looks at nothing
    assert len(named) > 50


def test_thresholds_are_in_order() -> None:
    """What is bad is worse than what is worth a look."""
    for name, one in THRESHOLDS.items():
        assert (one.bad < one.warn) if one.falling else (one.warn < one.bad), name
    assert metric_of_series()["go_gc_duration_seconds_count"].family.name == "go_gc_duration_seconds"
