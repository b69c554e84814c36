"""A deployed stack in the hands of a test: configured, woken, watched, by what people use."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.deployed.sam_command import CONFIG, run_sam
from tests.programs.commands import run_pushvar
from tests.programs.loopback import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.programs.local_aws import LocalAws

TICK_S = 60
BACK_S = 540  # the first cycle is named by a time so long ago, and each further one a minute later
CYCLE_WITHIN_S = 60.0


@dataclass(slots=True)
class Stack:
    """A stack by its name; its outputs and resources are as CloudFormation tells them."""

    aws: LocalAws
    name: str
    stage: str
    folder: Path
    outputs: Mapping[str, str]
    names: Mapping[str, str]
    _tick_s: int = field(default_factory=lambda: int(time.time()) // TICK_S * TICK_S - BACK_S)

    def configure(self, document: Mapping[str, Any]) -> None:
        """Bring a configuration into Parameter Store, with the command that people use."""
        file = self.folder / "pushvar.yml"
        file.write_text(json.dumps(document))
        done = run_pushvar("config", "push", file, "--to", self.outputs["Registry"], env=self.aws.environment)
        assert (done.returncode, done.stderr) == (0, "")

    def plan(self) -> dict[str, Any]:
        """Wake the plan function as the schedule would a minute after the last time; give what it answers.

        The time is a real one and near enough to be believed, but behind the clock: so a test need not
        wait for the minutes between its cycles.
        """
        self._tick_s += TICK_S
        time_text = datetime.fromtimestamp(self._tick_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.outputs["PlanFunctionName"],
            Payload=json.dumps({"scheduled_time": time_text}).encode(),
        )
        planned: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, planned
        return planned

    def cycle(self) -> dict[str, Any]:
        """Wake the plan function and wait until its shards are through; give what it answered."""
        planned = self.plan()
        self.wait_for(planned["cycle"], planned["shards"])
        return planned

    def wait_for(self, cycle: int, shards: int = 1, *, within_s: float = CYCLE_WITHIN_S) -> None:
        """Wait until that many shards of a cycle have a line in the log of forward."""

        def through() -> bool:
            return len({line["shard"] for line in self.cycles() if line["cycle"] == cycle}) >= shards

        wait_until(through, timeout_s=within_s, what=f"{shards} shards of cycle {cycle}")

    def cycles(self) -> list[dict[str, Any]]:
        """Give the lines of forward's log that tell of a shard's cycle, oldest first."""
        return [line for line in self.logged("forward") if "cycle" in line and "shard" in line]

    def logged(self, function: str) -> list[dict[str, Any]]:
        """Give the JSON lines of a function's log group, oldest first; an empty list before the first."""
        logs = self.aws.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/pushvar/{self.stage}/{function}"
        )
        texts = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(text) for text in texts if text.startswith("{") and text.endswith("}")]

    def waiting(self, queue: str = "ShardQueueUrl") -> int:
        """Give how many messages a queue holds, in hand or not."""
        kinds = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = self.aws.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs[queue], AttributeNames=list(kinds)
        )["Attributes"]
        return sum(int(found[kind]) for kind in kinds)


def hastened(template: Path) -> Path:
    """Give a copy of a built template, beside it, in which time runs out sooner.

    Plan and forward may take 15 s in place of nearly a minute, a message that was not answered comes back
    after 22 s in place of more than that; so tests wait less for what has died.
    """
    text = template.read_text()
    for long, short in (
        (r"\bTimeout: 5\d\b", "Timeout: 15"),
        (r"\bVisibilityTimeout: 6\d\b", "VisibilityTimeout: 22"),
    ):
        text, found = re.subn(long, short, text)
        assert found, f"{template} has no {long}"
    copy = template.with_name("hastened.yaml")
    copy.write_text(text)
    return copy


def deploy(aws: LocalAws, template: Path, folder: Path, *overrides: str, stage: str = "dev") -> Stack:
    """Deploy a built template by the settings of samconfig.toml, with further values of parameters."""
    name = f"pushvar-{stage}"
    given = (f"Stage={stage}", *overrides)
    run_sam(
        aws, folder, "deploy", "--template-file", str(template),
        "--config-file", str(CONFIG), "--config-env", "dev", "--stack-name", name,
        "--parameter-overrides", *given,
    )  # fmt: skip
    return described(aws, name, stage, folder)


def described(aws: LocalAws, name: str, stage: str, folder: Path) -> Stack:
    """Give a stack that was deployed, as CloudFormation describes it."""
    cloudformation = aws.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    found = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    names = {one["PhysicalResourceId"]: one["LogicalResourceId"] for one in found}
    return Stack(aws, name, stage, folder, outputs, names)
