"""Remote write and a Pushgateway at once: a real Go program's numbers are the same in both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.catalogue import HEALTH, MEMSTATS

from tests.e2e.configurations import write_config
from tests.programs.commands import run_pushvar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Orders, Proxies
    from tests.programs.databases import Database
    from tests.programs.servers import Server

TENANT = {"customer_id": "acme", "service_domain": "shop", "sla_tier": "gold"}


def group_of(pushgateway: Server, job: str) -> dict[str, Any]:
    """The one group of a job that the gateway holds."""
    data = json.loads(pushgateway.text("/api/v1/metrics"))["data"]
    (found,) = [group for group in data if group["labels"]["job"] == job]
    return {name: family for name, family in found.items() if not name.startswith("push_")}


def test_both_kinds_of_backends_at_once(
    go_program: Server, recorded: Proxies, prometheus: Database, pushgateway: Server, tmp_path: Path
) -> None:
    """One cycle: Prometheus and the Pushgateway hold the same values of the one document, labelled alike."""
    job = "team/both"
    gateways = [{"name": "gateway", "url": pushgateway.url}]
    with recorded(go_program.url) as proxy:
        backends = {"prometheus": prometheus.write_url}
        config = write_config(tmp_path, {job: proxy.address}, backends, labels=TENANT, pushgateways=gateways)
        done = run_pushvar("run", "--config", config, "--once", "--json", "--state", tmp_path / "state.db")
        assert (done.returncode, done.stderr) == (0, "")
        address = proxy.address
        document = json.loads(proxy.last().body)
    written, pushed = json.loads(done.stdout)["backends"]
    assert (written["backend"], pushed["backend"]) == ("prometheus", "gateway")
    assert (pushed["requests"], pushed["failed"], pushed["error"]) == (1, 0, "")
    assert written["sent"] == pushed["sent"] + len(HEALTH)
    assert pushed["wire_bytes"] > 1000

    group = group_of(pushgateway, job)
    assert group.pop("labels") == {"job": job, "instance": address, "customer_id": "acme"}
    assert {name: group[name]["type"] for name in group if name.startswith("go_memstats")} == {
        metric.family.name: metric.family.type.upper() for metric in MEMSTATS
    }
    assert float(group["orders_placed_total"]["metrics"][0]["value"]) == document["orders_placed_total"]
    for name, family in group.items():
        if name == "last_push_successful" or family["type"] == "SUMMARY":
            continue
        stored = prometheus.query(f'{name}{{job="{job}"}}')
        here = {tuple(sorted(one["labels"].items())): float(one["value"]) for one in family["metrics"]}
        there = {
            tuple(sorted((key, value) for key, value in labels.items() if key != "__name__")): number
            for labels, number in stored
        }
        assert here == there, name


@pytest.mark.parametrize("also", [{}, {"prometheus": "url"}], ids=["alone", "beside remote write"])
def test_a_target_that_went_away(
    also: dict[str, str], go_program: Server, prometheus: Database, pushgateway: Server, tmp_path: Path
) -> None:
    """Its group says up 0 and holds nothing else any more; exit code 3 and a line say so."""
    job = f"gone-{len(also)}"
    backends = dict.fromkeys(also, prometheus.write_url)
    gateways = [{"name": "gateway", "url": f"{pushgateway.url}/"}]
    labels = {**TENANT, "instance": "fixed"}
    state = tmp_path / "state.db"
    for address, code in ((go_program.address, 0), ("127.0.0.1:1", 3)):
        config = write_config(tmp_path, {job: address}, backends, labels=labels, pushgateways=gateways)
        done = run_pushvar("run", "--config", config, "--once", "--state", state)
        assert done.returncode == code, done.stdout + done.stderr
    assert f"gateway: {len(HEALTH)} sent" in done.stdout
    group = group_of(pushgateway, job)
    assert group.pop("labels")["instance"] == "fixed"
    group.pop("last_push_successful")
    assert set(group) == {family.name for family in HEALTH}
    assert group["up"]["metrics"][0]["value"] == "0"


def test_a_target_that_was_taken_out(go_program: Server, pushgateway: Server, tmp_path: Path) -> None:
    """Its group is deleted by the next run; the others stay."""
    state = tmp_path / "state.db"
    gateways = [{"name": "gateway", "url": pushgateway.url}]
    for jobs in (("taken-out", "stays"), ("stays",)):
        targets = dict.fromkeys(jobs, go_program.address)
        config = write_config(tmp_path, targets, {}, pushgateways=gateways)
        done = run_pushvar("run", "--config", config, "--once", "--state", state)
        assert (done.returncode, done.stderr) == (0, "")
        data = json.loads(pushgateway.text("/api/v1/metrics"))["data"]
        held = {group["labels"]["job"] for group in data}
        assert held & {"taken-out", "stays"} == {*jobs}


def test_a_gateway_that_refuses(go_program: Server, pushgateway: Server, tmp_path: Path) -> None:
    """A wrong path is exit code 4, with the address that was tried and what to look at."""
    gateways = [{"name": "gateway", "url": f"{pushgateway.url}/metrics"}]
    config = write_config(tmp_path, {"refused": go_program.address}, {}, pushgateways=gateways)
    done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db")
    assert done.returncode == 4
    assert f"gateway  {pushgateway.url}/metrics/metrics/job/refused/" in done.stdout
    assert "HTTP 404: 404 page not found; check the url" in done.stdout


def test_no_backend_of_either_kind(go_program: Server, tmp_path: Path) -> None:
    """A configuration without any is refused before anything is fetched."""
    config = write_config(tmp_path, {"none": go_program.address}, {})
    done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db")
    assert done.returncode == 2
    words = "no backend to send to; add a remote_write or a pushgateways block with a url"
    assert words in done.stderr


def test_two_targets_that_disagree_on_a_type(run_orders: Orders, pushgateway: Server, tmp_path: Path) -> None:
    """The type that a name was given first stays, for all targets: no group is refused because of another."""
    with run_orders("-quiet") as server:
        rules = {
            word: [{"match": "orders_placed_total", "name": "disputed_total", "type": word}]
            for word in ("counter", "unknown")
        }
        gateways = [{"name": "gateway", "url": pushgateway.url}]
        targets = {"first": server.address, "second": server.address}
        config = write_config(tmp_path, targets, {}, mappings=rules, pushgateways=gateways)
        document = json.loads(config.read_text())
        for job, word in zip(document["scrape_configs"], rules, strict=True):
            job["mappings"] = [word]
        config.write_text(json.dumps(document))
        done = run_pushvar("run", "--config", config, "--once", "--json", "--state", tmp_path / "state.db")
    (pushed,) = json.loads(done.stdout)["backends"]
    assert (done.returncode, pushed["failed"], pushed["error"]) == (0, 0, "")
    types = {group_of(pushgateway, job)["disputed_total"]["type"] for job in ("first", "second")}
    assert len(types) == 1
