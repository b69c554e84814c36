"""Bad targets cost only their own series, bad configurations send nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.receiver.server import Receiver

from tests.e2e.configurations import write_config
from tests.programs.commands import run_pushvar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.faulty_server import FaultyServer
    from tests.programs.servers import Server

REASONS = {
    "hang": "timeout",
    "hang-body": "timeout",
    "drip": "timeout",
    "drip-body": "timeout",
    "endless": "too_large",
    "endless-chunks": "too_large",
    "endless-headers": "bad_format",
    "huge": "too_large",
    "gzip-bomb": "too_large",
    "reset": "connection",
    "reset-body": "connection",
    "close": "connection",
    "truncated": "connection",
    "cut-chunk": "connection",
    "html": "bad_format",
    "array": "bad_format",
    "empty": "bad_json",
    "deep": "bad_json",
    "cut-json": "bad_json",
    "bad-gzip": "bad_format",
    "cut-gzip": "bad_format",
    "bad-chunk": "bad_format",
    "bad-length": "bad_format",
    "two-lengths": "bad_format",
    "no-http": "bad_format",
    "redirect-same": "redirect",
    "redirect-other": "redirect",
    "redirect-loop": "redirect",
    "redirect-file": "redirect",
    "status/401": "auth",
    "status/403": "auth",
    "status/404": "not_found",
    "status/410": "client",
    "status/429": "rate_limited",
    "status/500": "server",
    "status/503": "server",
}
GOOD = ["ok", "chunked", "gzip", "json-as-html", "no-length", "close-between", "not-utf8"]


PACE: dict[str, Any] = {"global": {"scrape_interval": "4s", "scrape_timeout": "3s", "self_metrics": False}}


def test_every_bad_target_costs_only_itself(faulty: FaultyServer, go_program: Server, tmp_path: Path) -> None:
    """Among targets of every kind of fault the good ones arrive whole; a bad one has up 0 and its reason."""
    address = faulty.url.removeprefix("http://")
    targets = {path.replace("/", "-"): f"{address}/{path}" for path in [*REASONS, *GOOD]}
    with Receiver() as receiver:
        config = write_config(
            tmp_path,
            {"orders": go_program.address, **targets},
            {"r": receiver.write_url},
            **PACE,
        )
        done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db", "--json")
        assert done.returncode == 3, done.stderr
        report = json.loads(done.stdout)
        assert report["duration_s"] < 12
        reasons = {target["labels"]["job"]: target["reason"] for target in report["targets"]}
        expected = {path.replace("/", "-"): reason for path, reason in REASONS.items()}
        assert reasons == {**expected, **dict.fromkeys(["orders", *GOOD], "ok")}
        assert all(target["detail"] for target in report["targets"] if target["reason"] != "ok")
        health = {target.job: target.health for target in receiver.targets()}
        assert health == {job: "up" if reason == "ok" else "down" for job, reason in reasons.items()}
        samples = {target.job: target.samples for target in receiver.targets()}
        assert samples["orders"] is not None
        assert samples["orders"] > 40
        assert receiver.violations() == ()


def test_a_slow_target_is_given_up_in_time(faulty: FaultyServer, tmp_path: Path) -> None:
    """Two hundred targets that never answer cost one timeout together, not one after the other."""
    config = write_config(tmp_path, {"x": "127.0.0.1:1"}, {"r": f"{faulty.url}/status/204"})
    document = json.loads(config.read_text())
    host = faulty.url.removeprefix("http://")
    document["scrape_configs"] = [
        {"job_name": f"hang{n}", "metrics_path": "/hang", "static_configs": [{"targets": [host]}]}
        for n in range(200)
    ]
    config.write_text(json.dumps(document))
    done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db", "--json")
    report = json.loads(done.stdout)
    assert {target["reason"] for target in report["targets"]} == {"timeout"}
    assert len(report["targets"]) == 200
    assert report["duration_s"] < 8


CONFIGURATIONS = [
    ("scrape_configs: [{job_name: a, metric_path: /x}]", "scrape_configs[0].metric_path", "metrics_path"),
    ("scrape_config: []", "scrape_config", "scrape_configs"),
    ("scrape_configs: [{job_name: a, scrape_interval: 15 sec}]", "scrape_configs[0].scrape_interval", "15s"),
    ("scrape_configs: [{job_name: a, kubernetes_sd_configs: []}]", "kubernetes_sd_configs", "not supported"),
    ("a: [", "", "pushvar.yml:"),
    ("scrape_configs: [{job_name: a}]", "remote_write", "no backend to send to"),
    ("scrape_configs: [{job_name: a}]\nremote_write: [{url: 'ftp://x'}]", "remote_write[0].url", "http"),
    (
        "scrape_configs: [{job_name: a}]\nremote_write: [{url: 'http://x', basic_auth: {password: hunter2}}]",
        "remote_write[0].basic_auth.password",
        "env:",
    ),
]


@pytest.mark.parametrize(
    ("text", "place", "words"), CONFIGURATIONS, ids=[case[0][:50] for case in CONFIGURATIONS]
)
def test_a_wrong_configuration_sends_nothing(
    text: str, place: str, words: str, go_program: Server, tmp_path: Path
) -> None:
    """Exit code 2, the place, the problem and the right word; not a single request leaves."""
    del go_program
    config = tmp_path / "pushvar.yml"
    config.write_text(text)
    done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db")
    assert done.returncode == 2
    assert place in done.stderr
    assert words in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_secret_that_is_not_there(faulty: FaultyServer, tmp_path: Path) -> None:
    """A reference that leads nowhere is named, and nothing is fetched or sent."""
    config = write_config(tmp_path, {"x": f"{faulty.url.removeprefix('http://')}/ok"}, {})
    document = json.loads(config.read_text())
    document["scrape_configs"][0]["authorization"] = {"credentials": "env:NOT_SET_ANYWHERE"}
    document["remote_write"] = [{"url": f"{faulty.url}/status/204"}]
    config.write_text(json.dumps(document))
    done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db")
    assert done.returncode == 2
    assert "env:NOT_SET_ANYWHERE is not set" in done.stderr
    assert faulty.requests == []


def test_a_state_file_that_cannot_be_used(go_program: Server, tmp_path: Path) -> None:
    """A folder that does not exist or a file that is no database: said with its path, exit code 2."""
    config = write_config(tmp_path, {"x": go_program.address}, {"r": "http://127.0.0.1:1"})
    broken = tmp_path / "broken.db"
    broken.write_text("this is no database, and long enough to be sure of it\n" * 20)
    done = run_pushvar("run", "--config", config, "--once", "--state", broken)
    assert done.returncode == 2
    assert "broken.db" in done.stderr
    assert "Traceback" not in done.stderr
