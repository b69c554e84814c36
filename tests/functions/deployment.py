"""A deployment on the test's AWS: table, bucket and queue as the template makes them, and the handlers.

A handler is loaded anew for each "container": module state of one is not seen by another, as on Lambda.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aws_lambda_powertools import Metrics

from tests.programs.commands import run_pushvar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.programs.aws import Aws

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 50

_requests = itertools.count(1)


@dataclass(slots=True)
class Context:
    """What Lambda tells a handler of one invocation."""

    function_name: str
    timeout_s: float = TIMEOUT_S
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:test"
    aws_request_id: str = field(default_factory=lambda: f"request-{next(_requests)}")
    started_s: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the timeout."""
        return int((self.timeout_s - (time.monotonic() - self.started_s)) * 1000)


def event(name: str) -> Any:
    """The example event of a function."""
    return json.loads((ROOT / "events" / f"{name}.json").read_text())


class Container:
    """One execution environment of a function: call it with an event."""

    def __init__(self, function: str) -> None:
        self.function = function
        logging.root.manager.loggerDict.pop(function, None)  # Powertools' writes where the first one wrote
        for name in ("_metrics", "_dimensions", "_metadata"):  # which all of Powertools' in a process share
            setattr(Metrics, name, {})
        path = ROOT / "functions" / function / "handler.py"
        spec = importlib.util.spec_from_file_location(f"handler_{function}_{uuid4().hex}", path)
        assert spec is not None
        assert spec.loader is not None
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)

    def __call__(self, event: object, *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """Invoke it."""
        answer: dict[str, Any] = self.module.handler(
            event, Context(f"pushvar-test-{self.function}", timeout_s)
        )
        return answer

    def close(self) -> None:
        """End the environment: the connections of a worker or a door are closed."""
        for one in (*getattr(self.module, "workers", ()), *getattr(self.module, "doors", ())):
            one.close()


@dataclass
class Deployment:
    """The resources of one stack, and its functions' containers."""

    aws: Aws
    table: str
    bucket: str
    queue_url: str
    stage: str
    folder: Path
    set_variable: Callable[[str, str], object]
    containers: list[Container] = field(default_factory=list)

    @property
    def registry(self) -> str:
        """The reference of its configuration."""
        return f"ssm:/pushvar/{self.stage}"

    def container(self, function: str) -> Container:
        """A new container: the next invocation is a cold start."""
        self.containers.append(Container(function))
        return self.containers[-1]

    def configure(
        self,
        jobs: list[dict[str, Any]],
        write_url: str,
        *,
        settings: Mapping[str, Any] = MappingProxyType({"self_metrics": False}),
        gateway: Mapping[str, Any] = MappingProxyType({}),
        **backend: Any,
    ) -> None:
        """Bring a configuration into Parameter Store with the command that people use."""
        document = {
            "global": dict(settings),
            "scrape_configs": jobs,
            "remote_write": [{"name": "main", "url": write_url, **backend}],
            **({"gateway": dict(gateway)} if gateway else {}),
        }
        file = self.folder / "pushvar.yml"
        file.write_text(json.dumps(document))
        done = run_pushvar("config", "push", file, "--to", self.registry, env=self.aws.environment)
        assert (done.returncode, done.stderr) == (0, "")

    def cycle(self, *, timeout_s: float = TIMEOUT_S) -> None:
        """One cycle, planned and forwarded by new containers; the function has that long."""
        self.container("plan")(event("plan"))
        answer = self.container("forward")(forward_event(self.messages()), timeout_s=timeout_s)
        assert answer == {"batchItemFailures": []}

    def messages(self) -> list[dict[str, Any]]:
        """Everything that waits in the queue or is kept back by it, taken out, as records of SQS' event."""
        client, records = self.aws.client("sqs"), []
        while taken := self._taken(client):
            for one in taken:
                client.delete_message(QueueUrl=self.queue_url, ReceiptHandle=one["ReceiptHandle"])
                records.append({"messageId": one["MessageId"], "body": one["Body"]})
        return sorted(records, key=lambda record: int(json.loads(record["body"])["shard"]))

    def _taken(self, client: Any) -> list[dict[str, Any]]:
        """Some of the messages; none only when the queue keeps none back."""
        delayed = "ApproximateNumberOfMessagesDelayed"
        while True:
            asked = client.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=[delayed])
            taken = client.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get(
                "Messages", []
            )
            if taken or asked["Attributes"][delayed] == "0":
                return list(taken)
            time.sleep(0.1)

    def stored(self) -> bytes:
        """All that the stack keeps, as one text: to look for what may not be in it."""
        s3, table = self.aws.client("s3"), self.aws.client("dynamodb")
        names = [one["Key"] for one in s3.list_objects_v2(Bucket=self.bucket).get("Contents", ())]
        bodies = [s3.get_object(Bucket=self.bucket, Key=name)["Body"].read() for name in names]
        return repr((table.scan(TableName=self.table)["Items"], names, bodies)).encode()


def forward_event(records: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The queue's event with these records in place of the example's."""
    example = event("forward")
    template = example["Records"][0]
    return {"Records": [{**template, **record} for record in records]}


def deploy(aws: Aws, folder: Path, set_variable: Callable[[str, str], object]) -> Deployment:
    """Make the resources and set the functions' environment."""
    stage = f"t{uuid4().hex[:8]}"
    table, bucket = f"pushvar-{stage}", f"pushvar-{stage}-state"
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    aws.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    place = {"LocationConstraint": aws.environment["AWS_REGION"]}
    aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    queue_url = aws.client("sqs").create_queue(QueueName=f"pushvar-{stage}-shards")["QueueUrl"]
    set_variable("PUSHVAR_REGISTRY", f"ssm:/pushvar/{stage}")
    set_variable("PUSHVAR_STATE", f"aws:{table}/{bucket}")
    set_variable("PUSHVAR_QUEUE_URL", queue_url)
    set_variable("PUSHVAR_SHARDS", "0")
    return Deployment(aws, table, bucket, queue_url, stage, folder, set_variable)
