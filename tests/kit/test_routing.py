"""``pushvar kit routing``: fresh files, which Alertmanager takes; each alert finds its receiver."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pushvar.kit.routing import routing_files, tree
from pushvar.kit.rules.words import SEVERITIES, TIERS
from pushvar.kit.settings import KitSettings

from tests.components import REPOSITORY
from tests.functions.test_lint import lint
from tests.programs import loopback
from tests.programs.alertmanager import alertmanager
from tests.programs.commands import amtool, run_pushvar

if TYPE_CHECKING:
    from pathlib import Path

MONITORING = REPOSITORY / "monitoring"
ALERTMANAGER = MONITORING / "alertmanager" / "alertmanager.yml"
TEAMS = ("payment", "orders")


def test_the_committed_files_are_fresh() -> None:
    """``pushvar kit routing`` would write the same bytes."""
    done = run_pushvar("kit", "routing", "--output", MONITORING, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_one_flavour_is_printed() -> None:
    """Without a folder the configuration of that flavour goes to standard output."""
    for flavour, path in (("alertmanager", ALERTMANAGER), ("amp", MONITORING / "amp" / "alertmanager.yml")):
        done = run_pushvar("kit", "routing", flavour)
        assert (done.returncode, done.stdout) == (0, path.read_text("utf-8"))
    assert run_pushvar("kit", "routing").returncode == 2


def test_alertmanager_takes_it() -> None:
    """Amtool finds no fault in either flavour; what AMP gets stands under one key."""
    assert amtool("check-config", ALERTMANAGER).returncode == 0
    amp = yaml.safe_load((MONITORING / "amp" / "alertmanager.yml").read_text("utf-8"))
    assert list(amp) == ["alertmanager_config"]


def test_what_amp_gets_is_valid(tmp_path: Path) -> None:
    """Amtool takes the text under AMP's key; it has SNS alone, with a region, and short enough pauses."""
    amp = yaml.safe_load((MONITORING / "amp" / "alertmanager.yml").read_text("utf-8"))
    (tmp_path / "amp.yml").write_text(amp["alertmanager_config"], "utf-8")
    done = amtool("check-config", tmp_path / "amp.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    configuration = yaml.safe_load(amp["alertmanager_config"])
    for receiver in configuration["receivers"]:
        assert set(receiver) == {"name", "sns_configs"}
        assert receiver["sns_configs"][0]["sigv4"] == {"region": "eu-west-1"}
    assert "global" not in configuration


ROUTES = (
    ("outage", "P0", "sre", "pager,infra-oncall"),
    ("infra", "P1", "sre", "infra-oncall"),
    ("infra", "P2", "sre", "infra-tickets"),
    ("runtime", "P2", "payment", "go-sre"),
    ("business", "P3", "payment", "payment-team"),
    ("business", "P2", "orders", "orders-team"),
    ("business", "P3", "sre", "teams"),
    ("business", "P1", "payment", "pager,payment-team"),
    ("business", "P1", "sre", "pager,teams"),
)


@pytest.mark.parametrize(("tier", "priority", "team", "receivers"), ROUTES)
def test_routes(tier: str, priority: str, team: str, receivers: str, tmp_path: Path) -> None:
    """Each tier, priority and team has its receivers, in the configuration with teams of their own."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(routing_files(KitSettings(), TEAMS)["alertmanager/alertmanager.yml"], "utf-8")
    labels = (f"tier={tier}", f"priority={priority}", f"severity={SEVERITIES[priority]}", f"team={team}")
    done = amtool(
        "config", "routes", "test", f"--config.file={path}", f"--verify.receivers={receivers}", *labels
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_other_routes() -> None:
    """The switch goes to who watches it and nowhere else; what is not ours goes to the default."""
    for receiver, labels in {
        "heartbeat": ("alertname=PushvarDeadMansSwitch", "tier=outage", "priority=P3", "severity=info"),
        "sre-default": ("alertname=SomebodyElses", "severity=critical"),
    }.items():
        wanted = (f"--config.file={ALERTMANAGER}", f"--verify.receivers={receiver}")
        assert amtool("config", "routes", "test", *wanted, *labels).returncode == 0, receiver
    assert {tier for tier, *_ in ROUTES} == set(TIERS)


def test_no_file_has_a_secret() -> None:
    """Keys and tokens are files, variables or topics; no URL but the placeholder stands there."""
    for path, text in routing_files(KitSettings(), TEAMS).items():
        if path == "amp/template.yaml":
            continue
        assert text.replace("fileb://", "").count("://") == text.count(
            "https://heartbeat.example.org/pushvar"
        ), path
        for word in ("routing_key:", "credentials:", "api_url:", "password"):
            assert word not in text, (path, word)


def test_grafana_has_the_same_tree() -> None:
    """Its policy has the routes in the same order, each to a contact point that is there."""
    document = json.loads(routing_files(KitSettings(), TEAMS)["grafana/alerting.json"])
    points = {point["name"] for point in document["contactPoints"]}
    (policy,) = document["policies"]
    assert [route["receiver"] for route in policy["routes"]] == [one.receiver for one in tree.routes(TEAMS)]
    assert {policy["receiver"], *(route["receiver"] for route in policy["routes"])} == points
    uids = [point["receivers"][0]["uid"] for point in document["contactPoints"]]
    assert len(uids) == len(set(uids))
    assert all(len(uid) <= 40 for uid in uids)


def test_the_stack_is_valid(tmp_path: Path) -> None:
    """cfn-lint finds nothing in the stack for Amazon Managed Prometheus."""
    done = lint("cfn-lint", MONITORING / "amp" / "template.yaml", home=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_inhibitions_know_their_alerts() -> None:
    """Every alert that mutes or is muted by name exists."""
    names = {
        rule["alert"]
        for path in (MONITORING / "rules").iterdir()
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    for one in tree.INHIBITIONS:
        for label, sign, value in (*one.source, *one.target):
            if (label, sign) == ("alertname", "=~"):
                assert set(value.split("|")) <= names


def _alert(name: str, tier: str, **labels: str) -> dict[str, Any]:
    priority = TIERS[tier]
    given = {"tier": tier, "priority": priority, "severity": SEVERITIES[priority], "team": "pay", **labels}
    return {"labels": {"alertname": f"Pushvar{name}", **given}}


def test_inhibition_in_a_running_alertmanager(tmp_path: Path) -> None:
    """A target that is down mutes what its own numbers say, and nothing of another target or a batch job."""
    mine, other = {"customer_id": "acme", "instance": "a:1"}, {"customer_id": "acme", "instance": "b:1"}
    alerts = [
        _alert("TargetDown", "infra", job="pay", **mine),
        _alert("ManyGoroutines", "runtime", job="pay", **mine),
        _alert("PoolSaturated", "business", job="pay", **mine),
        _alert("GcBusy", "runtime", job="pay", **other),
        _alert("BatchJobFailing", "business", job="nightly", **mine),
        _alert("TenantDark", "outage", customer_id="bolt"),
        _alert("JobDown", "infra", customer_id="bolt", job="auth"),
        _alert("ErrorBudgetPage", "business", priority="P1", severity="critical", customer_id="c", job="web"),
        _alert(
            "ErrorBudgetTicket", "business", priority="P2", severity="warning", customer_id="c", job="web"
        ),
        _alert("DeadMansSwitch", "outage", priority="P3", severity="info"),
    ]
    expected = {
        ("infra-oncall", "PushvarTargetDown"),
        ("go-sre", "PushvarGcBusy"),
        ("teams", "PushvarBatchJobFailing"),
        ("pager", "PushvarTenantDark"),
        ("infra-oncall", "PushvarTenantDark"),
        ("pager", "PushvarErrorBudgetPage"),
        ("teams", "PushvarErrorBudgetPage"),
        ("heartbeat", "PushvarDeadMansSwitch"),
    }
    chosen = tree.as_tree(())
    for route in (chosen["route"], *chosen["route"]["routes"]):
        route["group_wait"] = "1s"  # one and the same, so that all of them come at once
    with alertmanager(tmp_path, chosen, tree.RECEIVERS) as running:
        running.fire(alerts)
        loopback.wait_until(lambda: expected <= set(running.told), timeout_s=30, what="what is not muted")
        time.sleep(1.5)  # longer than group_wait: what is not muted would have come
        assert set(running.told) == expected
