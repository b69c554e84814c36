"""The main job: a real Go program's /debug/vars arrives in real databases, every name and value."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pushvar.catalogue import GC_DURATION, GC_QUANTILES, HEALTH, MEMSTATS
from pushvar.model import MetricType
from pushvar.receiver.server import Receiver

from tests.e2e.configurations import write_config
from tests.programs.commands import PUSHVAR, pushvar_environment, run_pushvar
from tests.programs.loopback import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Proxies
    from tests.programs.databases import Database
    from tests.programs.faulty_server import FaultyServer
    from tests.programs.servers import Server

TENANT = {"customer_id": "acme", "service_domain": "shop", "sla_tier": "gold"}


def expected_memstats(stats: dict[str, object]) -> dict[tuple[str, str], float]:
    """The 29 samples of a MemStats object, (name, quantile) to value, from the document alone."""
    ring, cycles, total = stats["PauseNs"], stats["NumGC"], stats["PauseTotalNs"]
    assert isinstance(ring, list)
    assert isinstance(cycles, int)
    assert isinstance(total, int)
    done = min(cycles, len(ring))
    recent = sorted(ring[(cycles - 1 - back) % len(ring)] for back in range(done)) or [0]
    places = [done * quarter // 4 for quarter in range(4)] + [len(recent) - 1]
    values: dict[tuple[str, str], float] = {
        (metric.family.name, ""): stats[metric.source] / metric.divisor  # type: ignore[operator]
        for metric in MEMSTATS
    }
    values.update(
        {(GC_DURATION.name, q): recent[place] / 10**9 for q, place in zip(GC_QUANTILES, places, strict=True)}
    )
    values[f"{GC_DURATION.name}_sum", ""] = total / 10**9
    values[f"{GC_DURATION.name}_count", ""] = cycles
    return values


def go_samples(database: Database, job: str) -> dict[tuple[str, str], float]:
    """What a database holds of a job's go_memstats_* and go_gc_* series."""
    found = database.query(f'{{job="{job}",__name__=~"go_memstats_.*|go_gc_.*"}}')
    return {(labels["__name__"], labels.get("quantile", "")): value for labels, value in found}


def test_one_cycle_into_two_real_databases(
    go_program: Server,
    recorded: Proxies,
    prometheus: Database,
    victoria_metrics: Database,
    tmp_path: Path,
) -> None:
    """Each of the 29 memstats samples equals in name and value what the one fetched document held."""
    job = "one-cycle"
    with recorded(go_program.url) as proxy, Receiver() as receiver:
        backends = {
            "prometheus": prometheus.write_url,
            "victoria": victoria_metrics.write_url,
            "strict": receiver.write_url,
        }
        config = write_config(tmp_path, {job: proxy.address}, backends, labels=TENANT)
        done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db")
        assert (done.returncode, done.stderr) == (0, "")
        assert len(proxy.exchanges) == 1
        document = json.loads(proxy.last().body)

        expected = expected_memstats(document["memstats"])
        assert len(expected) == 29
        assert go_samples(prometheus, job) == expected
        # VictoriaMetrics stores decimal mantissas, so the last bit of a long fraction may differ.
        assert go_samples(victoria_metrics, job) == pytest.approx(expected, rel=1e-15)
        for database in (prometheus, victoria_metrics):
            (labels, orders), *_ = database.query(f'orders_placed_total{{job="{job}"}}')
            assert orders == document["orders_placed_total"]
            assert {name: labels[name] for name in TENANT} == TENANT
            assert labels["instance"] == proxy.address
            assert database.query(f'up{{job="{job}"}}')[0][1] == 1
            assert len(database.query(f'{{job="{job}",customer_id="acme"}}')) == len(receiver.series())

        assert receiver.violations() == ()
        types = {one.family: one.type for one in receiver.series()}
        assert {name: types[name] for name in types if name.startswith("go_memstats")} == {
            metric.family.name: metric.family.type for metric in MEMSTATS
        }
        assert types[GC_DURATION.name] == MetricType.SUMMARY
        assert types["go_goroutines"] == MetricType.GAUGE
        assert types["orders_placed_total"] == MetricType.COUNTER


def test_every_target_has_its_health_series_up_or_down(go_program: Server, tmp_path: Path) -> None:
    """A target that answers and one that does not both yield up and scrape_*; the exit code says 3."""
    with Receiver() as receiver:
        targets = {"good": go_program.address, "gone": "127.0.0.1:1"}
        config = write_config(tmp_path, targets, {"strict": receiver.write_url})
        done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db")
        assert done.returncode == 3
        assert "127.0.0.1:1/debug/vars  refused" in done.stdout
        for family in HEALTH:
            values = {
                dict(one.labels)["job"]: one.latest for one in receiver.series({"__name__": family.name})
            }
            assert set(values) == {"good", "gone"}
        health = {target.job: target.health for target in receiver.targets()}
        assert health == {"good": "up", "gone": "down"}
        assert {dict(one.labels)["job"] for one in receiver.series({"__name__": "go_goroutines"})} == {"good"}
        assert receiver.violations() == ()


def test_the_loop_runs_until_it_is_told_to_end(
    go_program: Server, prometheus: Database, tmp_path: Path
) -> None:
    """Run --every pushes cycle after cycle, in order, and SIGTERM ends it with exit code 0."""
    config = write_config(tmp_path, {"loop": go_program.address}, {"prometheus": prometheus.write_url})
    command: list[str | Path] = [
        PUSHVAR,
        "run",
        "--config",
        config,
        "--every",
        "1s",
        "--state",
        tmp_path / "state.db",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=pushvar_environment()) as process:
        try:
            wait_until(
                lambda: any(len(samples) >= 4 for _, samples in prometheus.samples('up{job="loop"}')),
                timeout_s=20,
                what="four cycles in Prometheus",
            )
            process.terminate()
            out, _ = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0
    cycles = [json.loads(line) for line in out.splitlines()]
    assert all(cycle["schema"] == 1 and cycle["backends"][0]["failed"] == 0 for cycle in cycles)
    ((_, samples),) = prometheus.samples('up{job="loop"}')
    assert [time_ms for time_ms, _ in samples] == [cycle["targets"][0]["time_ms"] for cycle in cycles]
    gaps = [after - before for (before, _), (after, _) in itertools.pairwise(samples)]
    assert all(700 <= gap <= 5_000 for gap in gaps)


def test_overlapping_runs_are_harmless(go_program: Server, tmp_path: Path) -> None:
    """Of two runs at once one writes; the other says so and ends well. Nothing is sent twice."""
    with Receiver() as receiver:
        config = write_config(tmp_path, {"cron": go_program.address}, {"strict": receiver.write_url})
        command: list[str | Path] = [
            PUSHVAR,
            "run",
            "--config",
            config,
            "--once",
            "--state",
            tmp_path / "state.db",
        ]
        started = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=pushvar_environment())
            for _ in range(4)
        ]
        outs = [process.communicate(timeout=30)[0] for process in started]
        assert [process.returncode for process in started] == [0] * 4
        wrote = sum("1 target  " in out for out in outs)
        assert wrote + sum("another writer holds this shard" in out for out in outs) == 4
        assert wrote >= 1
        assert len(receiver.samples(dict(receiver.series({"__name__": "up"})[0].labels))) == wrote
        assert receiver.violations() == ()


def test_a_backend_that_recovers_within_the_cycle(go_program: Server, tmp_path: Path) -> None:
    """A backend that starts late is retried: the samples keep the time of their fetch."""
    probe = Receiver().start()
    port = probe.port
    probe.stop()
    config = write_config(
        tmp_path, {"late": go_program.address}, {"strict": f"http://127.0.0.1:{port}/api/v1/write"}
    )
    command: list[str | Path] = [PUSHVAR, "run", "--config", config, "--once", "--json"]
    command += ["--state", tmp_path / "state.db"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=pushvar_environment()) as process:
        time.sleep(1.5)
        with Receiver(port=port) as receiver:
            out, _ = process.communicate(timeout=30)
            report = json.loads(out)
            assert process.returncode == 0
            assert report["backends"][0]["retries"] > 0
            assert report["backends"][0]["failed"] == 0
            (up,) = receiver.series({"__name__": "up"})
            assert up.latest.time_ms == report["targets"][0]["time_ms"]


def test_a_backend_that_stays_away(go_program: Server, tmp_path: Path) -> None:
    """Delivery that fails is exit code 4, with the backend, the reason and what to do."""
    config = write_config(tmp_path, {"x": go_program.address}, {"away": "http://127.0.0.1:1/api/v1/write"})
    done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db")
    assert done.returncode == 4
    assert "away  kept for a later cycle: http://127.0.0.1:1/api/v1/write: no answer: " in done.stdout
    assert "is the backend running" in done.stdout


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ({"basic_auth": {"username": "u", "password": "env:SECRET"}}, "Basic dTpzM2NyZXQ="),
        ({"authorization": {"credentials": "env:SECRET"}}, "Bearer s3cret"),
        ({"headers": {"X-Scope-OrgID": "acme"}}, "acme"),
    ],
)
def test_credentials_and_headers(
    auth: dict[str, object], expected: str, go_program: Server, faulty: FaultyServer, tmp_path: Path
) -> None:
    """Basic, bearer and custom headers reach the backend; the secret stands in no output."""
    config = write_config(tmp_path, {"x": go_program.address}, {})
    document = json.loads(config.read_text())
    document["remote_write"] = [{"name": "b", "url": f"{faulty.url}/status/204", **auth}]
    config.write_text(json.dumps(document))
    done = run_pushvar(
        "run",
        "--config",
        config,
        "--once",
        "--state",
        tmp_path / "state.db",
        "--json",
        env={"SECRET": "s3cret"},
    )
    assert done.returncode == 0
    assert "s3cret" not in done.stdout + done.stderr
    header = "x-scope-orgid" if "headers" in auth else "authorization"
    assert {request.headers[header] for request in faulty.requests} == {expected}


def test_requests_signed_for_aws(go_program: Server, faulty: FaultyServer, tmp_path: Path) -> None:
    """What arrives carries the signature that botocore gives the very same request."""
    config = write_config(tmp_path, {"x": go_program.address}, {})
    document = json.loads(config.read_text())
    document["remote_write"] = [{"url": f"{faulty.url}/status/204", "sigv4": {"region": "eu-west-1"}}]
    config.write_text(json.dumps(document))
    state = tmp_path / "state.db"
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_SESSION_TOKEN": "t0ken"}
    done = run_pushvar("run", "--config", config, "--once", "--state", state, env=keys)
    assert done.returncode == 0, done.stdout
    assert len(faulty.requests) == 2
    for request in faulty.requests:
        names = re.search(r"SignedHeaders=([^,]+)", request.headers["authorization"])
        assert names is not None
        signed = {name: request.headers[name] for name in names[1].split(";")}
        again = AWSRequest("POST", f"{faulty.url}{request.path}", headers=signed, data=request.body)
        again.context["timestamp"] = request.headers["x-amz-date"]
        by_botocore = SigV4Auth(Credentials("AKID", "s3cret", "t0ken"), "aps", "eu-west-1")
        signature = by_botocore.signature(
            by_botocore.string_to_sign(again, by_botocore.canonical_request(again)), again
        )
        assert request.headers["authorization"].endswith(f"Signature={signature}")
    missing = run_pushvar("run", "--config", config, "--once", "--state", state)
    assert missing.returncode == 2
    assert "AWS_ACCESS_KEY_ID is not set" in missing.stderr
