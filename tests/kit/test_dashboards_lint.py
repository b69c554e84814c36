"""The lint of dashboards: ours have no fault, and each rule finds the fault that was put into one."""

from __future__ import annotations

import copy
import inspect
import json
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.kit.dashboards.files import Wanted, dashboards
from pushvar.kit.dashboards.flavours import importable
from pushvar.kit.dashboards.lint import Reading, documents, expressions, lint, panels, variables
from pushvar.kit.dashboards.mend import mended
from pushvar.kit.settings import KitSettings

from tests.components import REPOSITORY
from tests.programs.commands import run_pushvar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BOARDS = dashboards(Wanted(KitSettings()))
Fault = tuple[str, "Callable[[dict[str, Any]], object]"]


def panel(board: dict[str, Any], title: str = "Stacks") -> dict[str, Any]:
    """A panel of the dashboard by its title."""
    found: dict[str, Any] = next(one for one in board["panels"] if one["title"] == title)
    return found


def asks(expr: str, unit: str = "short") -> Callable[[dict[str, Any]], object]:
    """A fault that is an expression."""

    def put(board: dict[str, Any]) -> None:
        changed = panel(board)
        changed["targets"][0]["expr"] = expr
        changed["fieldConfig"]["defaults"]["unit"] = unit

    return put


def choice(index: int, **fields: Any) -> Callable[[dict[str, Any]], object]:
    """A fault of a variable."""
    return lambda board: board["templating"]["list"][index].update(fields)


BY_CODE = 'sum by (code) (rate(http_requests_total{job=~"$job"}[5m]))'
S = '{job=~"$job", instance=~"$instance"}'
RATED = f"rate(go_memstats_mallocs_total{S}"
FAULTS: dict[str, Fault] = {
    "an id of some Grafana": ("id", lambda b: b.update(id=12)),
    "no uid": ("uid", lambda b: b.pop("uid")),
    "a long uid": ("uid", lambda b: b.update(uid="x" * 41)),
    "an old schema": ("schema-version", lambda b: b.update(schemaVersion=22)),
    "a placeholder for provisioning": ("inputs", lambda b: b.update(__inputs=[])),
    "editable": ("uneditable", lambda b: b.update(editable=True)),
    "a fixed time zone": ("timezone", lambda b: b.update(timezone="utc")),
    "no data source to choose": ("datasource-variable", lambda b: b["templating"]["list"].pop(0)),
    "a data source variable of another name": ("datasource-variable", choice(0, label="DS")),
    "values read once": ("variable-refresh", choice(1, refresh=1)),
    "a choice that ignores others": ("variable-cascade", choice(2, query="label_values(up, service_domain)")),
    "a choice of all metrics": ("variable-query", choice(2, query="label_values(service_domain)")),
    "a variable that is not there": ("variable-known", asks(f"go_threads{S} + $region")),
    "a choice that nothing uses": ("variable-used", lambda b: b["templating"]["list"].append(
        {"type": "custom", "name": "unused", "query": "1,2"})),
    "a data source by name": ("datasource", lambda b: panel(b).update(datasource="Prometheus")),
    "the default data source": ("datasource", lambda b: panel(b).update(datasource=None)),
    "a target without data source": ("datasource", lambda b: panel(b)["targets"][0].pop("datasource")),
    "a variable without data source": ("datasource", lambda b: b["templating"]["list"][1].pop("datasource")),
    "no description": ("panel-description", lambda b: panel(b).update(description="")),
    "no title": ("panel-description", lambda b: panel(b).update(title="")),
    "no query": ("panel-targets", lambda b: panel(b).update(targets=[])),
    "an Angular panel": ("panel-type", lambda b: panel(b).update(type="graph")),
    "an id twice": ("panel-id", lambda b: panel(b).update(id=1)),
    "no id": ("panel-id", lambda b: panel(b).update(id=None)),
    "a refId twice": ("ref-id", lambda b: panel(b, "Pauses")["targets"][1].update(refId="A")),
    "no refId": ("ref-id", lambda b: panel(b)["targets"][0].pop("refId")),
    "no place": ("panel-place", lambda b: panel(b).pop("gridPos")),
    "a place beside the grid": ("panel-place", lambda b: panel(b)["gridPos"].update(x=20)),
    "two panels in one place": ("panel-place", lambda b: panel(b)["gridPos"].update(x=0)),
    "thresholds in disorder": ("thresholds", lambda b: panel(b, "Threads")["fieldConfig"]["defaults"][
        "thresholds"]["steps"].reverse()),
    "thresholds in percent": ("thresholds", lambda b: panel(b)["fieldConfig"]["defaults"][
        "thresholds"].update(mode="percentage")),
    "no unit": ("panel-unit", lambda b: panel(b)["fieldConfig"]["defaults"].pop("unit")),
    "brackets that do not fit": ("promql", asks(f"sum(go_threads{S}")),
    "nothing asked": ("promql", asks(" ")),
    "a metric that nobody emits": ("metric-known", asks(f"go_goroutine{S}")),
    "a metric that is gone": ("metric-removed", asks(f"rate(go_memstats_lookups_total{S}[5m])")),
    "a window below four intervals": ("rate-interval", asks(f"{RATED}[1m])", "ops")),
    "a window of one step": ("rate-interval", asks(f"{RATED}[$__interval])", "ops")),
    "a counter as it is": ("counter-rate", asks(f"go_memstats_mallocs_total{S}")),
    "a sum as it is": ("counter-rate", asks(f"go_gc_duration_seconds_sum{S}", "s")),
    "pauses as milliseconds": ("unit-fits", asks(f"go_gc_duration_seconds{S}", "ms")),
    "a rate of bytes as bytes": ("unit-fits", asks(f"rate(go_memstats_alloc_bytes_total{S}[5m])", "bytes")),
    "a ratio that is always 1": ("ratio-grouping", asks(
        f"{BY_CODE} / {BY_CODE}")),
    "the time filter of SQL": ("time-filter", asks(f"go_threads{S} and $__timeFilter(time)")),
    "everybody's": ("target-selector", asks("sum(go_threads)")),
}  # fmt: skip


@pytest.mark.parametrize("name", BOARDS)
def test_ours_have_no_fault(name: str) -> None:
    """Neither flavour of a dashboard of ours breaks a rule."""
    assert lint(BOARDS[name], Reading()) == []
    assert lint(importable(BOARDS[name]), Reading(importing=True)) == []


@pytest.mark.parametrize(("rule", "fault"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(rule: str, fault: Callable[[dict[str, Any]], object]) -> None:
    """The rule that is meant finds it, and says where and what to do."""
    board = copy.deepcopy(BOARDS["go-runtime"])
    fault(board)
    found = [one for one in lint(board, Reading()) if one.rule == rule]
    assert found
    assert all(one.place and one.problem and one.remedy for one in found)


def test_every_rule_has_a_fault_that_it_finds() -> None:
    """No rule stands in the code without a case here."""
    code = "".join(inspect.getsource(module) for module in (documents, variables, panels, expressions))
    written = set(re.findall(r'Finding\(\s*[^,]+,\s*"([a-z-]+)"', code))
    assert len(written) > 25
    assert written == {rule for rule, _ in FAULTS.values()}
    page = (REPOSITORY / "docs" / "dashboards.md").read_text("utf-8")
    assert [rule for rule in written if f"`{rule}`" not in page] == []


def test_the_other_flavour_is_a_fault() -> None:
    """A file to be imported may not be provisioned, and a file to be provisioned asks nobody."""
    imported = importable(BOARDS["coverage"])
    assert {one.rule for one in lint(imported, Reading())} == {"inputs"}
    assert {one.rule for one in lint(BOARDS["coverage"], Reading(importing=True))} == {"inputs"}


@pytest.mark.parametrize(
    "odd",
    [{}, {"panels": 3}, {"panels": [1, {"targets": "x", "gridPos": [], "fieldConfig": 1}]},
     {"templating": [], "panels": [{"type": "row", "panels": [{"targets": [{"expr": 5}]}]}]},
     {"panels": [{"fieldConfig": {"defaults": 1, "overrides": [{"properties": [3]}]}}]},
     {"panels": [{"targets": [{"refId": 1}]}]}],
)  # fmt: skip
def test_odd_documents_are_found_faulty_and_never_raise(odd: dict[str, Any]) -> None:
    """Whatever shape a file has, it gets findings."""
    assert lint(odd, Reading())


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*place, key)
        yield from _places(one, (*place, key))


def test_no_value_anywhere_makes_it_raise() -> None:
    """A dashboard with one part replaced by something else, whatever it is, is linted and mended."""
    board = copy.deepcopy(BOARDS["forwarder"])
    board["panels"] = board["panels"][:4]
    odd = ("null", "-1", "1.5", '""', '"x"', "[]", "{}", "[null]", "[[]]", '{"uid": null}', "true", "NaN")
    chance = random.Random(9)
    for place in _places(board):
        changed = copy.deepcopy(board)
        part = changed
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = json.loads(chance.choice(odd))
        for one in (changed, mended(changed)):
            assert isinstance(lint(one, Reading()), list)


def test_a_shorter_interval_allows_shorter_windows() -> None:
    """Four intervals of the configuration are enough, whatever the default is."""
    board = copy.deepcopy(BOARDS["go-runtime"])
    asks(f"rate(go_memstats_mallocs_total{S}[1m])", "ops")(board)
    assert lint(board, Reading(KitSettings(interval_s=15, shortest_s=15))) == []


def test_recorded_names_are_known() -> None:
    """A series that the kit's rules record is known, and so is one that is told beside."""
    board = copy.deepcopy(BOARDS["go-runtime"])
    asks(f"group:batch_job_usual_duration_seconds:max{S}")(board)
    assert lint(board, Reading()) == []
    asks(f"team:orders:sum{S}")(board)
    assert [one.rule for one in lint(board, Reading())] == ["metric-known"]
    assert lint(board, Reading(recorded=frozenset(["team:orders:sum"]))) == []


def test_the_command_names_file_place_rule_and_remedy(tmp_path: Path) -> None:
    """One line for each finding, exit code 1; 0 for good files; 2 for what is no dashboard."""
    faulty, good, broken = (tmp_path / name for name in ("faulty.json", "good.json", "broken.json"))
    board = copy.deepcopy(BOARDS["go-runtime"])
    panel(board)["targets"][0].pop("refId")
    faulty.write_text(json.dumps({"dashboard": board, "meta": {}}))
    good.write_text(json.dumps(BOARDS["tenants"]))
    broken.write_text("{")
    done = run_pushvar("kit", "dashboards", "--lint", good, faulty)
    assert done.returncode == 1
    place = f"{faulty}: panel {panel(board)['id']} 'Stacks'"
    assert done.stdout == f"{place}: ref-id: has a target without refId; name them A, B, C ...\n"
    assert "2 dashboards, 1 finding" in done.stderr
    assert run_pushvar("kit", "dashboards", "--lint", good).returncode == 0
    refused = run_pushvar("kit", "dashboards", "--lint", broken)
    assert (refused.returncode, f"{broken}: no JSON" in refused.stderr) == (2, True)


def test_the_command_in_json(tmp_path: Path) -> None:
    """One object with a schema, the same findings and exit code."""
    faulty = tmp_path / "faulty.json"
    faulty.write_text(json.dumps({**BOARDS["coverage"], "id": 3}))
    done = run_pushvar("kit", "dashboards", "--lint", "--json", faulty)
    told = json.loads(done.stdout)
    assert (done.returncode, told["schema"], told["findings"]) == (1, 1, 1)
    assert [(one["file"], one["findings"][0]["rule"]) for one in told["files"]] == [(str(faulty), "id")]


MENDABLE = (
    "an id of some Grafana", "editable", "a fixed time zone", "no data source to choose", "values read once",
    "a data source by name", "the default data source", "a target without data source", "no refId",
    "a variable without data source", "an id twice", "no id", "a refId twice",
)  # fmt: skip


@pytest.mark.parametrize("name", MENDABLE)
def test_what_needs_no_thought_is_mended(name: str) -> None:
    """The fault is gone and nothing else is there; a second time changes nothing."""
    board = copy.deepcopy(BOARDS["go-runtime"])
    FAULTS[name][1](board)
    assert lint(board, Reading())
    done = mended(board)
    assert lint(done, Reading()) == []
    assert mended(done) == done


def test_what_is_right_stays() -> None:
    """Ours are not changed, and the document that was given never is."""
    for board in BOARDS.values():
        assert mended(board) == board
    odd = {"panels": [3, {"targets": 1}], "templating": 5}
    kept = copy.deepcopy(odd)
    mended(odd)
    assert odd == kept


def test_fix_writes_the_file_once(tmp_path: Path) -> None:
    """A mended file has no finding left, and is not written again."""
    path = tmp_path / "old.json"
    board = copy.deepcopy(BOARDS["go-runtime"])
    panel(board)["datasource"] = "Prometheus"
    path.write_text(json.dumps(board))
    done = run_pushvar("kit", "dashboards", "--lint", "--fix", path)
    assert (done.returncode, f"mended {path}" in done.stderr) == (0, True), done.stdout
    assert json.loads(path.read_text()) == BOARDS["go-runtime"]
    again = run_pushvar("kit", "dashboards", "--lint", "--fix", path)
    assert (again.returncode, "mended" in again.stderr) == (0, False)
