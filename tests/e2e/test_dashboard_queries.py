"""Each query of each dashboard finds finite numbers in a real Prometheus that pushvar feeds."""

from __future__ import annotations

import json
import math
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.components import REPOSITORY
from tests.e2e.dashboard_scene import RATE_INTERVAL, dashboard_scene
from tests.programs.loopback import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.dashboard_scene import DashboardScene

FOLDER = REPOSITORY / "monitoring" / "dashboards"
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))
}
_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


def everything(expr: str) -> str:
    """The expression as Grafana asks it when "All" is chosen everywhere."""
    return re.sub(r"\$\w+", ".*", expr.replace("$__rate_interval", RATE_INTERVAL))


def _queries() -> Iterator[Any]:
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                label = f"{name}-{panel['id']}-{panel['title']}-{target['refId']}"
                yield pytest.param(target["expr"], target["legendFormat"], id=label.replace(" ", "_"))
        for one in board["annotations"]["list"]:
            yield pytest.param(one["expr"], one["titleFormat"], id=f"{name}-{one['name']}")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardScene]:
    """Give a Prometheus with everything in it that dashboards show."""
    with dashboard_scene(tmp_path_factory.mktemp("dashboards")) as made:
        yield made


@pytest.mark.parametrize(("expr", "legend"), [*_queries()])
def test_the_query_finds_finite_numbers(scene: DashboardScene, expr: str, legend: str) -> None:
    """With All for every choice it gives series without NaN and infinity, and what the legend names."""

    def finite() -> bool:
        found = scene.database.query(everything(expr))
        return bool(found) and all(math.isfinite(value) for _, value in found)

    wait_until(finite, timeout_s=15, what=f"finite numbers for {everything(expr)}")
    labels = {label for series, _ in scene.database.query(everything(expr)) for label in series}
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= labels


@pytest.mark.parametrize("name", BOARDS)
def test_each_choice_has_values(scene: DashboardScene, name: str) -> None:
    """Each variable offers something; a value of its own gives the panels of the go-runtime less to show."""
    for one in BOARDS[name]["templating"]["list"]:
        if one["type"] == "query":
            selector, label = _VALUES.fullmatch(one["query"]["query"]).groups()  # type: ignore[union-attr]
            offered = {series.get(label, "") for series in scene.database.series(everything(selector))}
            assert offered - {""}, one["name"]


@pytest.mark.parametrize("name", BOARDS)
def test_lines_of_tables_can_be_joined(scene: DashboardScene, name: str) -> None:
    """All queries of a table give the same labels, those of its columns, without the metric's name."""
    tables = [one for one in BOARDS[name]["panels"] if one["type"] == "table"]
    for panel in tables:
        answers = [scene.database.query(everything(target["expr"])) for target in panel["targets"]]
        labels = [{label for series, _ in answer for label in series} for answer in answers]
        assert len({frozenset(one) for one in labels}) == 1, panel["title"]
        assert "__name__" not in labels[0]
        named = panel["transformations"][-1]["options"]
        assert labels[0] == set(named["indexByName"]) - set(named["renameByName"]), panel["title"]


def test_a_choice_narrows(scene: DashboardScene) -> None:
    """With one customer chosen, panels of the tenants' dashboard show that one and nobody else."""
    (table,) = [one for one in BOARDS["tenants"]["panels"] if one["type"] == "table"]
    expr = table["targets"][0]["expr"]
    customers = {labels["customer_id"] for labels, _ in scene.database.query(everything(expr))}
    assert customers >= {"acme", "globex", "initech"}
    chosen = scene.database.query(everything(expr.replace("$customer_id", "globex")))
    assert {labels["customer_id"] for labels, _ in chosen} == {"globex"}
    (down,) = [one for one in BOARDS["tenants"]["panels"] if one["title"] == "Targets that are down"]
    counted = {
        labels["customer_id"]: value
        for labels, value in scene.database.query(everything(down["targets"][0]["expr"]))
    }
    assert (counted["globex"], counted["acme"]) == (1, 0)


def test_ratios_say_what_the_services_do(scene: DashboardScene) -> None:
    """A tenth of initech's requests fail, a thousandth of globex's; the burn is that by what is allowed."""
    panels = {
        one["title"]: one["targets"][0]["expr"] for one in BOARDS["tenants"]["panels"] if "targets" in one
    }
    at = time.time()

    def of(title: str) -> dict[str, float]:
        found = scene.database.query(everything(panels[title]).replace(f"[{RATE_INTERVAL}]", "[5m]"), at)
        return {labels["customer_id"]: value for labels, value in found}

    errors, burn, left = of("Errors"), of("Burn of the budget, 1h"), of("Budget left of a day")
    assert 0.07 < errors["initech"] < 0.13
    assert 0 <= errors["globex"] < 0.01 < errors["acme"] < 0.04
    for customer, allowed in (("acme", 0.0001), ("globex", 0.001), ("initech", 0.005)):
        assert burn[customer] == pytest.approx(errors[customer] / allowed)
        assert left[customer] == pytest.approx(1 - errors[customer] / allowed)
    assert 0.02 < of("Orders that fail")["acme"] < 0.1
    assert 0.2 < of("Payments slower than 2 s")["globex"] < 0.4
    assert 0.1 < of("Latency, 95th percentile")["acme"] < 0.4
