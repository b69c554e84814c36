"""The template says what AWS will not say before a deployment, or never: times, rights, limits."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
from pushvar.app import functions
from pushvar.app.log_lines import LOG_SAMPLE

from tests.components import REPOSITORY
from tests.functions.cloudformation import (
    TEMPLATE,
    default,
    of_type,
    properties,
    refused,
    resolved,
    template,
    verdict,
)

FUNCTIONS = ("PlanFunction", "ForwardFunction", "GatewayFunction")
SHORTEST_INTERVAL_S = 60
SET_ASIDE = {"Fn::GetAtt": ["ShardDeadLetters", "QueueName"]}
LEAST_AGE_S = 60  # what Scheduler and Lambda take as the shortest


def timeout_s(function: str) -> int:
    """A function's timeout."""
    found: int = properties(function)["Timeout"]
    return found


def schedule() -> Any:
    """The properties of the schedule."""
    return properties("PlanFunction")["Events"]["Schedule"]["Properties"]


@pytest.mark.parametrize(
    "rate",
    [
        "rate(1 minute)", "rate(2 minutes)", "rate(15 minutes)", "rate(1 hour)", "rate(6 hours)",
        "rate(1 day)",
        "cron(* * * * ? *)", "cron(0/5 6-20 ? * MON-FRI *)", "cron(15,45 * L * ? *)", "cron(0 8 ? JAN 2#1 *)",
    ],
)  # fmt: skip
def test_a_schedule_of_minutes_or_longer_is_taken(rate: str) -> None:
    """Scheduler's own units, in its own grammar: one minute, many minutes, or six fields of a cron."""
    assert not refused("ScheduleExpression", rate)


@pytest.mark.parametrize(
    "rate",
    [
        "rate(10 seconds)", "rate(60 seconds)", "rate(1 second)", "rate(0 minutes)", "rate(1 minutes)",
        "rate(5 minute)", "rate(0.5 minutes)", "rate(1 week)", "rate( 1 minute)", "Rate(1 minute)",
        "cron(* * * * * *)", "cron(* * ? * ? *)", "cron(* * * * ?)", "cron(0 * * * * ? *)", "* * * * *",
        "at(2027-01-01T00:00:00)", "", "rate(1 minute)\nx",
    ],
)  # fmt: skip
def test_a_schedule_that_aws_would_not_keep_is_refused(rate: str) -> None:
    """No linter sees that Scheduler knows no seconds; the parameter's pattern does. One of two days is ?."""
    assert refused("ScheduleExpression", rate)


def test_the_schedule_is_the_parameter_and_its_default_is_a_minute() -> None:
    """Nothing but the parameter says how often, and its default passes its own pattern."""
    assert schedule()["ScheduleExpression"] == {"Ref": "ScheduleExpression"}
    assert schedule()["ScheduleExpressionTimezone"] == {"Ref": "ScheduleTimezone"}
    assert (default("ScheduleExpression"), default("ScheduleTimezone")) == ("rate(1 minute)", "UTC")
    assert schedule()["State"] == {"Ref": "ScheduleState"}


def test_a_tick_comes_once_and_in_time_or_not_at_all() -> None:
    """No window, no retry, a minute at most; Lambda by itself would try twice more, for six hours."""
    assert schedule()["FlexibleTimeWindow"] == {"Mode": "OFF"}
    once = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": LEAST_AGE_S}
    assert schedule()["RetryPolicy"] == once
    invoke = properties("PlanFunction")["EventInvokeConfig"]
    assert {name: invoke[name] for name in once} == once


def test_a_tick_that_failed_is_kept() -> None:
    """It goes to a standard queue (an asynchronous call takes no other), which the role may write."""
    target = properties("PlanFunction")["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
    assert target == {"Type": "SQS", "Destination": {"Fn::GetAtt": ["MissedTicks", "Arn"]}}
    assert verdict("PlanRole", "sqs:SendMessage", "<MissedTicks>") == "allowed"
    assert schedule()["DeadLetterConfig"] == {"Arn": target["Destination"]}  # what did not even reach Lambda
    assert verdict("ScheduleRole", "sqs:SendMessage", "<MissedTicks>") == "allowed"


def test_the_schedule_says_which_tick_it_is() -> None:
    """Its input is the example event with Scheduler's own placeholder for the time."""
    said = json.loads(schedule()["Input"])
    assert said == {"scheduled_time": "<aws.scheduler.scheduled-time>"}
    assert json.loads((REPOSITORY / "events" / "plan.json").read_text()).keys() == said.keys()


def test_concurrency_is_reserved_only_on_request() -> None:
    """Overlapping plans do no harm, and a new account has none to reserve: its deployment would fail."""
    reserved = properties("PlanFunction")["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": ["ReservesPlan", 1, {"Ref": "AWS::NoValue"}]}


def test_functions_end_before_the_next_tick() -> None:
    """A cycle is over, or killed, before the next one begins; a push has a client that waits."""
    assert [timeout_s(name) for name in FUNCTIONS] == [50, 58, 15]
    assert max(map(timeout_s, FUNCTIONS)) < SHORTEST_INTERVAL_S


def test_a_message_is_invisible_while_its_function_runs() -> None:
    """Longer than the timeout, or a shard runs twice; hardly longer, or a crash costs further cycles."""
    limit_s = timeout_s("ForwardFunction")
    assert limit_s < properties("ShardQueue")["VisibilityTimeout"] <= limit_s + 10


def test_a_shard_that_fails_thrice_is_put_aside() -> None:
    """Before it expires, into a standard queue that keeps it for long."""
    queue, aside = properties("ShardQueue"), properties("ShardDeadLetters")
    redrive = queue["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["ShardDeadLetters", "Arn"]}
    assert redrive["maxReceiveCount"] == 3
    assert queue["MessageRetentionPeriod"] > redrive["maxReceiveCount"] * queue["VisibilityTimeout"]
    assert (
        queue["MessageRetentionPeriod"] <= SHORTEST_INTERVAL_S * 60
    )  # an hour's backlog is no use to anybody
    assert aside["MessageRetentionPeriod"] > 10 * queue["MessageRetentionPeriod"]


def test_queues_are_standard_and_encrypted() -> None:
    """Order is the lease's business: a FIFO group would wait behind each crash."""
    for queue in of_type("AWS::SQS::Queue").values():
        assert "FifoQueue" not in queue["Properties"]
        managed = queue["Properties"]["SqsManagedSseEnabled"]
        assert managed == {"Fn::If": ["HasStateKey", {"Ref": "AWS::NoValue"}, True]}


def test_a_function_gets_one_shard_at_a_time() -> None:
    """And says itself whether it is to come again; MaximumConcurrency starts at 2, which linters miss."""
    events = properties("ForwardFunction")["Events"]
    assert list(events) == ["Shards"]
    event = events["Shards"]["Properties"]
    assert event["Queue"] == {"Fn::GetAtt": ["ShardQueue", "Arn"]}
    assert event["BatchSize"] == 1
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}
    limit = template()["Parameters"]["MaximumConcurrency"]
    assert (limit["MinValue"], limit["MaxValue"]) == (2, 1000)
    assert limit["MinValue"] <= limit["Default"] <= limit["MaxValue"]
    assert "ReservedConcurrentExecutions" not in properties("ForwardFunction")  # the poller would not heed it


def test_the_environment_is_what_the_code_reads() -> None:
    """Every PUSHVAR_* variable of a function is one that its code reads, and none is missing."""
    common = template()["Globals"]["Function"]["Environment"]["Variables"]
    plan = common | properties("PlanFunction")["Environment"]["Variables"]
    for_all = {functions.STATE, functions.TRACING, LOG_SAMPLE, "POWERTOOLS_LOG_LEVEL"}
    assert set(common) == for_all
    assert set(plan) == for_all | {functions.REGISTRY, functions.QUEUE_URL, functions.SHARDS}
    gateway = common | properties("GatewayFunction")["Environment"]["Variables"]
    assert set(gateway) == for_all | {functions.REGISTRY}
    assert gateway[functions.REGISTRY] == plan[functions.REGISTRY]
    assert "Environment" not in properties("ForwardFunction")
    assert common[LOG_SAMPLE] == {"Ref": "LogSample"}
    assert common["POWERTOOLS_LOG_LEVEL"] == {"Ref": "LogLevel"}  # Powertools' own
    assert resolved(plan[functions.REGISTRY]) == "ssm:/pushvar/dev"
    assert resolved(plan[functions.STATE]) == "aws:<StateTable>/<StateBucket>"
    assert plan[functions.QUEUE_URL] == {"Ref": "ShardQueue"}
    assert plan[functions.SHARDS] == {"Ref": "Shards"}
    assert default("Shards") == 0
    assert template()["Parameters"]["Shards"]["MaxValue"] <= functions.MOST_SHARDS


def test_no_parameter_takes_a_secret() -> None:
    """Secrets are referenced by the configuration; none passes through the template or a variable."""
    words = re.compile(r"secret(?!skeyarn)|password|token|credential", re.IGNORECASE)
    assert [name for name in template()["Parameters"] if words.search(name)] == []
    assert [name for name, one in template()["Parameters"].items() if one.get("NoEcho")] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_a_folder_with_a_handler(name: str) -> None:
    """SAM ships the folder as it is: the handler stands in it, and no Makefile or list of packages."""
    shared = template()["Globals"]["Function"]
    function = properties(name)
    assert template()["Resources"][name]["Metadata"]["SkipBuild"] is True
    assert shared["Handler"] == "handler.handler"
    folder = REPOSITORY / function["CodeUri"]
    assert re.search(r"^def handler\(", (folder / "handler.py").read_text(), re.MULTILINE)
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {"handler.py"}
    assert shared["Layers"] == [{"Ref": "PushvarLayer"}]


def test_code_and_layer_are_for_one_runtime() -> None:
    """3.12 or later: the layer's wheels do not load on the older system of 3.11. The default is arm64."""
    shared = template()["Globals"]["Function"]
    assert shared["Runtime"] == {"Ref": "Runtime"}
    assert shared["Architectures"] == [{"Ref": "Architecture"}]
    assert [name for name in FUNCTIONS if {"Runtime", "Architectures"} & set(properties(name))] == []
    layer = properties("PushvarLayer")
    assert layer["CompatibleRuntimes"] == [{"Ref": "Runtime"}]
    assert layer["CompatibleArchitectures"] == [{"Ref": "Architecture"}]
    assert (default("Runtime"), default("Architecture")) == ("python3.13", "arm64")
    assert template()["Parameters"]["Runtime"]["AllowedValues"] == ["python3.12", "python3.13", "python3.14"]
    makefile = (REPOSITORY / "layers" / "pushvar" / "Makefile").read_text()
    assert "\nPYV ?= 3.13\n" in makefile
    assert "\nPLAT ?= aarch64-manylinux_2_28\n" in makefile
    assert "\nbuild-PushvarLayer:\n" in makefile


def test_the_table_is_the_stores() -> None:
    """Keys and expiry as state/aws.py writes them, paid per request, restorable, encrypted."""
    table = properties("StateTable")
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]} == {
        "pk": "S",
        "sk": "S",
    }
    assert table["TimeToLiveSpecification"] == {"AttributeName": "gone_s", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_the_bucket_is_private_and_only_its_spool_expires() -> None:
    """Nothing public, nothing in the clear; what pushvar still needs is never swept away."""
    bucket = properties("StateBucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert "BucketEncryption" in bucket
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule} == {
        "spool/": 15
    }
    (statement,) = properties("StateBucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert list(map(resolved, statement["Resource"])) == ["<StateBucket>", "<StateBucket>/*"]


@pytest.mark.parametrize("name", ["StateTable", "StateBucket"])
def test_state_outlives_the_stack(name: str) -> None:
    """A stack that goes leaves what was not delivered; one that never stood leaves nothing."""
    resource = template()["Resources"][name]
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource["UpdateReplacePolicy"] == "Retain"
    assert not {"TableName", "BucketName"} & set(
        resource["Properties"]
    )  # a second stack would find them taken


@pytest.mark.parametrize("name", FUNCTIONS)
def test_logs_are_json_and_end(name: str) -> None:
    """Each function has a log group of its own, with an end to what it keeps."""
    logs = name.replace("Function", "Logs")
    assert properties(name)["LoggingConfig"] == {
        "LogFormat": "JSON",
        "LogGroup": {"Ref": logs},
        "ApplicationLogLevel": {"Fn::FindInMap": ["LogLevels", {"Ref": "LogLevel"}, "Application"]},
        "SystemLogLevel": {"Fn::FindInMap": ["LogLevels", {"Ref": "LogLevel"}, "System"]},
    }
    assert list(template()["Mappings"]["LogLevels"]) == template()["Parameters"]["LogLevel"]["AllowedValues"]
    assert properties(logs)["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize(
    ("alarm", "metric", "dimension"),
    [
        ("DeadLettersAlarm", "ApproximateNumberOfMessagesVisible", SET_ASIDE),
        ("PlanErrorsAlarm", "Errors", {"Ref": "PlanFunction"}),
        ("ConfigInvalidAlarm", "ConfigInvalid", {"Ref": "PlanFunction"}),
        ("ForwardErrorsAlarm", "Errors", {"Ref": "ForwardFunction"}),
        ("GatewayErrorsAlarm", "Errors", {"Ref": "GatewayFunction"}),
        ("GatewayServerErrorsAlarm", "Url5xxCount", {"Ref": "GatewayFunction"}),
        ("GatewayThrottlesAlarm", "Throttles", {"Ref": "GatewayFunction"}),
    ],
)  # fmt: skip
def test_a_failure_is_an_alarm(alarm: str, metric: str, dimension: dict[str, Any]) -> None:
    """One is enough; silence is none; where there is a topic it is told, also when it is over."""
    found = properties(alarm)
    assert found["MetricName"] == metric
    assert [one["Value"] for one in found["Dimensions"] if one["Name"] != "service"] == [dimension]
    assert (found["Threshold"], found["ComparisonOperator"]) == (0, "GreaterThanThreshold")
    assert found["TreatMissingData"] == "notBreaching"
    assert found["AlarmActions"] == found["OKActions"]
    assert found["AlarmActions"]["Fn::If"][1] == [{"Ref": "AlarmTopicArn"}]


def test_every_parameter_says_what_it_is() -> None:
    """Its meaning, and in words what its pattern takes; its default passes."""
    for name, one in template()["Parameters"].items():
        assert one["Description"], name
        if "AllowedPattern" in one:
            assert one["ConstraintDescription"], name
            assert not refused(name, one["Default"]), name
        if "AllowedValues" in one:
            assert one["Default"] in one["AllowedValues"], name


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("Stage", "Dev"), ("Stage", "a/b"), ("Stage", ""), ("Stage", "a" * 21), ("Stage", "1st"),
        ("WorkspaceArn", "ws-1"), ("WorkspaceArn", "arn:aws:aps:eu-west-1:123456789012:workspace/*"),
        ("SecretsKeyArn", "alias/own"), ("SecretsKeyArn", "*"), ("StateKeyArn", "alias/own"),
        ("StateKeyArn", "*"), ("AlarmTopicArn", "topic"), ("SubnetIds", "*"), ("SubnetIds", "subnet-1,"),
    ],
)  # fmt: skip
def test_a_parameter_that_would_widen_rights_is_refused(parameter: str, value: str) -> None:
    """A pattern stands before every name that becomes part of a path or a policy."""
    assert refused(parameter, value)


def test_two_stages_live_in_one_account() -> None:
    """Whatever has a name of its own has the stage in it; SAM would call every schedule the same."""
    named = [
        schedule()["Name"],
        properties("PushvarLayer")["LayerName"],
        *(one["Properties"]["LogGroupName"] for one in of_type("AWS::Logs::LogGroup").values()),
    ]
    assert [name for name in named if "${Stage}" not in name["Fn::Sub"]] == []
    fixed = {"FunctionName", "QueueName", "RoleName", "TableName", "BucketName", "AlarmName"}
    given = [
        (name, key)
        for name, one in template()["Resources"].items()
        for key in fixed & set(one["Properties"])
        if "Ref" not in one["Properties"][key]  # whose it is, not what it is called
    ]
    assert given == []


def test_templates_have_no_aliases() -> None:
    """CloudFormation does not read YAML's anchors and aliases."""
    assert re.search(r"(^|\s)[&*][A-Za-z]\w*\s*$", TEMPLATE.read_text(), re.MULTILINE) is None


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_stage_deploys_itself(stage: str) -> None:
    """Its stack, its name, parameters that exist and pass; builds are never taken from a cache."""
    config = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    deploy = config[stage]["deploy"]["parameters"]
    assert deploy["stack_name"] == f"pushvar-{stage}"
    assert deploy["capabilities"] == "CAPABILITY_IAM"
    assert deploy["tags"] == f"app=pushvar stage={stage}"
    assert config["default"]["deploy"]["parameters"]["tags"] == "app=pushvar"
    assert not [name for name, one in template()["Resources"].items() if "Tags" in one["Properties"]]
    given = dict(pair.split("=", 1) for pair in deploy["parameter_overrides"].split())
    assert given["Stage"] == stage
    for name, value in given.items():
        assert not refused(name, value) if "AllowedPattern" in template()["Parameters"][name] else value
        assert value in map(str, template()["Parameters"][name].get("AllowedValues", [value]))
    for name in ("default", stage):
        assert config[name]["build"]["parameters"]["cached"] is False
