"""docs/deploy.md, followed from its first command to its last."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.deployed import guide, scene
from tests.deployed.checkout import check_out, commit
from tests.deployed.stack import described
from tests.programs.local_aws import local_aws
from tests.programs.loopback import wait_until
from tests.programs.own_address import own_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.deployed.checkout import Checkout
    from tests.deployed.scene import Backend
    from tests.deployed.stack import Stack
    from tests.programs.builds import Build
    from tests.programs.local_aws import LocalAws

TICK_S = 60.0


@dataclass
class Walk:
    """Somebody who follows the guide; ``instead`` are the places of this test for those of the guide.

    ``by_hand`` are the cycles that were not the schedule's.
    """

    checkout: Checkout
    build: Build
    instead: Mapping[str, str]
    left: list[guide.Step] = field(default_factory=guide.steps)
    by_hand: list[int] = field(default_factory=list)
    said: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def through(self, heading: str) -> list[str]:
        """Follow the steps under the next heading, which has to be that one; give what each printed."""
        assert self.left[0].heading == heading
        while self.left and self.left[0].heading == heading:
            self.follow(self.left.pop(0))
        return self.said[heading]

    def follow(self, step: guide.Step) -> None:
        """Do what one block says, unless only somebody else can."""
        text = step.text
        for place, here in self.instead.items():
            text = text.replace(place, here)
        if step.mark == "file":
            (self.checkout.folder / step.said).write_text(text)
        elif not step.left_out:
            before, building, after = text.rpartition("make build\n")
            if building:
                self.checkout.run(before + building)
                self.checkout.localize(self.build)
            self.said[step.heading].append(self.checkout.run(after, answers=step.mark == "answers"))

    @property
    def stack(self) -> Stack:
        """The stack as it is now."""
        return described(self.checkout.aws, "pushvar-dev", "dev", self.checkout.folder)


@pytest.fixture(scope="module")
def own_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Give an account that nobody has used."""
    with local_aws(tmp_path_factory.mktemp("own-aws")) as running:
        yield running


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Give a Prometheus."""
    with scene.backend(tmp_path_factory.mktemp("backend")) as running:
        yield running


def test_the_guide_leads_from_nothing_to_nothing(
    own_aws: LocalAws, backend: Backend, local_build: Build, orders_binary: Path, tmp_path: Path
) -> None:
    """Every command works in its order, and does what the guide says: the account shows it."""
    checkout = check_out(tmp_path, own_aws)
    with scene.target(orders_binary, tmp_path) as (address, _):
        places = {
            "10.0.1.5:8080": address,
            "10.0.1.6:8080": f"{own_address()}:9",  # nobody is there
            "https://prometheus.example": backend.database.url,
        }
        walk = Walk(checkout, local_build, places)
        walk.through("What you need")
        walk.through("Deploy")
        walk.through("Register targets")
        see_it_work(walk, backend)
        renew_and_go_back(walk)
        wait_for_the_schedule(walk, backend)
        change(walk)
    delete(walk)
    assert walk.left == []


def see_it_work(walk: Walk, backend: Backend) -> None:
    """The series are there when the function is woken by hand."""
    address = walk.instead["10.0.1.5:8080"]
    invoked, logged, _ = walk.through("See it work")
    assert '"targets": 2, "shards": 1' in invoked
    assert '"message": "planned"' in logged
    walk.by_hand.append(int(re.findall(r'"cycle": (\d+)', invoked)[-1]))
    walk.stack.wait_for(walk.by_hand[0])
    assert backend.up(instance=address)[-1][1] == 1.0
    ((labels, _value),) = backend.database.query(f'orders_placed_total{{instance="{address}"}}')
    assert (labels["customer_id"], labels["sla_tier"]) == ("acme", "gold")


def renew_and_go_back(walk: Walk) -> None:
    """What the alias stands for is another code, and then the first again; either runs."""
    old = live(walk.stack, "PlanFunction")["CodeSha256"]
    origin = walk.checkout.folder.parent / "origin"
    with (origin / "functions" / "plan" / "handler.py").open("a") as file:
        file.write("# another version\n")
    commit(origin, "The second version")
    for heading, same in (("A new version", False), ("Back to the old one", True)):
        walk.through(heading)
        assert (live(walk.stack, "PlanFunction")["CodeSha256"] == old) is same
        planned = walk.stack.plan()
        assert planned["problems"] == []
        walk.by_hand.append(planned["cycle"])


def wait_for_the_schedule(walk: Walk, backend: Backend) -> None:
    """Meanwhile it has fired, with nobody's help, and series came of it."""
    stack = walk.stack

    def scheduled() -> list[int]:
        lines = [line for line in stack.cycles() if not line.get("skipped")]
        return [line["cycle"] for line in lines if line["cycle"] not in walk.by_hand]

    wait_until(lambda: bool(scheduled()), timeout_s=2 * TICK_S, what="a cycle that the schedule began")
    ups = backend.up(instance=walk.instead["10.0.1.5:8080"])
    assert len(ups) > 1
    assert {value for _, value in ups} == {1.0}


def change(walk: Walk) -> None:
    """The number of shards reaches the function that the schedule wakes; the pause keeps it."""
    walk.through("Change something")
    assert live(walk.stack, "PlanFunction")["Environment"]["Variables"]["PUSHVAR_SHARDS"] == "2"
    name = walk.stack.outputs["ScheduleName"]
    schedule = walk.checkout.aws.client("scheduler").get_schedule(Name=name)
    assert (schedule["State"], schedule["ScheduleExpression"]) == ("DISABLED", "rate(2 minutes)")


def live(stack: Stack, function: str) -> dict[str, Any]:
    """Give the configuration of the version that a function's callers get."""
    name = stack.outputs[f"{function}Name"].partition(":")[0]
    found: dict[str, Any] = stack.aws.client("lambda").get_function_configuration(
        FunctionName=name, Qualifier="live"
    )
    return found


def delete(walk: Walk) -> None:
    """First the stack goes, and what may not be lost stays; then that goes too."""
    assert walk.left[0].heading == "Delete"
    outputs = walk.stack.outputs
    walk.follow(walk.left.pop(0))
    kept = what_is_there(walk.checkout.aws)
    assert kept.pop("parameters")
    assert kept == {"tables": [outputs["StateTableName"]], "buckets": [outputs["StateBucketName"]]}
    walk.through("Delete")
    assert what_is_there(walk.checkout.aws) == {}


def what_is_there(aws: LocalAws) -> dict[str, list[str]]:
    """Give what an account has by kind, without kinds that it has nothing of, and SAM's own bucket."""
    roles = aws.client("iam").list_roles()["Roles"]
    found = {
        "functions": [one["FunctionName"] for one in aws.client("lambda").list_functions()["Functions"]],
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "tables": aws.client("dynamodb").list_tables()["TableNames"],
        "buckets": [one["Name"] for one in aws.client("s3").list_buckets()["Buckets"]],
        "schedules": [one["Name"] for one in aws.client("scheduler").list_schedules()["Schedules"]],
        "log groups": [one["logGroupName"] for one in aws.client("logs").describe_log_groups()["logGroups"]],
        "alarms": [one["AlarmName"] for one in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "roles": [one["RoleName"] for one in roles if "/aws-service-role/" not in one["Path"]],
        "parameters": [one["Name"] for one in aws.client("ssm").describe_parameters()["Parameters"]],
    }
    found["buckets"] = [name for name in found["buckets"] if not name.startswith("aws-sam-cli-managed-")]
    return {kind: names for kind, names in found.items() if names}


def test_every_command_is_run_or_says_why_not() -> None:
    """What this machine cannot run is named with its reason, and is little."""
    left_out = [step for step in guide.steps() if step.left_out]
    assert all(len(step.said) > 20 for step in left_out)
    assert len(left_out) <= 1
    assert len(guide.steps()) > 12
