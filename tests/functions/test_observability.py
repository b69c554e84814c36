"""What the functions say of themselves: lines that can be joined, a share of the quiet ones, traces."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.errors import ConfigError

from tests.functions.deployment import ROOT, Deployment, deploy, event, forward_event
from tests.functions.function_url import event_of
from tests.functions.test_handlers import job, logged, metrics
from tests.programs.xray_daemon import XRayDaemon, xray_daemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.faulty_server import FaultyServer

    Capsys = pytest.CaptureFixture[str]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
ROWS = b"rows 42\n"


@pytest.fixture
def stack(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Give an empty deployment."""
    deployed = deploy(aws, tmp_path, monkeypatch.setenv)
    yield deployed
    for container in deployed.containers:
        container.close()


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[XRayDaemon]:
    """Give X-Ray's daemon, and a sampled invocation."""
    with xray_daemon() as one:
        monkeypatch.setenv("PUSHVAR_TRACING", "1")
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", one.address)
        trace = "Root=1-691f2a00-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=1"
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
        yield one


def told(lines: list[dict[str, Any]], *titles: str) -> list[dict[str, Any]]:
    """The lines with these titles."""
    return [line for line in lines if line.get("message") in titles]


def test_a_plan_and_its_shards_have_one_name(stack: Deployment, faulty: FaultyServer, capsys: Capsys) -> None:
    """Every line of a cycle carries the plan's request id, also the line of a shard that failed."""
    address = faulty.url.removeprefix("http://")
    stack.configure([job("pay", address, metrics_path="/ok")], f"{faulty.url}/status/204")
    stack.set_variable("PUSHVAR_SHARDS", "2")
    stack.container("plan")(event("plan"))
    records = stack.messages()
    lost = json.loads(records[1]["body"])["slice_version"]
    key = {"pk": {"S": f"document#{lost}"}, "sk": {"S": "document"}}
    stack.aws.client("dynamodb").delete_item(TableName=stack.table, Key=key)
    stack.container("forward")(forward_event(records))
    lines = logged(capsys)
    (planned,) = told(lines, "planned")
    (forwarded,) = told(lines, "forwarded")
    (failed,) = told(lines, "shard failed")
    assert planned["function_request_id"] == planned["correlation_id"]
    for line, record in ((forwarded, records[0]), (failed, records[1])):
        assert (line["correlation_id"], line["cycle"]) == (planned["correlation_id"], planned["cycle"])
        assert (line["message_id"], line["shard"]) == (
            record["messageId"], json.loads(record["body"])["shard"],
        )  # fmt: skip


def test_a_quiet_cycle_may_go_unsaid(stack: Deployment, faulty: FaultyServer, capsys: Capsys) -> None:
    """With a share of 0 a healthy cycle has metrics and no line; a target that is down has its line."""
    stack.set_variable("PUSHVAR_LOG_SAMPLE", "0")
    address = faulty.url.removeprefix("http://")
    for path, titles in (("/ok", []), ("/status/500", ["forwarded"])):
        stack.configure([job("pay", address, metrics_path=path)], f"{faulty.url}/status/204")
        stack.container("plan")(event("plan"))
        stack.container("forward")(forward_event(stack.messages()))
        lines = logged(capsys)
        assert [line["message"] for line in told(lines, "forwarded")] == titles
        assert metrics(lines)["Cycles"] == 1


@pytest.mark.parametrize("function", ["plan", "forward", "gateway"])
def test_a_share_that_is_none(stack: Deployment, function: str) -> None:
    """The first event says what is wrong with the variable."""
    stack.set_variable("PUSHVAR_LOG_SAMPLE", "most")
    message = {"cycle": 1, "planned_at": 10**14, "shard": "0"}
    versions = {"config_version": "a" * 64, "slice_version": "b" * 64}
    body = f"{message | versions}".replace("'", '"')
    given = forward_event([{"messageId": "1", "body": body}]) if function == "forward" else event(function)
    with pytest.raises(ConfigError, match="PUSHVAR_LOG_SAMPLE: 'most' is no share"):
        stack.container(function)(given)


def test_the_caller_finds_its_push(stack: Deployment, capsys: Capsys) -> None:
    """Its trace and its request id stand in the log, and the id comes back; without one, Lambda's does."""
    stack.configure([], "http://127.0.0.1:9/write", gateway={"anonymous": "acme"})
    gateway = stack.container("gateway")
    named = {"Content-Type": "text/plain", "Traceparent": PARENT, "X-Request-Id": "nightly 7"}
    answer = gateway(event_of("PUT", "/metrics/job/nightly", named, ROWS))
    assert (answer["statusCode"], answer["headers"]["x-request-id"]) == (200, "nightly7")
    plain = {"X-Amzn-Trace-Id": "Root=1-691f2a00-0123456789abcdef01234567", "X-Amzn-RequestId": "forged"}
    answer = gateway(event_of("PUT", "/metrics/job/nightly", plain | {"Content-Type": "text/plain"}, b"rows"))
    lambdas = "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert (answer["statusCode"], answer["headers"]["x-request-id"]) == (400, lambdas)
    first, second = told(logged(capsys), "push")
    assert (first["trace_id"], first["request_id"], first["correlation_id"]) == (TRACE, "nightly7", TRACE)
    assert (first["level"], first["customer_id"], first["outcome"]) == ("INFO", "acme", "stored")
    assert (second["trace_id"], second["request_id"]) == (plain["X-Amzn-Trace-Id"][5:], lambdas)
    assert second["level"] == "WARNING"


def test_a_trace_shows_where_the_time_went(
    stack: Deployment, faulty: FaultyServer, daemon: XRayDaemon
) -> None:
    """Steps that touch the world lie in their shard's span; a backend that fails is a fault."""
    address = faulty.url.removeprefix("http://")
    later = f"{faulty.url}/status/204"
    stack.configure([job("pay", address, metrics_path="/ok")], later)
    stack.container("plan")(event("plan"))
    stack.container("forward")(forward_event(stack.messages()))
    found = {one["name"]: one for one in daemon.documents()}
    assert set(found) == {"plan", "shard", "lease", "fetch", "deliver", "backend main", "commit"}
    shard = found["shard"]
    assert shard["annotations"]["shard"] == "0"
    assert {found[name]["parent_id"] for name in ("lease", "fetch", "deliver", "commit")} == {shard["id"]}
    assert found["backend main"]["parent_id"] == found["deliver"]["id"]
    assert found["backend main"]["annotations"]["samples"] > 0
    assert not any("fault" in one for one in found.values())
    stack.configure([job("pay", address, metrics_path="/ok")], f"{faulty.refused_url}/write")
    stack.cycle(timeout_s=6)
    failed = {one["name"]: one for one in daemon.documents()}
    assert failed["backend main"]["fault"]
    assert failed["backend main"]["annotations"]["spooled"] > 0
    assert "spool" in failed


def test_a_push_is_traced(stack: Deployment, daemon: XRayDaemon) -> None:
    """With what became of it."""
    stack.configure([], "http://127.0.0.1:9/write", gateway={"anonymous": "acme"})
    stack.container("gateway")(event_of("PUT", "/metrics/job/a", {"Content-Type": "text/plain"}, ROWS))
    (found,) = daemon.documents()
    assert found["annotations"] == {"status": 200, "outcome": "stored"}


@pytest.mark.parametrize("tracing", ["", "0", "1"])
@pytest.mark.parametrize("function", ["plan", "forward", "gateway"])
def test_tracing_that_is_off_costs_nothing(function: str, tracing: str) -> None:
    """Its module is loaded when it is on only, and the SDK never."""
    program = (
        "import runpy, sys; runpy.run_path(sys.argv[1]);"
        "print([name for name in sys.modules if 'xray' in name])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(ROOT / "functions" / function / "handler.py")],
        env={"PYTHONPATH": str(ROOT / "layers" / "pushvar"), "PUSHVAR_TRACING": tracing},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ("['pushvar.net.xray']" if tracing == "1" else "[]")
