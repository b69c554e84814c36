"""Who reaches the gateway on AWS, and by which way: what no linter and no emulator would say."""

from __future__ import annotations

from typing import Any

from tests.functions.cloudformation import as_list, default, of_type, properties, resolved, template, verdict

ALIAS = "<GatewayFunction.Alias>"
SIGNED, OPEN, ANY = "GatewayIsSigned", "GatewayIsOpen", "HasGatewayUrl"


def condition(name: str) -> str | None:
    """The condition under which a resource or an output is there."""
    found = template()["Resources"][name].get("Condition")
    assert found is None or found in template()["Conditions"]
    return found  # type: ignore[no-any-return]


def granted(name: str) -> dict[str, Any]:
    """Action -> condition, of the policy for callers."""
    statements = properties(name)["PolicyDocument"]["Statement"]
    assert {one["Effect"] for one in statements} == {"Allow"}
    assert {resolved(one["Resource"]) for one in statements} == {ALIAS}
    return {action: one["Condition"] for one in statements for action in as_list(one["Action"])}


def test_there_is_no_url_unless_somebody_asks_for_one() -> None:
    """By default nothing of the stack is reached from outside; what would be is conditional."""
    assert default("Gateway") == "none"
    assert template()["Parameters"]["Gateway"]["AllowedValues"] == ["none", "iam", "open"]
    assert condition("GatewayUrl") == condition("GatewayServerErrorsAlarm") == ANY
    assert template()["Outputs"]["GatewayUrl"]["Condition"] == ANY
    assert template()["Outputs"]["GatewayCallers"]["Condition"] == SIGNED


def test_the_url_has_the_one_auth_type_that_was_chosen() -> None:
    """Signed unless it is to be open; it belongs to the alias, so a new version is tried before it serves."""
    url = properties("GatewayUrl")
    assert url["AuthType"] == {"Fn::If": [OPEN, "NONE", "AWS_IAM"]}
    assert resolved(url["TargetFunctionArn"]) == ALIAS
    assert "FunctionUrlConfig" not in properties("GatewayFunction")  # SAM would write half of the permissions


def test_only_an_open_url_is_everybodys() -> None:
    """Both permissions that a caller needs since October 2025, and neither lets anybody past the URL."""
    found = of_type("AWS::Lambda::Permission")
    assert {condition(name) for name in found} == {OPEN}
    said = [
        {**one["Properties"], "FunctionName": resolved(one["Properties"]["FunctionName"])}
        for one in found.values()
    ]
    whose = {"FunctionName": ALIAS, "Principal": "*"}
    assert said == [
        {**whose, "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
        {**whose, "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
    ]


def test_callers_that_sign_get_a_policy_and_may_not_invoke_the_function_past_its_url() -> None:
    """Else each of them could push for every customer: by an event, or by one that names another caller."""
    assert condition("GatewayCallers") == SIGNED
    assert granted("GatewayCallers") == {
        "lambda:InvokeFunctionUrl": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
        "lambda:InvokeFunction": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
    }


def test_an_event_that_nobody_waits_for_is_not_lost() -> None:
    """It is tried three times within an hour, and then kept where the role may write it."""
    config = properties("GatewayFunction")["EventInvokeConfig"]
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 3600)
    target = {"Type": "SQS", "Destination": {"Fn::GetAtt": ["RefusedEvents", "Arn"]}}
    assert config["DestinationConfig"] == {"OnFailure": target}
    assert verdict("GatewayRole", "sqs:SendMessage", "<RefusedEvents>") == "allowed"


def test_how_many_pushes_are_taken_at_once_is_said_by_a_parameter() -> None:
    """An open URL has no other brake; 0 reserves nothing, for a new account has none to give."""
    reserved = properties("GatewayFunction")["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": ["ReservesGateway", {"Ref": "GatewayConcurrency"}, {"Ref": "AWS::NoValue"}]}
    assert template()["Conditions"]["ReservesGateway"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "GatewayConcurrency"}, 0]}]
    }
    assert default("GatewayConcurrency") == 0


def test_alarms_of_the_url_are_there_with_it() -> None:
    """Throttles and errors concern events as well."""
    assert condition("GatewayErrorsAlarm") is None
    assert condition("GatewayThrottlesAlarm") is None
