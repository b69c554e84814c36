"""The built functions under Lambda's own runtime interface: context, errors, timeout, cold start."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from tests.components import REPOSITORY, sam
from tests.functions.deployment import deploy, event, forward_event
from tests.functions.function_url import event_of
from tests.programs import aws as amazon
from tests.programs import process
from tests.programs.runtime_emulator import Settings, function

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functions.deployment import Deployment
    from tests.programs.aws import Aws
    from tests.programs.builds import Build
    from tests.programs.faulty_server import FaultyServer
    from tests.programs.runtime_emulator import Function

TIMEOUT_S = 3
DELIVERIES = 5
BARE = """\
    import os, sys, time
    calls = 0

    def handler(event, context):
        global calls
        calls += 1
        match event:
            case {"sleep_s": seconds}:
                time.sleep(seconds)
            case {"raise": words}:
                raise LookupError(words)
            case {"import": name}:
                return __import__(name).__file__
        return {
            "calls": calls,
            "name": context.function_name,
            "request": context.aws_request_id,
            "remaining_ms": context.get_remaining_time_in_millis(),
            "memory_mb": int(context.memory_limit_in_mb),
            "path": sys.path,
            "environment": dict(os.environ),
            "event": event,
        }
    """


@pytest.fixture(scope="module")
def bare(local_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    """Give a function of the test's own beside the built layer."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "handler.py").write_text(dedent(BARE))
    settings = Settings("bare", TIMEOUT_S, {"COLOUR": "blue"})
    with function(folder, [local_build.layer], tmp_path_factory.mktemp("bare-log"), settings) as running:
        yield running


@pytest.fixture
def stack(aws_server: Aws, tmp_path: Path) -> tuple[Deployment, dict[str, str]]:
    """Give an empty deployment, and the environment of its functions."""
    variables = dict(aws_server.environment)
    return deploy(aws_server, tmp_path, variables.__setitem__), variables


def test_a_handler_gets_its_event_and_context(bare: Function) -> None:
    """The function's name, memory and time are those that were set; the event arrives as it was sent."""
    answer = bare.invoke({"colour": ["blue", 1, None]})
    assert answer["event"] == {"colour": ["blue", 1, None]}
    assert (answer["name"], answer["memory_mb"]) == ("bare", 512)
    assert 0 < answer["remaining_ms"] <= TIMEOUT_S * 1000
    assert re.fullmatch(r"[0-9a-f-]{36}", answer["request"])


def test_an_environment_is_kept_from_call_to_call(bare: Function) -> None:
    """What a handler keeps in its module is there the next time, under another request id."""
    first, second = (bare.invoke({}) for _ in range(2))
    assert second["calls"] == first["calls"] + 1
    assert second["request"] != first["request"]


def test_nothing_but_the_artifact_is_there(bare: Function, local_build: Build) -> None:
    """Function, layer, Lambda's own packages, the standard library: nothing of this machine's besides."""
    answer = bare.invoke({})
    task = answer["environment"]["LAMBDA_TASK_ROOT"]
    known = {task, str(local_build.layer), str(sam.find_runtime())}
    foreign = {path for path in answer["path"] if path not in known}
    assert {path for path in foreign if not path.startswith(sys.base_prefix) or "-packages" in path} == set()
    ours = {"COLOUR": "blue", "AWS_LAMBDA_FUNCTION_NAME": "bare"}
    assert ours.items() <= answer["environment"].items()
    assert not {"HOME", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST"} & set(answer["environment"])
    assert bare.invoke({"import": "pytest"})["errorType"] == "ModuleNotFoundError"
    assert bare.invoke({"import": "boto3"}).endswith("/runtime/boto3/__init__.py")
    assert bare.invoke({"import": "urllib3"}) == str(local_build.layer / "urllib3" / "__init__.py")


def test_an_error_is_told(bare: Function) -> None:
    """Its class, its words and where it was raised; the environment lives on."""
    before = bare.invoke({})["calls"]
    error = bare.invoke({"raise": "no such key"})
    assert (error["errorType"], error["errorMessage"]) == ("LookupError", "no such key")
    assert "raise LookupError(words)" in error["stackTrace"][-1]
    assert bare.invoke({})["calls"] == before + 2


def test_a_function_that_overruns_is_killed(bare: Function) -> None:
    """At its timeout, with Lambda's words; the next call that is answered begins in a new environment.

    The emulator begins that environment within the call, whose timeout it may use up on a machine
    that is busy: such a call is killed as well, and says so.
    """
    bare.invoke({})
    inits, started_s = len(bare.inits_ms()), time.monotonic()
    answer = bare.invoke({"sleep_s": 30})
    assert time.monotonic() - started_s < 10
    assert f"Task timed out after {TIMEOUT_S}.00 seconds" in json.dumps(answer)
    for _ in range(5):
        answer = bare.invoke({})
        if "calls" in answer:
            break
        assert "Task timed out" in json.dumps(answer) or "errorType" in answer, answer
    assert answer["calls"] == 1, answer
    assert len(bare.inits_ms()) > inits


def test_the_init_is_measured(bare: Function) -> None:
    """One figure for each environment that was begun."""
    bare.invoke({})
    assert all(0 < took_ms < 10_000 for took_ms in bare.inits_ms())
    assert bare.inits_ms()


@pytest.mark.parametrize("name", ["plan", "forward", "gateway"])
def test_a_function_that_is_not_configured_says_so(name: str, local_build: Build, tmp_path: Path) -> None:
    """The init succeeds, so the first event's error is told and logged, with the variable that is missing."""
    with function(local_build.function(f"{name.title()}Function"), [local_build.layer], tmp_path) as running:
        answer = running.invoke(event(name))
    assert answer["errorType"] == "ConfigError"
    assert "PUSHVAR_STATE: not set; set it to aws:TABLE/BUCKET" in answer["errorMessage"]
    assert any(answer["errorMessage"] in str(line.get("error")) for line in running.logged())


def scheduled_now() -> dict[str, Any]:
    """The schedule's event for this minute."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return {**event("plan"), "scheduled_time": now.strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_the_deployed_chain_runs(
    stack: tuple[Deployment, dict[str, str]], local_build: Build, faulty: FaultyServer, tmp_path: Path
) -> None:
    """Plan reads Parameter Store and sends a shard; forward takes its message and pushes, cold and then warm.

    On Lambda no target may lie on the function's own machine, so the one of this test is down, which
    is a series as well.
    """
    deployment, variables = stack
    target = {"targets": ["127.0.0.1:9"], "labels": {"customer_id": "acme", "sla_tier": "gold"}}
    job = {"job_name": "pay", "static_configs": [target]}
    deployment.configure([job], f"{faulty.url}/status/204")
    settings = Settings("pushvar-dev-plan", 50, variables)
    with function(local_build.function("PlanFunction"), [local_build.layer], tmp_path, settings) as plan:
        planned = plan.invoke(scheduled_now())
        assert (planned["targets"], planned["shards"], planned["unsent"]) == (1, 1, {}), planned
        assert planned["problems"] == []
        assert plan.invoke(event("plan"))["problems"] != []  # a time that is not now is not believed
    records = deployment.messages()
    assert len(records) == 2
    settings = Settings("pushvar-dev-forward", 50, variables)
    code = local_build.function("ForwardFunction")
    with function(code, [local_build.layer], tmp_path, settings) as forward:
        for record in records:
            assert forward.invoke(forward_event([record])) == {"batchItemFailures": []}
        assert len(forward.inits_ms()) == 1
    assert "/status/204" in faulty.paths()
    lines = [line for line in forward.logged() if line.get("service") == "forward" and "message" in line]
    assert [line["cold_start"] for line in lines] == [True, False]
    assert lines[0]["message"] == "forwarded"
    assert lines[0]["function_name"] == "pushvar-dev-forward"


def test_the_gateway_takes_a_push(
    stack: tuple[Deployment, dict[str, str]], local_build: Build, tmp_path: Path
) -> None:
    """Its configuration is read while it starts; a push by the URL and one as an event are both shown."""
    deployment, variables = stack
    block = {"anonymous": "acme", "ttl": "2h"}
    deployment.configure([], "http://127.0.0.1:9/write", gateway=block)
    settings = Settings("pushvar-dev-gateway", 15, variables)
    with function(
        local_build.function("GatewayFunction"), [local_build.layer], tmp_path, settings
    ) as gateway:
        pushed = gateway.invoke(
            event_of("PUT", "/metrics/job/built", {"Content-Type": "text/plain"}, b"rows 1\n")
        )
        assert (pushed["statusCode"], pushed["body"]) == (200, ""), pushed
        assert gateway.invoke(event("gateway-event")) == {
            "status": 200, "outcome": "stored", "customer_id": "acme",
        }  # fmt: skip
        shown = gateway.invoke(event_of("GET", "/metrics", {}))["body"]
        refused = gateway.invoke({"job": ""})
        assert len(gateway.inits_ms()) == 1
    assert 'rows{instance="",job="built"} 1\n' in shown
    assert "rows_copied{" in shown
    assert (refused["errorType"], refused["errorMessage"]) == ("EventError", "job name is required")
    counted = [line["outcome"] for line in gateway.logged() if "Pushes" in line]
    assert counted == ["stored", "stored", "shown", "malformed"]


ANSWERS: dict[str, dict[str, Any]] = {
    "plan": {"unsent": {}, "targets": 1, "shards": 1},
    "forward": {"batchItemFailures": []},
    "gateway": {"statusCode": 401},
    "gateway-event": {"status": 200, "outcome": "stored", "customer_id": "acme"},
}
"""What a configured function says to the example of that name, the part that no day changes."""


@pytest.mark.parametrize("name", sorted(path.stem for path in (REPOSITORY / "events").glob("*.json")))
def test_every_example_is_answered(
    name: str, stack: tuple[Deployment, dict[str, str]], local_build: Build, tmp_path: Path
) -> None:
    """By the function that its name begins with; an example without an answer here fails."""
    deployment, variables = stack
    job = {"job_name": "pay", "static_configs": [{"targets": ["127.0.0.1:9"]}]}
    deployment.configure([job], "http://127.0.0.1:9/write", gateway={"anonymous": "acme"})
    of = name.partition("-")[0]
    settings = Settings(f"pushvar-dev-{of}", 50, variables)
    code = local_build.function(f"{of.title()}Function")
    with function(code, [local_build.layer], tmp_path, settings) as running:
        answer = running.invoke(event(name))
        assert len(running.inits_ms()) == 1
    assert {key: answer.get(key) for key in ANSWERS[name]} == ANSWERS[name], answer


def test_the_example_message_is_late(
    stack: tuple[Deployment, dict[str, str]], local_build: Build, tmp_path: Path
) -> None:
    """The example of a shard's message is of long ago: it is counted and acknowledged, not scraped."""
    settings = Settings("forward", 50, stack[1])
    code = local_build.function("ForwardFunction")
    with function(code, [local_build.layer], tmp_path, settings) as forward:
        assert forward.invoke(event("forward")) == {"batchItemFailures": []}
    assert [line["skipped"] for line in forward.logged() if "skipped" in line] == ["late"]


def test_a_message_of_another_deployment_is_an_error(
    stack: tuple[Deployment, dict[str, str]], local_build: Build, tmp_path: Path
) -> None:
    """Documents that are missing make an error that Lambda counts, and the queue brings the message again."""
    body = json.loads(event("forward")["Records"][0]["body"])
    now_ms = time.time_ns() // 1_000_000
    lost = forward_event([{"body": json.dumps({**body, "cycle": now_ms, "planned_at": now_ms})}])
    settings = Settings("forward", 50, stack[1])
    code = local_build.function("ForwardFunction")
    with function(code, [local_build.layer], tmp_path, settings) as forward:
        answer = forward.invoke(lost)
    assert answer["errorType"] == "StateError"
    assert body["config_version"] in answer["errorMessage"]


@contextmanager
def standing_still(program: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let a program answer nothing for a while; connections to it are still taken."""
    program.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.send_signal(signal.SIGCONT)


def delivered_again(emulated: Function, message: Any) -> Any:
    """What the function says at last: a queue brings a message again that its invocation did not survive.

    The emulator fails one (Sandbox.Failure) that comes while it still clears a killed one away, and a busy
    machine needs more than the timeout for a cold start.
    """
    for _ in range(DELIVERIES):
        answer = emulated.invoke(message)
        said = json.dumps(answer)
        if "Sandbox.Failure" not in said and "Task timed out" not in said:
            return answer
        time.sleep(1)
    raise AssertionError(said)


def test_a_killed_cycle_is_run_by_a_new_environment(
    local_build: Build, faulty: FaultyServer, tmp_path: Path
) -> None:
    """AWS stands still until Lambda kills forward; the message, delivered again, finds a cold start."""
    code = local_build.function("ForwardFunction")
    variables: dict[str, str] = {}
    with amazon.aws(tmp_path) as aws:
        machine = process.STARTED[-1].process
        variables.update(aws.environment)
        deployment = deploy(aws, tmp_path, variables.__setitem__)
        job = {"job_name": "pay", "static_configs": [{"targets": ["127.0.0.1:9"]}]}
        deployment.configure([job], f"{faulty.url}/status/204")
        settings = Settings("plan", 50, variables)
        with function(local_build.function("PlanFunction"), [local_build.layer], tmp_path, settings) as plan:
            assert plan.invoke(scheduled_now())["unsent"] == {}
        delivery = forward_event(deployment.messages())
        settings = Settings("forward", 4, variables)
        with function(code, [local_build.layer], tmp_path, settings) as forward:
            with standing_still(machine):
                killed = json.dumps(forward.invoke(delivery))
            assert faulty.paths() == []
            assert delivered_again(forward, delivery) == {"batchItemFailures": []}
    assert "Task timed out after 4.00 seconds" in killed
    assert len(forward.inits_ms()) >= 2
    assert "/status/204" in faulty.paths()
    assert [line["cold_start"] for line in forward.logged() if line.get("message") == "forwarded"] == [True]
