"""What each function may do, judged as IAM judges it, and what it must never be able to do."""

from __future__ import annotations

import re

import pytest

from tests.functions.cloudformation import as_list, properties, resolved, statements, verdict

FUNCTIONS = ("PlanFunction", "ForwardFunction", "GatewayFunction")
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter"
ROLES = ("PlanRole", "ForwardRole", "GatewayRole")
TRACES = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
PLANS = ("BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem")
ITEMS = tuple(
    f"dynamodb:{verb}"
    for verb in (
        "GetItem",
        "BatchGetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "Query",
        "ConditionCheckItem",
    )
)


@pytest.mark.parametrize("role", [*ROLES, "ScheduleRole"])
def test_no_right_is_on_everything(role: str) -> None:
    """Every allowed resource is named up to a prefix of our own, every action in full."""
    for statement in statements(role):
        if statement["Effect"] == "Deny":
            continue
        assert "NotResource" not in statement
        assert "NotAction" not in statement
        assert [action for action in as_list(statement["Action"]) if "*" in action] == []
        if statement["Action"] == TRACES:
            continue  # X-Ray has no resource that could be named
        for resource in as_list(statement["Resource"]):
            assert re.search(r"(pushvar/dev/|^<[\w.]+>|^arn:aws:(aps|kms):[^*]*$)", resolved(resource)), (
                resource
            )
            assert "*" not in resolved(resource)[:-1]


@pytest.mark.parametrize(
    ("role", "action", "resource"),
    [
        ("PlanRole", "ssm:GetParametersByPath", f"{PARAMETER}/pushvar/dev/config"),
        ("PlanRole", "ssm:GetParametersByPath", f"{PARAMETER}/pushvar/dev/config/scrape_configs"),
        ("PlanRole", "ssm:GetParameter", f"{PARAMETER}/pushvar/dev/config/manifest"),
        ("PlanRole", "sqs:SendMessage", "<ShardQueue>"),
        ("PlanRole", "s3:PutObject", "<StateBucket>/documents/abc"),
        ("PlanRole", "s3:GetObject", "<StateBucket>/documents/abc"),
        ("ForwardRole", "sqs:ReceiveMessage", "<ShardQueue>"),
        ("ForwardRole", "sqs:DeleteMessage", "<ShardQueue>"),
        ("ForwardRole", "sqs:GetQueueAttributes", "<ShardQueue>"),
        ("ForwardRole", "ssm:GetParameter", f"{PARAMETER}/pushvar/dev/secrets/pay-token"),
        ("ForwardRole", "secretsmanager:GetSecretValue", f"{SECRET}:pushvar/dev/pay-AbCdEf"),
        ("ForwardRole", "aps:RemoteWrite", "arn:aws:aps:eu-west-1:123456789012:workspace/ws-1"),
        ("ForwardRole", "kms:Decrypt", "arn:aws:kms:eu-west-1:123456789012:key/k-1"),
        ("ForwardRole", "s3:GetObject", "<StateBucket>/documents/abc"),
        *(
            ("ForwardRole", f"s3:{verb}Object", f"<StateBucket>/{prefix}/abc")
            for verb in ("Get", "Put", "Delete")
            for prefix in ("spool", "series", "fingerprints")
        ),
        ("ForwardRole", "s3:GetObject", "<StateBucket>/groups/abc/1"),
        ("ForwardRole", "s3:DeleteObject", "<StateBucket>/groups/abc/1"),
        *(("ForwardRole", action, "<StateTable>") for action in ITEMS),
        *(("PlanRole", f"dynamodb:{verb}", "<StateTable>") for verb in PLANS),
        *(
            ("GatewayRole", f"dynamodb:{verb}", "<StateTable>")
            for verb in ("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "Query")
        ),
        *(
            ("GatewayRole", f"s3:{verb}Object", "<StateBucket>/groups/abc/1")
            for verb in ("Get", "Put", "Delete")
        ),
        ("GatewayRole", "ssm:GetParameter", f"{PARAMETER}/pushvar/dev/config/gateway"),
        ("GatewayRole", "ssm:GetParameter", f"{PARAMETER}/pushvar/dev/secrets/push-acme"),
        ("GatewayRole", "secretsmanager:GetSecretValue", f"{SECRET}:pushvar/dev/push-AbCdEf"),
        ("GatewayRole", "kms:Decrypt", "arn:aws:kms:eu-west-1:123456789012:key/k-1"),
        ("GatewayRole", "sqs:SendMessage", "<RefusedEvents>"),
        *((role, "s3:ListBucket", "<StateBucket>") for role in ROLES),  # else a missing object is a 403
        ("PlanRole", "logs:PutLogEvents", "<PlanLogs>"),
        ("ForwardRole", "logs:PutLogEvents", "<ForwardLogs>"),
        ("GatewayRole", "logs:PutLogEvents", "<GatewayLogs>"),
    ],
)
def test_a_function_may_do_its_work(role: str, action: str, resource: str) -> None:
    """What the code calls is allowed on what it is called on."""
    assert verdict(role, action, resource) == "allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/", "/pushvar", "/pushvar/", "/pushvar/dev", "/pushvar/dev/", "/pushvar/dev/secrets",
        "/pushvar/dev/secrets/pay", "/pushvar/prod/config", "/pushvar/dev/configuration", "/other",
    ],
)  # fmt: skip
def test_nobody_reads_beside_the_configuration_by_path(path: str) -> None:
    """A read by path is judged by that path alone, so an ancestor would give away the secrets: denied."""
    for role in ROLES:
        assert verdict(role, "ssm:GetParametersByPath", PARAMETER + path) == "denied"


@pytest.mark.parametrize(
    ("role", "action", "resource"),
    [
        ("PlanRole", "ssm:GetParameter", f"{PARAMETER}/pushvar/dev/secrets/pay-token"),
        ("PlanRole", "ssm:GetParameter", f"{PARAMETER}/pushvar/dev/config/global"),
        ("PlanRole", "ssm:GetParameters", f"{PARAMETER}/pushvar/dev/config/manifest"),
        ("PlanRole", "kms:Decrypt", "arn:aws:kms:eu-west-1:123456789012:key/k-1"),
        ("PlanRole", "secretsmanager:GetSecretValue", f"{SECRET}:pushvar/dev/pay-AbCdEf"),
        ("PlanRole", "s3:GetObject", "<StateBucket>/spool/0/main/1"),
        ("PlanRole", "sqs:ReceiveMessage", "<ShardQueue>"),
        ("PlanRole", "aps:RemoteWrite", "arn:aws:aps:eu-west-1:123456789012:workspace/ws-1"),
        ("ForwardRole", "ssm:GetParametersByPath", f"{PARAMETER}/pushvar/dev/config"),
        ("ForwardRole", "ssm:GetParameter", f"{PARAMETER}/pushvar/prod/secrets/pay-token"),
        ("ForwardRole", "ssm:PutParameter", f"{PARAMETER}/pushvar/dev/secrets/pay-token"),
        ("ForwardRole", "secretsmanager:GetSecretValue", f"{SECRET}:other-AbCdEf"),
        ("ForwardRole", "sqs:SendMessage", "<ShardQueue>"),
        ("ForwardRole", "s3:PutObject", "<StateBucket>/documents/abc"),
        ("ForwardRole", "s3:PutObject", "<StateBucket>/groups/abc/1"),
        ("PlanRole", "dynamodb:DeleteItem", "<StateTable>"),
        ("PlanRole", "s3:GetObject", "<StateBucket>/groups/abc/1"),
        ("GatewayRole", "dynamodb:DeleteItem", "<StateTable>"),
        *(
            ("GatewayRole", f"s3:{verb}Object", f"<StateBucket>/{prefix}/abc")
            for verb in ("Get", "Put", "Delete")
            for prefix in ("spool", "series", "fingerprints", "documents")
        ),
        ("GatewayRole", "ssm:GetParameter", f"{PARAMETER}/pushvar/prod/secrets/push-acme"),
        ("GatewayRole", "ssm:GetParameter", f"{PARAMETER}/pushvar/dev/config/global"),
        ("GatewayRole", "ssm:GetParameter", f"{PARAMETER}/pushvar/prod/config/gateway"),
        ("GatewayRole", "ssm:GetParametersByPath", f"{PARAMETER}/pushvar/dev/config"),
        ("GatewayRole", "sqs:SendMessage", "<ShardQueue>"),
        ("GatewayRole", "sqs:ReceiveMessage", "<ShardQueue>"),
        ("GatewayRole", "aps:RemoteWrite", "arn:aws:aps:eu-west-1:123456789012:workspace/ws-1"),
        *((role, "dynamodb:Scan", "<StateTable>") for role in ROLES),
        *((role, "dynamodb:DeleteTable", "<StateTable>") for role in ROLES),
    ],
)
def test_a_function_may_do_nothing_else(role: str, action: str, resource: str) -> None:
    """Least privilege: what belongs to the other function or to nobody is not allowed."""
    assert verdict(role, action, resource) != "allowed"


def test_roles_are_our_own() -> None:
    """SAM's generated roles would bring log and queue rights on every resource of the account."""
    assert [properties(name)["Role"] for name in FUNCTIONS] == [
        {"Fn::GetAtt": [role, "Arn"]} for role in ROLES
    ]
    assert [role for role in ROLES if "ManagedPolicyArns" in properties(role)] == ["ForwardRole"]
    (wake, _, _) = statements("ScheduleRole")
    assert (wake["Action"], resolved(wake["Resource"])) == ("lambda:InvokeFunction", "<PlanFunction.Alias>")
    (trust,) = properties("ScheduleRole")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    managed = properties("ForwardRole")["ManagedPolicyArns"]["Fn::If"]
    assert (managed[0], managed[2]) == ("HasSubnets", {"Ref": "AWS::NoValue"})  # interfaces need it, no other


@pytest.mark.parametrize(
    ("role", "condition", "action"),
    [
        ("ForwardRole", "HasWorkspace", "aps:RemoteWrite"),
        ("ForwardRole", "HasSecretsKey", "kms:Decrypt"),
        ("GatewayRole", "HasSecretsKey", "kms:Decrypt"),
        *((role, "Traces", TRACES) for role in ROLES),
    ],
)
def test_a_right_on_what_was_not_given_is_no_right(
    role: str, condition: str, action: str | list[str]
) -> None:
    """Without a workspace, a key of one's own or traces there is no statement about one."""
    policy = properties(role)["Policies"][0]["PolicyDocument"]["Statement"]
    conditional = [one["Fn::If"] for one in policy if "Fn::If" in one]
    found = [one for one in conditional if one[1]["Action"] == action]
    assert [(one[0], one[2]) for one in found] == [(condition, {"Ref": "AWS::NoValue"})]
