"""The dashboards: fresh, valid by Grafana's own models, in PromQL that parses, made of the catalogue."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from pushvar.catalogue.metrics import metric_of_series
from pushvar.catalogue.thresholds import THRESHOLDS, Threshold
from pushvar.kit.dashboards import names
from pushvar.kit.dashboards.build import ref_id
from pushvar.kit.dashboards.files import Wanted, dashboard_files, dashboards, flavoured
from pushvar.kit.dashboards.links import Further
from pushvar.kit.dashboards.look import steps
from pushvar.kit.series_names import metric_names
from pushvar.kit.settings import KitSettings

from tests.components import REPOSITORY
from tests.programs.commands import run_pushvar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = REPOSITORY / "monitoring" / "dashboards"
BOARDS = dashboards(Wanted(KitSettings()))
IMPORTED = {name: json.loads((FOLDER / "import" / f"{name}.json").read_text()) for name in BOARDS}

LOST = {"__inputs", "__requires"}
"""What the SDK's model of a dashboard has not: the fields of the import page."""


def targets(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All targets of a dashboard."""
    for panel in board["panels"]:
        yield from panel.get("targets", ())


def test_the_committed_dashboards_are_fresh() -> None:
    """``pushvar kit dashboards`` would write the same bytes, and there is no other file."""
    done = run_pushvar("kit", "dashboards", "--output", FOLDER, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    assert there == set(dashboard_files(Wanted(KitSettings())))


def test_no_dashboard_is_missing() -> None:
    """The issue names five."""
    assert names() == ("batch-jobs", "coverage", "forwarder", "go-runtime", "tenants")


@pytest.mark.filterwarnings("ignore:Prefer using dashboardv2:DeprecationWarning")
@pytest.mark.parametrize(
    "board", [*BOARDS.values(), *IMPORTED.values()], ids=[*BOARDS, *(f"import-{n}" for n in IMPORTED)]
)
def test_grafanas_models_read_and_write_it_without_loss(board: dict[str, Any]) -> None:
    """From JSON to the SDK's model and back, every key and value is there again but what it does not know."""
    from grafana_foundation_sdk.models.dashboard import Dashboard

    model = Dashboard.from_json(json.loads(json.dumps(board)))
    written = json.loads(JSONEncoder(sort_keys=True, indent=2).encode(model))
    kept = {key: value for key, value in board.items() if key not in LOST}
    assert list(missing(kept, written)) == []


def missing(wanted: Any, found: Any, place: str = "") -> Iterator[str]:
    """What is in the first and not, or otherwise, in the second; null and empty are no difference."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            yield from missing(value, found.get(key), f"{place}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from missing(one, other, f"{place}[{index}]")
    elif wanted != found and wanted not in (None, "", [], {}):
        yield f"{place}: {wanted!r} became {found!r}"


@pytest.mark.parametrize("name", BOARDS)
def test_every_expression_is_promql(name: str) -> None:
    """A parser of PromQL takes each, with a window and values for the variables."""
    for target in targets(BOARDS[name]):
        expr = target["expr"].replace("$__rate_interval", "4m")
        promql_parser.parse(re.sub(r"\$\w+", ".*", expr))


@pytest.mark.parametrize("name", BOARDS)
def test_names_are_read_as_a_parser_reads_them(name: str) -> None:
    """The lint's own reading finds the same metrics as a parser of PromQL."""
    for target in targets(BOARDS[name]):
        expr = re.sub(r"\$\w+", ".*", target["expr"].replace("$__rate_interval", "4m"))
        assert metric_names(target["expr"]) == set(_selected(promql_parser.parse(expr)))


def _selected(expr: Any) -> Iterator[str]:
    """The names of the vector selectors in a parsed expression."""
    for part in ("lhs", "rhs", "expr", "vector_selector", "vs"):
        inner = getattr(expr, part, None)
        if inner is not None:
            yield from _selected(inner)
    for one in getattr(expr, "args", None) or ():
        yield from _selected(one)
    if isinstance(expr, promql_parser.VectorSelector):
        yield str(expr.name)


@pytest.mark.parametrize("name", BOARDS)
def test_panels_say_what_the_catalogue_says(name: str) -> None:
    """The help and the anomaly of each metric of a panel stand in its description."""
    for panel in BOARDS[name]["panels"]:
        for target in panel.get("targets", ()):
            for metric in filter(None, map(metric_of_series().get, metric_names(target["expr"]))):
                assert metric.family.help in panel["description"], panel["title"]
                assert metric.anomaly in panel["description"], panel["title"]


def test_every_metric_of_pushvar_itself_is_shown() -> None:
    """No self-metric, batch metric or audit metric is without a panel."""
    shown = {
        name
        for board in BOARDS.values()
        for target in targets(board)
        for name in metric_names(target["expr"])
    }
    ours = {
        n for n, m in metric_of_series().items() if m.area in ("own", "batch", "gateway", "audit", "health")
    }
    assert ours - shown == set()


def test_thresholds_rise_from_null() -> None:
    """Steps are absolute and rise; where low is bad, the lowest step is red."""
    assert steps(Threshold(2, 5, "short", "why"))["steps"] == [
        {"value": None, "color": "green"}, {"value": 2, "color": "orange"}, {"value": 5, "color": "red"},
    ]  # fmt: skip
    falling = steps(Threshold(1.0, 0.9, "percentunit", "why", falling=True))["steps"]
    assert [one["color"] for one in falling] == ["red", "orange", "green"]
    assert [one["value"] for one in falling] == [None, 0.9, 1.0]
    for limit in THRESHOLDS.values():
        values = [one["value"] for one in steps(limit)["steps"][1:]]
        assert values == sorted(values)


def test_ref_ids_go_on_after_z() -> None:
    """A to Z, then AA, AB; BA after AZ."""
    assert [ref_id(index) for index in (0, 25, 26, 27, 52, 701, 702)] == [
        "A",
        "Z",
        "AA",
        "AB",
        "BA",
        "ZZ",
        "AAA",
    ]


def test_links_lead_to_dashboards_that_are_there() -> None:
    """Each link's dashboard and choices exist, and every one carries the data source and the time range."""
    there = {board["uid"]: {one["name"] for one in board["templating"]["list"]} for board in BOARDS.values()}
    found = 0
    for board in BOARDS.values():
        for url in re.findall(r'"url": "(/d/[^"]+)"', json.dumps(board)):
            found += 1
            parts = urlsplit(url)
            chosen = re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", parts.query)
            uid = parts.path.removeprefix("/d/")
            assert {next(filter(None, one)) for one in chosen} <= there[uid], url
            assert "${datasource:queryparam}" in url
            assert url.endswith("${__url_time_range}")
    assert found > 10


def test_explore_opens_one_instance_over_the_same_time() -> None:
    """The last link down is a pane of Explore that asks for all series of what was clicked on."""
    panel = next(one for one in BOARDS["go-runtime"]["panels"] if one["title"] == "Stacks")
    (link,) = panel["fieldConfig"]["defaults"]["links"]
    (panes,) = parse_qs(urlsplit(link["url"]).query)["panes"]
    (pane,) = json.loads(unquote(panes)).values()
    assert pane["queries"][0]["expr"] == (
        '{job="${__field.labels.job}", instance="${__field.labels.instance}"}'
    )
    assert pane["range"] == {"from": "${__from}", "to": "${__to}"}


def test_a_longer_interval_makes_longer_windows() -> None:
    """No fixed window is shorter than four intervals of the configuration."""
    slow = dashboards(Wanted(KitSettings(interval_s=1800, shortest_s=1800)))
    windows = {
        w
        for board in slow.values()
        for t in targets(board)
        for w in re.findall(r"\[(\d+[a-z]\w*)\]", t["expr"])
    }
    assert windows == {"2h", "1d"}


def test_slow_data_is_not_old_data() -> None:
    """Where numbers come every ten minutes, the forwarder's ages turn red after five intervals."""
    slow = dashboards(Wanted(KitSettings(interval_s=600, shortest_s=600)))["forwarder"]
    oldest = next(one for one in slow["panels"] if one["title"] == "Oldest data")
    values = [one["value"] for one in oldest["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    assert values == [None, 1800, 3000]


def test_provisioning_files_are_yaml_of_grafana() -> None:
    """The provider reads a folder, the data source knows the interval of the configuration."""
    files = dashboard_files(Wanted(KitSettings(interval_s=15, shortest_s=15)))
    (provider,) = yaml.safe_load(files["provisioning.yml"])["providers"]
    assert (provider["type"], set(provider["options"])) == ("file", {"path"})
    (source,) = yaml.safe_load(files["datasource.yml"])["datasources"]
    assert (source["type"], source["jsonData"]["timeInterval"]) == ("prometheus", "15s")


def test_a_literal_data_source_takes_the_place_of_the_choice() -> None:
    """With --datasource-uid nothing asks the variable, which is gone."""
    text = flavoured(Wanted(KitSettings(), datasource_uid="amp-1"), ("coverage",), "provisioning")[
        "coverage.json"
    ]
    assert "${datasource" not in text
    assert json.loads(text)["templating"]["list"][0]["name"] == "customer_id"
    assert json.loads(text)["panels"][1]["targets"][0]["datasource"] == {"type": "prometheus", "uid": "amp-1"}


def test_links_of_ones_own_stand_at_single_instances() -> None:
    """A link to logs is offered where a series is one process, and nowhere else."""
    logs = Further("Logs", "https://logs.example.org/?q=${__field.labels.instance}")
    made = dashboards(Wanted(KitSettings(), links=(logs,)))
    having = {name for name, board in made.items() if "https://logs.example.org" in json.dumps(board)}
    assert having == {"go-runtime"}


def test_single_dashboards_and_wrong_words(tmp_path: Path) -> None:
    """One goes to standard output; names, links and options that do not fit are told."""
    one = run_pushvar("kit", "dashboards", "coverage", "--flavour", "import")
    assert json.loads(one.stdout) == IMPORTED["coverage"]
    for options, said in (
        (("nothing",), "there is no dashboard nothing; there are: batch-jobs"),
        (("--link", "Logs"), "write TITLE=URL"),
        (("--folder", "x"), "go with --push URL"),
        (("--push", "http://127.0.0.1:1", "--flavour", "import"), "posts the provisioning flavour"),
        (("--lint",), "needs the FILEs"),
        (("--check",), "needs the FOLDER"),
        ((), "name a FOLDER"),
    ):
        done = run_pushvar("kit", "dashboards", *options)
        assert (done.returncode, said in done.stderr) == (2, True), (options, done.stderr)
    changed = tmp_path / "coverage.json"
    changed.write_text(json.dumps({**BOARDS["coverage"], "title": "mine"}))
    checked = run_pushvar("kit", "dashboards", "coverage", "--output", tmp_path, "--check")
    assert checked.returncode == 1
    assert '+  "title": "Coverage audit"' in checked.stdout
