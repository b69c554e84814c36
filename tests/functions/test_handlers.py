"""The deployment's main job on emulated services: schedule in, series in a real Prometheus out."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.collect.shards import read_message
from pushvar.errors import ConfigError, EventError, StateError

from tests.contract.aws_door import aws_door
from tests.functions.deployment import Deployment, deploy, event, forward_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.programs.aws import Aws
    from tests.programs.databases import Database
    from tests.programs.faulty_server import FaultyServer
    from tests.programs.servers import Server

    Capsys = pytest.CaptureFixture[str]

LOST = json.dumps(  # a message whose documents nobody stored
    {"cycle": 1, "planned_at": 10**14, "shard": "0", "config_version": "a" * 64, "slice_version": "b" * 64}
)
TENANT = {"customer_id": "acme", "service_domain": "aws", "sla_tier": "gold"}
SECRET = "correct-horse-battery"


@pytest.fixture
def stack(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Give an empty deployment."""
    deployed = deploy(aws, tmp_path, monkeypatch.setenv)
    yield deployed
    for container in deployed.containers:
        container.close()


def logged(capsys: Capsys) -> list[dict[str, Any]]:
    """The lines that the functions logged since the last look: log records and EMF metrics."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def metrics(lines: list[dict[str, Any]]) -> dict[str, float]:
    """The metrics among the lines, by name, summed."""
    sums: dict[str, float] = {}
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            for metric in directive["Metrics"]:
                sums[metric["Name"]] = sums.get(metric["Name"], 0) + sum(line[metric["Name"]])
    return sums


def job(name: str, *addresses: str, **more: Any) -> dict[str, Any]:
    """A scrape config whose targets belong to acme."""
    group = {"targets": list(addresses), "labels": {"customer_id": "acme", "sla_tier": "gold"}}
    return {"job_name": name, "static_configs": [group], **more}


def test_the_main_job_on_aws(
    stack: Deployment,
    go_program: Server,
    prometheus: Database,
    capsys: Capsys,
) -> None:
    """Config push, then plan and forward three times, cold and warm: three samples of every series."""
    stack.configure([job("aws-main", go_program.address)], prometheus.write_url)
    plan, forward = stack.container("plan"), stack.container("forward")
    cycles = []
    for round_number in range(3):
        if round_number == 2:
            plan, forward = stack.container("plan"), stack.container("forward")
        planned = plan(event("plan"))
        records = stack.messages()
        assert (planned["targets"], planned["shards"], len(records)) == (1, 1, 1)
        cycles.append(read_message(records[0]["body"]).cycle)
        assert forward(forward_event(records)) == {"batchItemFailures": []}
    assert cycles == sorted(set(cycles))
    stored = prometheus.samples('{job="aws-main"}')
    assert len(stored) > 40
    assert {len(samples) for _labels, samples in stored} == {3}
    assert all(TENANT.items() <= labels.items() for labels, _samples in stored)
    (up,) = [samples for labels, samples in stored if labels["__name__"] == "up"]
    assert [value for _at, value in up] == [1.0] * 3
    lines = logged(capsys)
    counted = metrics(lines)
    assert (counted["Cycles"], counted["Targets"]) == (3, 3)
    assert (counted["TargetsDown"], counted["SamplesSpooled"], counted["SamplesDropped"]) == (0, 0, 0)
    assert counted["SamplesSent"] == sum(len(samples) for _labels, samples in stored)
    forwarded = [line for line in lines if line.get("message") == "forwarded"]
    assert [(line["shard"], line["targets"]) for line in forwarded] == [("0", {"ok": 1})] * 3


def test_a_second_forward_changes_nothing(
    stack: Deployment,
    go_program: Server,
    prometheus: Database,
    capsys: Capsys,
) -> None:
    """The queue delivers a message twice, to the same container and to another one: one sample each."""
    stack.configure([job("aws-twice", go_program.address)], prometheus.write_url)
    stack.container("plan")(event("plan"))
    records = stack.messages()
    first = stack.container("forward")
    for container in (first, first, stack.container("forward")):
        assert container(forward_event(records)) == {"batchItemFailures": []}
    assert {len(samples) for _labels, samples in prometheus.samples('{job="aws-twice"}')} == {1}
    counted = metrics(logged(capsys))
    assert (counted["Cycles"], counted["CyclesRepeated"]) == (1, 2)


def test_racing_forwards(stack: Deployment, recorded: Any, prometheus: Database, go_program: Server) -> None:
    """The same message in four containers at once: one of them fetches and writes."""
    with recorded(go_program.url) as proxy, aws_door(stack.aws) as door:
        stack.configure([job("aws-race", proxy.address)], prometheus.write_url)
        stack.container("plan")(event("plan"))
        records = stack.messages()
        stack.set_variable("AWS_ENDPOINT_URL", door.url)  # one write of an item at a time, as on AWS
        containers = [stack.container("forward") for _ in range(4)]
        answers: list[object] = []
        threads = [
            threading.Thread(target=lambda one=one: answers.append(one(forward_event(records))))
            for one in containers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [{"batchItemFailures": []}] * 4
        assert len(proxy.exchanges) == 1
    assert {len(samples) for _labels, samples in prometheus.samples('{job="aws-race"}')} == {1}


def test_bad_records_among_good_ones(stack: Deployment, faulty: FaultyServer, capsys: Capsys) -> None:
    """Malformed, late and lost messages are told apart; the good one is run, only the lost one comes back."""
    stack.configure(
        [job("pay", faulty.url.removeprefix("http://"), metrics_path="/ok")], f"{faulty.url}/status/204"
    )
    stack.container("plan")(event("plan"))
    (good,) = stack.messages()
    body = json.loads(good["body"])
    records = [
        {"messageId": "broken", "body": "{not json"},
        {"messageId": "future", "body": json.dumps({**body, "cycle": body["cycle"] + 10**7})},
        {"messageId": "late", "body": json.dumps({**body, "planned_at": body["planned_at"] - 61_000})},
        {"messageId": "lost", "body": json.dumps({**body, "slice_version": "0" * 64})},
        good,
    ]
    answer = stack.container("forward")(forward_event(records))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "lost"}]}
    lines = logged(capsys)
    counted = metrics(lines)
    assert (counted["MessagesMalformed"], counted["CyclesLate"], counted["CyclesFailed"]) == (2, 1, 1)
    assert (counted["Cycles"], counted["TargetsDown"]) == (1, 0)
    dropped = {line["message_id"]: line["error"] for line in lines if "error" in line}
    assert "not a shard message" in dropped["broken"]
    assert "lies in the future" in dropped["future"]
    assert "slice of shard 0" in dropped["lost"]


def test_a_lone_message_that_fails(stack: Deployment) -> None:
    """Every record failed: Lambda is to count an error, so the handler raises it."""
    with pytest.raises(StateError, match="configuration"):
        stack.container("forward")(forward_event([{"messageId": "1", "body": LOST}]))


def test_an_event_of_somebody_else(stack: Deployment, capsys: Capsys) -> None:
    """A forward that is invoked by hand with the wrong event says what it wants, and counts it."""
    with pytest.raises(EventError, match=r"events/forward\.json"):
        stack.container("forward")(event("plan"))
    assert metrics(logged(capsys)) == {"MessagesMalformed": 1}


def test_a_late_message_is_acknowledged_whatever_fails(stack: Deployment, capsys: Capsys) -> None:
    """The example event is a year old: counted, although the state store cannot be asked for what waits."""
    stack.set_variable("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert stack.container("forward")(event("forward")) == {"batchItemFailures": []}
    assert metrics(logged(capsys)) == {"CyclesLate": 1}


def test_a_malformed_parameter(stack: Deployment, faulty: FaultyServer, capsys: Capsys) -> None:
    """Somebody breaks one parameter by hand: its name and problem are logged, the shards go on as before."""
    address = faulty.url.removeprefix("http://")
    stack.configure(
        [
            job("pay", address, metrics_path="/ok"),
            job("auth", address, metrics_path="/ok"),
        ],
        f"{faulty.url}/status/204",
    )
    stack.container("plan")(event("plan"))
    before = [json.loads(record["body"]) for record in stack.messages()]
    name = f"/pushvar/{stack.stage}/config/scrape_configs/pay"
    stack.aws.client("ssm").put_parameter(
        Name=name, Value="{job_name: pay, oops", Type="String", Overwrite=True
    )
    capsys.readouterr()
    planned = stack.container("plan")(event("plan"))
    after = [json.loads(record["body"]) for record in stack.messages()]
    assert [one["slice_version"] for one in after] == [one["slice_version"] for one in before]
    assert any(name in problem for problem in planned["problems"])
    lines = logged(capsys)
    assert metrics(lines)["Problems"] >= 1
    assert [line["level"] for line in lines if line.get("message") == "planned"] == ["WARNING"]


def test_a_refused_configuration_is_a_gauge_and_a_metric(
    stack: Deployment, faulty: FaultyServer, prometheus: Database, capsys: Capsys
) -> None:
    """Broken by hand: 0, and the time stays; mended by a push: 1, and the time is another.

    The metric has the dimensions that the alarm asks for.
    """
    jobs = [job("pay", faulty.url.removeprefix("http://"), metrics_path="/ok")]
    name = f"/pushvar/{stack.stage}/config/scrape_configs/pay"
    marked = {"external_labels": {"stack": stack.stage}, "self_metrics": True}
    invalid = []
    for round_number in range(3):
        if round_number == 1:
            stack.aws.client("ssm").put_parameter(
                Name=name, Value="{job_name: pay, oops", Type="String", Overwrite=True
            )
        else:
            more = {"scrape_timeout": f"{round_number + 1}s"}
            stack.configure([jobs[0] | more], prometheus.write_url, settings=marked)
        stack.container("plan")(event("plan"))
        stack.container("forward")(forward_event(stack.messages()))
        (said,) = [line for line in logged(capsys) if "ConfigInvalid" in line]
        invalid += said["ConfigInvalid"]
        assert said["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["function_name", "service"]]
    assert invalid == [0, 1, 0]
    prefix = "pushvar_config_last_reload_success"

    def values(metric: str) -> list[float]:
        found = prometheus.samples(f'{metric}{{stack="{stack.stage}"}}')
        return [value for _labels, samples in found for _at, value in samples]

    assert values(f"{prefix}ful") == [1.0, 0.0, 1.0]
    first, kept, mended = values(f"{prefix}_timestamp_seconds")
    assert first == kept < mended


def test_nothing_to_plan(stack: Deployment, capsys: Capsys) -> None:
    """An empty tree is an error that Lambda counts, logged with what to do."""
    with pytest.raises(ConfigError, match="config push"):
        stack.container("plan")(event("plan"))
    lines = logged(capsys)
    assert metrics(lines) == {"PlansFailed": 1}
    assert any("config push" in line.get("error", "") for line in lines)


@pytest.mark.parametrize(
    ("name", "value", "function"),
    [
        ("PUSHVAR_REGISTRY", "", "plan"), ("PUSHVAR_STATE", "", "plan"), ("PUSHVAR_QUEUE_URL", "", "plan"),
        ("PUSHVAR_SHARDS", "many", "plan"), ("PUSHVAR_SHARDS", "-1", "plan"),
        ("PUSHVAR_SHARDS", "10001", "plan"), ("PUSHVAR_STATE", "", "forward"),
        ("PUSHVAR_STATE", "aws:table", "forward"), ("PUSHVAR_STATE", "", "gateway"),
        ("PUSHVAR_REGISTRY", "", "gateway"),
    ],
)  # fmt: skip
def test_a_variable_that_is_not_usable(stack: Deployment, name: str, value: str, function: str) -> None:
    """It is named, on the first event, whichever it is."""
    stack.set_variable(name, value)
    lost = forward_event([{"messageId": "1", "body": LOST}])
    given = {"plan": event("plan"), "forward": lost, "gateway": event("gateway")}[function]
    with pytest.raises(ConfigError) as raised:
        stack.container(function)(given)
    assert name.removeprefix("PUSHVAR_").lower() in str(raised.value).lower()


def test_secrets_are_nowhere(stack: Deployment, faulty: FaultyServer, capsys: Capsys) -> None:
    """A password from Parameter Store reaches target and backend, and no message, document or log."""
    name = f"/pushvar/{stack.stage}/secrets/pay"
    stack.aws.client("ssm").put_parameter(Name=name, Value=SECRET, Type="SecureString")
    auth = {"username": "u", "password": f"ssm:{name}"}
    target = faulty.url.removeprefix("http://")
    stack.configure(
        [job("pay", target, metrics_path="/ok", basic_auth=auth)], f"{faulty.url}/status/401", basic_auth=auth
    )
    planned = stack.container("plan")(event("plan"))
    records = stack.messages()
    assert stack.container("forward")(forward_event(records)) == {"batchItemFailures": []}
    sent = {request.headers.get("authorization", "") for request in faulty.requests}
    assert len(sent) == 1
    assert sent != {""}
    shown = capsys.readouterr()
    everything = repr((planned, records, shown.out, shown.err)).encode() + stack.stored()
    encoded = sent.pop().removeprefix("Basic ").encode()
    assert SECRET.encode() not in everything
    assert encoded not in everything
    assert "check the credentials" in shown.out


def test_a_target_that_is_down_is_one_log_line(
    stack: Deployment, faulty: FaultyServer, capsys: Capsys
) -> None:
    """The cycle's line names the first ten of them with their reasons; the others are counted."""
    gone = faulty.refused_url.removeprefix("http://")
    groups = [{"targets": [gone], "labels": {"instance": str(number)}} for number in range(12)]
    stack.configure([{"job_name": "pay", "static_configs": groups}], f"{faulty.url}/status/204")
    stack.container("plan")(event("plan"))
    stack.container("forward")(forward_event(stack.messages()))
    lines = [line for line in logged(capsys) if line.get("message") == "forwarded"]
    assert [(line["targets"], len(line["down"])) for line in lines] == [({"refused": 12}, 10)]
    assert "refused" in lines[0]["down"][0]


@pytest.mark.parametrize("function", ["plan", "forward", "gateway"])
def test_handlers_are_thin(function: str) -> None:
    """Event in, one call on the app, result out: a handler fits on a screen."""
    path = Path(__file__).resolve().parents[2] / "functions" / function / "handler.py"
    assert len(path.read_text().splitlines()) <= 60
