"""Everything that dashboards show, made to happen: tenants, faults, jobs, an audit, in a real Prometheus.

Three shops of three customers; a target that is down; a backend that refuses every series and one that is
away; relabelling, a denied label, repairs; batch jobs that are good, bad, running, expired and refused.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pushvar.kit.rule_files import rule_file
from pushvar.kit.rules import set_of
from pushvar.kit.settings import KitSettings

from tests.e2e.job_scenes import Scene
from tests.programs import databases, loopback
from tests.programs.commands import PUSHVAR, pushvar_environment, run_pushvar
from tests.programs.gateways import gateway
from tests.programs.loopback import wait_until
from tests.programs.process import running
from tests.programs.scripted_receiver import Reply, scripted_receiver
from tests.programs.shop import build, shop

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.programs.databases import Database
    from tests.programs.servers import Server

CYCLES = 15
"""Cycles of a second each, after which rates over ten seconds are there."""

RATE_INTERVAL = "10s"
"""What stands for $__rate_interval, at an interval of one second."""

_PERIOD = "[30d:1h]"

_TENANTS = (
    {"customer_id": "acme", "service_domain": "shop", "sla_tier": "gold", "team": "tills"},
    {"customer_id": "globex", "service_domain": "parcels", "sla_tier": "silver", "team": "vans"},
    {"customer_id": "initech", "service_domain": "reports", "sla_tier": "bronze", "team": "paper"},
)
_FLAGS = (("-errors=0.02",), ("-errors=0.001", "-slow=0.3"), ("-errors=0.1", "-refused=0.2"))


@dataclass(frozen=True, slots=True)
class DashboardScene:
    """``database`` holds what the forwarder and the jobs sent."""

    database: Database
    gateway: Server


def document(shops: Sequence[Server], backends: dict[str, str]) -> dict[str, Any]:
    """The configuration: each shop is fetched as expvar and as text, and a target is down."""
    places = [
        {"targets": [one.address], "labels": labels} for one, labels in zip(shops, _TENANTS, strict=True)
    ]
    down = {"targets": [f"127.0.0.1:{loopback.free_port()}"], "labels": _TENANTS[1]}
    dropped = {"source_labels": ["__name__"], "regex": "go_memstats_mspan_sys_bytes", "action": "drop"}
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "900ms"},
        "scrape_configs": [
            {"job_name": "shop-vars", "static_configs": [*places, down], "metric_relabel_configs": [dropped]},
            {"job_name": "shop", "metrics_path": "/metrics", "static_configs": places},
        ],
        "remote_write": [{"name": name, "url": url} for name, url in backends.items()],
        "gateway": {"anonymous": "acme"},
        "tenancy": {"denied_labels": ["session"]},
    }


@contextmanager
def dashboard_scene(folder: Path) -> Iterator[DashboardScene]:
    """Build and start it all, and wait until the rates are there; everything is ended with it."""
    program = build(folder)
    with ExitStack() as stack:
        database = stack.enter_context(databases.prometheus(folder, rules=_rules(folder)))
        refusing = stack.enter_context(scripted_receiver(Reply(400, text="no such series, please")))
        away = stack.enter_context(scripted_receiver(Reply(503)))
        environment = {"GOMEMLIMIT": "64MiB"}
        shops = [
            stack.enter_context(shop(program, folder / f"shop-{index}", *flags, env=environment))
            for index, flags in enumerate(_FLAGS)
        ]
        main = {"main": database.write_url}
        config, alone = folder / "pushvar.yml", folder / "audit.yml"
        config.write_text(json.dumps(document(shops, {**main, "refusing": refusing.url, "away": away.url})))
        alone.write_text(json.dumps(document(shops, main)))
        door = stack.enter_context(gateway(folder, "--config", config))
        _push_jobs(stack, folder, door)
        command = [str(PUSHVAR), "run", "--config", str(config), "--state", f"sqlite:{folder / 'gateway.db'}"]
        stack.enter_context(
            running(["env", *_cleaned(), *command], folder / "run.log", env=pushvar_environment())
        )
        audited = run_pushvar("audit", "--config", alone, "--push")
        assert audited.returncode == 0, audited.stderr
        for asked in ("pushvar_cycles_total", 'pushvar_samples_dropped_total{backend="refusing"}'):
            counted = f"max(count_over_time({asked}[5m])) >= {CYCLES}"
            wait_until(partial(_found, database, counted), timeout_s=120, what=counted)
        yield DashboardScene(database, door)


def _rules(folder: Path) -> Path:
    """The rules on service levels, evaluated each second; thirty days of hours are minutes of seconds."""
    groups = [replace(group, interval="1s") for group in set_of("slo", KitSettings()).groups]
    text = rule_file((), groups)
    assert _PERIOD in text
    path = folder / "rules.yml"
    path.write_text(text.replace(_PERIOD, "[5m:1s]"))
    return path


def _found(database: Database, promql: str) -> bool:
    return bool(database.query(promql))


def _cleaned() -> list[str]:
    """Options of env(1) that take this process's own PUSHVAR_* and proxies away."""
    return [word for name in os.environ if name not in pushvar_environment() for word in ("-u", name)]


def _push_jobs(stack: ExitStack, folder: Path, door: Server) -> None:
    """A good job with stages and numbers, a bad one, one at work, one that ends, one that is refused."""
    scene = Scene(folder, door.url)
    stage = f"{PUSHVAR} job run --stage extract -- true"
    numbers = f"{PUSHVAR} job set records_processed=40 records_failed=1 retries=2"
    where = ("--label", "instance=node-1")
    options = (*where, "--every", "1h", "--timeout", "10m", "--job-version", "7")
    good = scene.run("nightly", "sh", "-c", f"{stage} && {numbers}", options=options)
    assert good.returncode == 0, good.stderr
    again = scene.run("import", sys.executable, "-c", "raise SystemExit(3)", options=options)
    assert again.returncode == 3, again.stderr
    stack.enter_context(scene.running("endless", "sleep", "600", options=(*where, "--heartbeat", "1s")))
    for body, headers, status in ((b"rows 1\n", {"X-Pushvar-TTL": "2s"}, 200), (b"rows{ 1\n", {}, 400)):
        job = "fleeting" if headers else "nightly/instance/node-1"
        answer = loopback.request("POST", f"{door.url}/metrics/job/{job}", body=body, headers=headers)
        assert answer.status == status, answer.body
