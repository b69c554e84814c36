"""The gateway function on emulated services: pushes by its URL and as events, what it logs and counts."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.catalogue import PUSH_OUTCOMES
from pushvar.errors import ConfigError, EventError, StateError

from tests.functions.deployment import deploy, event
from tests.functions.function_url import event_of
from tests.functions.test_handlers import logged, metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.functions.deployment import Container, Deployment
    from tests.programs.aws import Aws

    Capsys = pytest.CaptureFixture[str]

ROLE = "arn:aws:iam::123456789012:role/batch-*"
ACME, STRANGER = (f"arn:aws:sts::123456789012:assumed-role/{role}/i-0" for role in ("batch-acme", "web"))
TOKEN, WRITE_URL = "correct-horse", "http://127.0.0.1:9/write"
ROWS = b"# TYPE rows gauge\nrows 42\n"


@contextmanager
def deployed(aws: Aws, folder: Path, set_variable: Callable[[str, str], object]) -> Iterator[Deployment]:
    """A deployment whose gateway knows a role of acme and a token of globex."""
    for name, value in aws.environment.items():
        set_variable(name, value)
    stack = deploy(aws, folder, set_variable)
    name = f"/pushvar/{stack.stage}/secrets/globex"
    aws.client("ssm").put_parameter(Name=name, Value=TOKEN, Type="SecureString")
    token = {"credentials": f"ssm:{name}"}
    credentials = [
        {"customer_id": "acme", "principal": ROLE},
        {"customer_id": "globex", "authorization": token},
    ]
    stack.configure([], WRITE_URL, gateway={"credentials": credentials})
    yield stack
    for container in stack.containers:
        container.close()


@pytest.fixture(scope="module")
def stack(aws_server: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Give the deployment that tests share: each has a job of its own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("gateway")
        with deployed(aws_server, folder, patch.setenv) as made:
            yield made


@pytest.fixture
def own_stack(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Give a deployment to break."""
    with deployed(aws, tmp_path, monkeypatch.setenv) as made:
        yield made


def ask(
    container: Container, method: str, path: str, body: bytes = b"", *, arn: str = "", **headers: str
) -> Any:
    """The answer to one HTTP request, signed by a caller or not."""
    named = {
        "Content-Type": "text/plain",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return container(event_of(method, path, named, body, arn))


def shown(container: Container, job: str) -> list[str]:
    """What acme is shown of a job, without comments and times."""
    answer = ask(container, "GET", "/metrics", arn=ACME)
    assert answer["statusCode"] == 200
    lines = answer["body"].splitlines()
    return [line for line in lines if f'job="{job}"' in line and not line.startswith("push_")]


def test_who_signs_is_a_customer(stack: Deployment) -> None:
    """The role of the caller decides whose group it is; another container has it as well."""
    gateway = stack.container("gateway")
    assert ask(gateway, "PUT", "/metrics/job/signed", ROWS, arn=ACME)["statusCode"] == 200
    assert shown(stack.container("gateway"), "signed") == ['rows{instance="",job="signed"} 42']
    assert ask(gateway, "DELETE", "/metrics/job/signed", arn=ACME)["statusCode"] == 202
    assert shown(gateway, "signed") == []


@pytest.mark.parametrize(
    ("arn", "headers", "status"),
    [
        ("", {}, 401),
        ("", {"Authorization": "Bearer wrong"}, 401),
        (STRANGER, {}, 403),
        (STRANGER, {"Authorization": f"Bearer {TOKEN}"}, 403),
        (ACME, {"X_Customer_Id": "globex"}, 403),
    ],
)
def test_who_is_nobody_stores_nothing(
    stack: Deployment, capsys: Capsys, arn: str, headers: dict[str, str], status: int
) -> None:
    """Refused, with a warning that names what was tried and by whom, and no secret."""
    gateway = stack.container("gateway")
    answer = ask(gateway, "PUT", "/metrics/job/denied", ROWS, arn=arn, **headers)
    assert answer["statusCode"] == status
    assert shown(gateway, "denied") == []
    (line,) = [line for line in logged(capsys) if line.get("message") == "push"]
    assert (line["level"], line["status"], line["target"]) == ("WARNING", status, "/metrics/job/denied")
    assert line.get("principal", "") == arn
    assert line["function_request_id"]
    assert TOKEN not in json.dumps(line)
    assert "wrong" not in json.dumps(line)


def test_what_is_said_of_pushes(stack: Deployment, capsys: Capsys) -> None:
    """One metric, by outcome, for each request; no line of what was only looked at."""
    gateway = stack.container("gateway")
    for path, body in (("said", ROWS), ("said", b"rows"), ("said/odd", ROWS)):
        ask(gateway, "PUT", f"/metrics/job/{path}", body, arn=ACME)
    shown(gateway, "said")
    lines = logged(capsys)
    said = [(line["outcome"], line["Pushes"], line["function_name"]) for line in lines if "Pushes" in line]
    name = "pushvar-test-gateway"
    assert said == [(outcome, [1.0], name) for outcome in ("stored", "malformed", "malformed", "shown")]
    assert {outcome for outcome, _, _ in said} <= PUSH_OUTCOMES.keys()
    directives = [line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] for line in lines if "_aws" in line]
    assert directives == [[["function_name", "outcome", "service"]]] * 4
    taken, *refused = [line for line in lines if line.get("message") == "push"]
    assert (taken["level"], taken["status"]) == ("INFO", 200)
    assert [(line["level"], line["status"]) for line in refused] == [("WARNING", 400)] * 2
    assert refused[0]["customer_id"] == "acme"
    assert "unexpected end of input stream" in refused[0]["detail"]


def test_the_example_of_a_url(stack: Deployment) -> None:
    """It shows a token that nobody has."""
    assert stack.container("gateway")(event("gateway"))["statusCode"] == 401


def test_the_example_of_an_event(stack: Deployment, capsys: Capsys) -> None:
    """What a state machine pushes is stored for the customer that it names."""
    gateway = stack.container("gateway")
    assert gateway(event("gateway-event")) == {"status": 200, "outcome": "stored", "customer_id": "acme"}
    assert metrics(logged(capsys)) == {"Pushes": 1}
    assert shown(gateway, "nightly") == [
        'rows_copied{instance="",job="nightly",region="eu",table="orders"} 42'
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"job": ""}, "job name is required"),
        ({"metrics": [{"name": "rows", "value": "many"}]}, r"metrics\[0\].value"),
        ({"customer_id": "initech"}, "initech"),
        ({"customer_id": ""}, "customer_id is missing"),
        ({"jobs": "x"}, "jobs"),
    ],
)
def test_an_event_that_is_not_taken_is_an_error(
    stack: Deployment, capsys: Capsys, change: dict[str, Any], words: str
) -> None:
    """Raised for whoever waits, logged and counted for those who do not; nothing is stored."""
    gateway = stack.container("gateway")
    with pytest.raises(EventError, match=words):
        gateway({**event("gateway-event"), "job": "refused", **change})
    lines = logged(capsys)
    assert [line["level"] for line in lines if line.get("method") == "event"] == ["WARNING"]
    assert metrics(lines) == {"Pushes": 1}
    assert shown(gateway, "refused") == []


@pytest.mark.parametrize("given", [[], "nightly", None, 7, {}])
def test_an_event_of_somebody_else(stack: Deployment, given: object) -> None:
    """It is no push: an error that says what is missing."""
    with pytest.raises(EventError, match="event"):
        stack.container("gateway")(given)


def test_a_large_group_is_kept(stack: Deployment) -> None:
    """Beyond what an item of the table holds: in the bucket, under the one prefix that the role may write."""
    tables = (hashlib.sha256(str(number).encode()).hexdigest() for number in range(8_000))
    body = "".join(f'rows{{table="{table}"}} 1\n' for table in tables).encode()
    gateway = stack.container("gateway")
    assert ask(gateway, "PUT", "/metrics/job/large", body, arn=ACME)["statusCode"] == 200
    answer = ask(gateway, "GET", "/metrics", arn=ACME, Accept_Encoding="gzip")
    assert answer["headers"]["content-encoding"] == "gzip"
    listed = stack.aws.client("s3").list_objects_v2(Bucket=stack.bucket, Prefix="groups/")
    assert listed["KeyCount"] == 1


def test_a_store_that_fails(own_stack: Deployment, capsys: Capsys) -> None:
    """A client is told to come again; a state machine gets an error that is not about its own mistakes."""
    gateway = own_stack.container("gateway")
    shown(gateway, "nightly")
    own_stack.aws.client("dynamodb").delete_table(TableName=own_stack.table)
    answer = ask(gateway, "PUT", "/metrics/job/nightly", ROWS, arn=ACME)
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "1")
    with pytest.raises(StateError):
        gateway(event("gateway-event"))
    lines = [line for line in logged(capsys) if line.get("message") == "push"]
    assert [(line["level"], line["outcome"]) for line in lines] == [("ERROR", "unavailable")] * 2
    assert own_stack.table in lines[0]["detail"]


def test_a_gateway_that_nobody_configured_is_closed(own_stack: Deployment) -> None:
    """Without its block in the configuration nobody is known."""
    name = f"/pushvar/{own_stack.stage}/config/gateway"
    own_stack.aws.client("ssm").delete_parameter(Name=name)
    gateway = own_stack.container("gateway")
    assert ask(gateway, "PUT", "/metrics/job/nightly", ROWS)["statusCode"] == 401
    assert ask(gateway, "PUT", "/metrics/job/nightly", ROWS, arn=ACME)["statusCode"] == 403
    with pytest.raises(EventError):
        gateway(event("gateway-event"))


def test_a_block_that_may_not_be_used(own_stack: Deployment, capsys: Capsys) -> None:
    """An error that names the mistake, while no good block is known; the last good one works on."""
    client, name = own_stack.aws.client("ssm"), f"/pushvar/{own_stack.stage}/config/gateway"
    good = client.get_parameter(Name=name)["Parameter"]["Value"]
    broken = {"Name": name, "Value": "{anonymus: x}", "Type": "String", "Overwrite": True}
    client.put_parameter(**broken)
    with pytest.raises(ConfigError, match="anonymus: unknown; did you mean anonymous"):
        own_stack.container("gateway")(event("gateway"))
    (line,) = [line for line in logged(capsys) if line.get("message") == "no push"]
    assert (line["level"], "did you mean anonymous" in line["error"]) == ("ERROR", True)
    client.put_parameter(**{**broken, "Value": good})
    ask(own_stack.container("gateway"), "PUT", "/metrics/job/nightly", ROWS, arn=ACME)
    client.put_parameter(**broken)
    assert shown(own_stack.container("gateway"), "nightly") == ['rows{instance="",job="nightly"} 42']
