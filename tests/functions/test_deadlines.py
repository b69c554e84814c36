"""A function's time: whoever is slow, what was fetched is delivered, kept, or counted before it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.aws_door import Door, aws_door
from tests.functions.deployment import Deployment, deploy, event, forward_event
from tests.functions.test_handlers import job, logged, metrics
from tests.programs.scripted_receiver import Reply, scripted_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.faulty_server import FaultyServer

    Capsys = pytest.CaptureFixture[str]

TIMEOUT_S = 20.0
FOR_EVER_S = 60.0
SERIES = 6  # of a target at /ok


@pytest.fixture
def stack(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Give an empty deployment, whose store is waited for as long as on AWS."""
    monkeypatch.setattr("pushvar.state._aws_service.READ_TIMEOUT_S", 4.0)
    deployed = deploy(aws, tmp_path, monkeypatch.setenv)
    yield deployed
    for container in deployed.containers:
        container.close()


@pytest.fixture
def door(stack: Deployment) -> Iterator[Door]:
    """Give a door that the functions go through from now on."""
    with aws_door(stack.aws) as one:
        stack.set_variable("AWS_ENDPOINT_URL", one.url)
        yield one


def spooled(stack: Deployment) -> int:
    """The samples that wait in the state store."""
    items = stack.aws.client("dynamodb").scan(TableName=stack.table)["Items"]
    return sum(int(item["samples"]["N"]) for item in items if item["sk"]["S"].startswith("spool#"))


def forward(stack: Deployment, capsys: Capsys, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Plan, forward, and give the cycle's line; it was written within the function's time."""
    stack.container("plan")(event("plan"))
    records = stack.messages()
    capsys.readouterr()
    assert stack.container("forward")(forward_event(records), timeout_s=timeout_s) == {
        "batchItemFailures": []
    }
    lines = logged(capsys)
    (line,) = [line for line in lines if line.get("message") == "forwarded"]
    assert line["left_s"] > 0, "Lambda would have killed it"
    return line | metrics(lines)


def test_a_backend_that_hangs_for_forty_tenants(
    stack: Deployment, faulty: FaultyServer, capsys: Capsys
) -> None:
    """Each has a lane of its own, and each lane's samples are kept before the time is over."""
    address = faulty.url.removeprefix("http://")
    groups = [{"targets": [address], "labels": {"customer_id": f"c{number}"}} for number in range(40)]
    jobs = [{"job_name": "pay", "metrics_path": "/ok", "static_configs": groups}]
    stack.configure(jobs, f"{faulty.url}/hang", headers={"X-Scope-OrgID": "{customer_id}"})
    line = forward(stack, capsys)
    assert (line["SamplesSpooled"], line["SamplesDropped"], line["SamplesSent"]) == (40 * SERIES, 0, 0)
    assert spooled(stack) == 40 * SERIES


def test_a_bucket_that_does_not_answer(
    stack: Deployment, faulty: FaultyServer, door: Door, capsys: Capsys
) -> None:
    """What cannot be kept is counted, by reason, instead of being tried until the function is killed."""
    address = faulty.url.removeprefix("http://")
    door.slow("PutObject", FOR_EVER_S)
    with scripted_receiver(Reply(503, {"Retry-After": "300"})) as receiver:
        stack.configure([job("pay", address, metrics_path="/ok")], receiver.url)
        line = forward(stack, capsys)
    assert line["backends"]["main"]["dropped"] == {"spool_failed": SERIES}
    assert (line["SamplesDropped"], spooled(stack)) == (SERIES, 0)
    calls = [call for call in door.calls if call == "UpdateItem"]
    assert len(calls) >= 2, "the head was written all the same"


def test_a_slow_table_takes_the_time_of_the_fetches(
    stack: Deployment, faulty: FaultyServer, door: Door, capsys: Capsys
) -> None:
    """Reading two documents takes six seconds; what the backend does not take is kept all the same."""
    address = faulty.url.removeprefix("http://")
    stack.configure([job("pay", address, metrics_path="/ok")], f"{faulty.url}/hang")
    stack.container("plan")(event("plan"))
    stack.messages()
    door.slow("GetItem", 3.0)
    line = forward(stack, capsys)
    assert (line["SamplesSpooled"], line["SamplesDropped"]) == (SERIES, 0)
    assert spooled(stack) == SERIES
