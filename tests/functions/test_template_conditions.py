"""What stands in the stack for which parameters, after SAM: versions, aliases, gradual deployments."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.functions.transformed import Stack, parameters, references, transformed

FUNCTIONS = ("PlanFunction", "ForwardFunction", "GatewayFunction")
ACCOUNT = "eu-west-1:123456789012"
EVERYTHING = {
    "Gateway": "open",
    "GatewayConcurrency": "20",
    "ReservePlanConcurrency": "true",
    "Deployment": "Canary10Percent5Minutes",
    "Tracing": "Active",
    "WorkspaceArn": f"arn:aws:aps:{ACCOUNT}:workspace/ws-1",
    "SecretsKeyArn": f"arn:aws:kms:{ACCOUNT}:key/k-1",
    "StateKeyArn": f"arn:aws:kms:{ACCOUNT}:key/k-2",
    "AlarmTopicArn": f"arn:aws:sns:{ACCOUNT}:topic",
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupIds": "sg-1",
}
LITTLE = {"MissedAfterMinutes": "0", "FailedTargetsPercent": "0", "ScheduleState": "DISABLED"}
SIGNED = {"Gateway": "iam", "Deployment": "Linear10PercentEvery1Minute"}
SETS: dict[str, dict[str, str]] = {
    "defaults": {}, "everything": EVERYTHING, "little": LITTLE, "signed": SIGNED,
}  # fmt: skip
NOT_IN_A_VERSION = {"Tags", "ReservedConcurrentExecutions", "Role"}
"""Properties of a function that its versions do not carry, or that no parameter changes."""
OTHER = {
    "Stage": "prod", "ScheduleExpression": "rate(5 minutes)", "ScheduleTimezone": "Europe/Berlin",
    "Shards": "7", "MaximumConcurrency": "9", "PlanMemory": "999", "ForwardMemory": "999",
    "GatewayMemory": "999",
    "LogSample": "0.5", "LogRetentionDays": "30", "MissedAfterMinutes": "9", "FailedTargetsPercent": "9",
    "UndeliveredSeconds": "99", "ForwardDurationPercent": "97", "GatewayConcurrency": "9",
}  # fmt: skip


@cache
def stacks() -> dict[str, Stack]:
    """The template for each of the sets."""
    return dict(zip(SETS, transformed(*SETS.values()), strict=True))


def version(stack: Stack, function: str) -> str:
    """The logical name of the version that the alias of a function points to."""
    alias = stack.resources[f"{function}Aliaslive"]["Properties"]
    assert (alias["Name"], alias["FunctionName"]) == ("live", {"Ref": function})
    name, attribute = alias["FunctionVersion"]["Fn::GetAtt"]
    assert attribute == "Version"
    assert stack.resources[name]["DeletionPolicy"] == "Retain"
    return str(name)


def published(stack: Stack, function: str) -> Any:
    """What Lambda compares with the last version: where nothing of it differs, it publishes none."""
    properties = stack.resources[function]["Properties"]
    kept = {name: one for name, one in properties.items() if name not in NOT_IN_A_VERSION}
    layer = stack.of_type("AWS::Lambda::LayerVersion")
    logs = properties["LoggingConfig"]["LogGroup"]["Ref"]
    return kept, layer, stack.resources[logs]["Properties"]["LogGroupName"]


@pytest.mark.parametrize("name", SETS)
def test_whatever_is_referred_to_is_there(name: str) -> None:
    """No resource or output that stands refers to one that its condition has left out."""
    stack = stacks()[name]
    there = set(stack.resources)
    for where, one in {
        **stack.resources,
        **{f"output {key}": one for key, one in stack.outputs.items()},
    }.items():
        missing = {ref for ref in references(one) if not ref.startswith("AWS::")} - there
        assert missing == set(), where


@pytest.mark.parametrize("name", ["defaults", "little"])
def test_all_at_once_needs_no_codedeploy(name: str) -> None:
    """By default nothing of it stands there, not even under a condition: an AWS without it takes it."""
    stack = stacks()[name]
    assert [
        key for key, one in stack.body["Resources"].items() if "CodeDeploy" in f"{key} {one['Type']}"
    ] == []
    assert [key for key, one in stack.body["Resources"].items() if "UpdatePolicy" in one] == []
    assert [key for key in stack.resources if key.endswith("RollbackAlarm")] == []


@pytest.mark.parametrize("name", ["everything", "signed"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_gradual_deployment_goes_back_when_the_new_version_fails(name: str, function: str) -> None:
    """The alias moves by a deployment group, which an alarm on the new version alone turns back."""
    stack = stacks()[name]
    group = stack.resources[f"{function}DeploymentGroup"]["Properties"]
    kind = SETS[name]["Deployment"]
    assert group["DeploymentConfigName"] == f"CodeDeployDefault.Lambda{kind}"
    alarm = f"{function.removesuffix('Function')}RollbackAlarm"
    assert group["AlarmConfiguration"] == {"Enabled": True, "Alarms": [{"Name": {"Ref": alarm}}]}
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    moved = stack.resources[f"{function}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert moved["DeploymentGroupName"] == {"Ref": f"{function}DeploymentGroup"}
    found = stack.resources[alarm]["Properties"]
    assert {one["Name"]: one["Value"] for one in found["Dimensions"]} == {
        "FunctionName": {"Ref": function},
        "Resource": {"Fn::Sub": f"${{{function}}}:live"},
        "ExecutedVersion": {"Fn::GetAtt": [version(stack, function), "Version"]},
    }
    assert (found["MetricName"], found["Threshold"], found["Statistic"]) == ("Errors", 0, "Sum")


def test_every_way_of_deploying_is_known() -> None:
    """The mapping has a row for each value of the parameter, and only AllAtOnce goes without CodeDeploy."""
    kinds = parameters()["Deployment"]["AllowedValues"]
    rows = stacks()["defaults"].body["Mappings"]["Deployments"]
    assert list(rows) == kinds
    assert [kind for kind, row in rows.items() if row["Gradual"] == "false"] == ["AllAtOnce"]


@pytest.mark.parametrize("name", SETS)
def test_everything_calls_the_alias(name: str) -> None:
    """Schedule, queue, URL and asynchronous calls; no permission is on the function itself."""
    stack = stacks()[name]
    plan, forward, gateway = ({"Ref": f"{function}Aliaslive"} for function in FUNCTIONS)
    assert stack.resources["PlanFunctionSchedule"]["Properties"]["Target"]["Arn"] == plan
    assert stack.resources["ForwardFunctionShards"]["Properties"]["FunctionName"] == forward
    for function in ("PlanFunction", "GatewayFunction"):
        config = stack.resources[f"{function}EventInvokeConfig"]["Properties"]
        assert (config["FunctionName"], config["Qualifier"]) == ({"Ref": function}, "live")
    called = [one["Properties"]["TargetFunctionArn"] for one in stack.of_type("AWS::Lambda::Url").values()]
    called += [one["Properties"]["FunctionName"] for one in stack.of_type("AWS::Lambda::Permission").values()]
    assert all(one == gateway for one in called)
    assert len(called) == {"everything": 3, "signed": 1}.get(name, 0)
    assert stack.outputs["GatewayFunctionArn"]["Value"] == gateway


def test_new_code_is_a_new_version() -> None:
    """Of the one function for its handler, of all of them for the layer, where nearly all code is."""
    (before,) = transformed({})
    (handler,) = transformed({}, uploads={"PlanFunction": "another"})
    (layer,) = transformed({}, uploads={"PushvarLayer": "another"})
    for function in FUNCTIONS:
        assert (version(handler, function) == version(before, function)) == (function != "PlanFunction")
        assert version(layer, function) != version(before, function)


def test_a_parameter_publishes_a_version_of_those_functions_that_it_changes() -> None:
    """SAM by itself overlooks a changed parameter, and Lambda refuses a version in which nothing changed."""
    changed = {**{name: value for name, value in EVERYTHING.items() if name not in OTHER}, **OTHER}
    declared = parameters()
    for name in sorted(set(declared) - set(changed)):
        assert "AllowedValues" in declared[name], f"{name}: give it another value in OTHER"
        changed[name] = next(v for v in declared[name]["AllowedValues"] if v != declared[name]["Default"])
    assert set(changed) == set(declared)
    names = sorted(changed)
    network = {
        name: EVERYTHING[name] for name in ("SubnetIds", "SecurityGroupIds")
    }  # both or none, by a rule
    changed |= {"SubnetIds": "subnet-3", "SecurityGroupIds": "sg-3"}
    before, *after = transformed(network, *({**network, name: changed[name]} for name in names))
    wrong = [
        (name, function)
        for name, stack in zip(names, after, strict=True)
        for function in FUNCTIONS
        if (version(stack, function) != version(before, function))
        != (published(stack, function) != published(before, function))
    ]
    assert wrong == []


def test_one_key_for_all_that_is_kept() -> None:
    """Table, bucket, queues and logs take StateKeyArn where there is one, and AWS' own keys else."""
    for name, key in (("defaults", None), ("everything", EVERYTHING["StateKeyArn"])):
        stack = stacks()[name]
        table = stack.resources["StateTable"]["Properties"]["SSESpecification"]
        assert (table["SSEEnabled"], table.get("KMSMasterKeyId")) == (True, key)
        (rule,) = stack.resources["StateBucket"]["Properties"]["BucketEncryption"][
            "ServerSideEncryptionConfiguration"
        ]
        assert rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID") == key
        assert rule.get("BucketKeyEnabled", False) is bool(key)
        queues = [one["Properties"] for one in stack.of_type("AWS::SQS::Queue").values()]
        assert len(queues) == 4
        for queue in queues:
            assert queue.get("KmsMasterKeyId") == key
            assert queue.get("SqsManagedSseEnabled", False) is (key is None)
        logs = [one["Properties"] for one in stack.of_type("AWS::Logs::LogGroup").values()]
        assert [one.get("KmsKeyId") for one in logs] == [key] * 3


@pytest.mark.parametrize("role", ["PlanRole", "ForwardRole", "GatewayRole", "ScheduleRole"])
def test_the_key_is_used_through_the_services_alone(role: str) -> None:
    """Nobody may decrypt with it directly; without such a key there is no statement about one."""

    def of_key(name: str) -> list[Any]:
        (policy,) = stacks()[name].resources[role]["Properties"]["Policies"]
        return [one for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == "UseStateKey"]

    assert of_key("defaults") == []
    (statement,) = of_key("everything")
    assert statement["Resource"] == EVERYTHING["StateKeyArn"]
    assert list(statement["Condition"]) == ["StringEquals"]
    assert list(statement["Condition"]["StringEquals"]) == ["kms:ViaService"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_tracing_is_on_or_off_in_all_its_parts(function: str) -> None:
    """The mode, the variable that the code reads, and the right to send."""
    for name, mode, variable in (("defaults", "PassThrough", ""), ("everything", "Active", "1")):
        stack = stacks()[name]
        properties = stack.resources[function]["Properties"]
        assert properties["TracingConfig"] == {"Mode": mode}
        assert properties["Environment"]["Variables"]["PUSHVAR_TRACING"] == variable
        (policy,) = stack.resources[function.replace("Function", "Role")]["Properties"]["Policies"]
        sids = {one["Sid"] for one in policy["PolicyDocument"]["Statement"]}
        assert ("SendTraces" in sids) is bool(variable)


def test_the_forward_function_goes_where_the_targets_are() -> None:
    """Into the given subnets; by default into none, which needs no NAT."""
    assert stacks()["everything"].resources["ForwardFunction"]["Properties"]["VpcConfig"] == {
        "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"],
    }  # fmt: skip
    assert "VpcConfig" not in stacks()["defaults"].resources["ForwardFunction"]["Properties"]


def test_nothing_is_too_large() -> None:
    """Limits of CloudFormation and CloudWatch: 500 resources, 1 MB; a description of 1,024 characters."""
    stack = stacks()["everything"]
    assert len(stack.resources) < 500
    assert len(stack.body["Parameters"]) <= 200
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        assert len(alarm["Properties"]["AlarmDescription"]) <= 1024, name
