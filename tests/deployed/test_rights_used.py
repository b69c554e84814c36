"""What the functions may do is what they do: the template's statements beside the calls of real runs."""

from __future__ import annotations

import random
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.deployed import scene
from tests.functions import cloudformation
from tests.functions.cloudformation import as_list, resolved, statements, verdict
from tests.programs.loopback import wait_until
from tests.programs.own_address import own_address, reachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.deployed.stack import Stack

TOKEN = "not-a-real-token"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter"
ROLES = ("PlanRole", "ForwardRole", "GatewayRole")


KEY_OF_STATE = "kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey kms:ReEncryptFrom kms:ReEncryptTo"

EXCEPTIONS = (
    # roles, actions, resources, why no call of these runs shows it
    (
        ("PlanRole",),
        "logs:CreateLogStream logs:PutLogEvents",
        ("<PlanLogs>",),
        "Lambda writes the log as the role",
    ),
    (
        ("ForwardRole",),
        "logs:CreateLogStream logs:PutLogEvents",
        ("<ForwardLogs>",),
        "Lambda writes the log as the role",
    ),
    (
        ("GatewayRole",),
        "logs:CreateLogStream logs:PutLogEvents",
        ("<GatewayLogs>",),
        "Lambda writes the log as the role",
    ),
    (
        ("ForwardRole",),
        "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage",
        ("<ShardQueue>",),
        "Lambda polls the queue as the role",
    ),
    (("PlanRole",), "sqs:SendMessage", ("<MissedTicks>",), "Lambda reports what failed as the role"),
    (("GatewayRole",), "sqs:SendMessage", ("<RefusedEvents>",), "Lambda reports what failed as the role"),
    (ROLES, "s3:ListBucket", ("<StateBucket>",), "nobody lists; S3 asks for it to say 404 in place of 403"),
    (
        ROLES,
        KEY_OF_STATE,
        ("<StateKeyArn>",),
        "table, bucket and queues ask it of KMS; the stack has no such key",
    ),
    (
        ("ForwardRole", "GatewayRole"),
        "kms:Decrypt",
        (cloudformation.ACCOUNT["SecretsKeyArn"],),
        "Parameter Store and Secrets Manager ask it of KMS; the stack has no such key",
    ),
    (ROLES, "xray:PutTelemetryRecords xray:PutTraceSegments", ("*",), "the stack's tracing is off"),
    (
        ("ForwardRole",),
        "aps:RemoteWrite",
        (cloudformation.ACCOUNT["WorkspaceArn"],),
        "no AWS on this machine has AMP",
    ),
    (
        ("ForwardRole",),
        "s3:DeleteObject s3:GetObject s3:PutObject",
        ("<StateBucket>/fingerprints/*", "<StateBucket>/series/*"),
        "objects from 300 KB on, for targets of ten thousands of series; tests/contract has them",
    ),
    (
        ("PlanRole",),
        "ssm:GetParametersByPath",
        (f"{PARAMETER}/pushvar/dev/config/*",),
        "which of the two forms of a path AWS judges by could not be tried without an account",
    ),
)


class Right(NamedTuple):
    """An action of a role on a resource: of a statement, a pattern; of a call, the resource itself."""

    role: str
    action: str
    resource: str


@pytest.fixture(scope="module")
def used(stack: Stack, orders_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> set[Right]:
    """Give what the roles of the stack were asked for, after a day's work of all its functions."""
    folder = tmp_path_factory.mktemp("rights")
    with (
        scene.backend(folder) as backend,
        scene.target(orders_binary, folder) as (address, _),
        reachable(backend.database.url.removeprefix("http://")) as text_address,
    ):
        work(stack, backend, address, text_address)
    return set(named(stack))


def work(stack: Stack, backend: scene.Backend, address: str, text_address: str) -> None:
    """Fetch and push with secrets; take pushes, lose the backend, shrink and grow, find nonsense."""
    parameter, secret = put_secrets(stack)
    orders = scene.job("orders", address, authorization={"credentials": f"secretsmanager:{secret}"})
    text = scene.job("text", text_address, metrics_path="/metrics")
    who = [
        {"customer_id": "acme", "authorization": {"credentials": f"ssm:{parameter}"}},
        {"customer_id": "globex", "authorization": {"credentials": f"secretsmanager:{secret}"}},
    ]
    document = scene.document(backend, orders, text, *wordy_jobs(), gateway={"credentials": who})
    (write,) = document["remote_write"]
    write["basic_auth"] = {"username": "pushvar", "password": f"ssm:{parameter}"}
    stack.configure(document)
    ask(stack, "PUT", "large", large_push(1))
    ask(stack, "PUT", "brief", large_push(2), ttl="1s")
    stack.cycle()
    ask(stack, "PUT", "large", large_push(3))
    backend.stop()
    stack.cycle()
    backend.start_again()
    ask(stack, "DELETE", "large")
    grow_and_break(stack, document, text)


def grow_and_break(stack: Stack, document: Mapping[str, Any], text: Mapping[str, Any]) -> None:
    """Be given more targets and fewer, so other shards; lose a job; find a configuration that is none."""
    jobs = document["scrape_configs"]
    for targets in (210, 210, 0, 0):
        stack.configure({**document, "scrape_configs": [*jobs, crowd(targets)]})
        stack.cycle()
    stack.configure({**document, "scrape_configs": [one for one in jobs if one is not text]})
    stack.cycle()
    ask(stack, "GET", "", token=f"{TOKEN}-2")
    name = f"/pushvar/{stack.stage}/config/global"
    stack.aws.client("ssm").put_parameter(Name=name, Value="scrape_interval: soon", Type="String")
    assert stack.aws.kill(stack.outputs["PlanFunctionName"])
    assert stack.cycle()["problems"]


def put_secrets(stack: Stack) -> tuple[str, str]:
    """Store one secret in either service; gives their names."""
    parameter, secret = f"/pushvar/{stack.stage}/secrets/shared", f"pushvar/{stack.stage}/shared"
    stack.aws.client("ssm").put_parameter(Name=parameter, Value=TOKEN, Type="SecureString")
    stack.aws.client("secretsmanager").create_secret(Name=secret, SecretString=f"{TOKEN}-2")
    return parameter, secret


def crowd(size: int) -> dict[str, Any]:
    """A job of so many targets, all down: many make a shard's slice an object, and more than one shard."""
    nowhere = f"{own_address()}:9"
    targets = [{"targets": [nowhere], "labels": {"own": noise(256, seed)}} for seed in range(size)]
    return {"job_name": "crowd", "static_configs": targets}


def wordy_jobs() -> list[dict[str, Any]]:
    """Jobs without targets, wordy enough to make the configuration an object."""
    return [
        {"job_name": f"wordy-{seed}", "params": {"words": [noise(8000, seed)]}, "static_configs": []}
        for seed in range(5)
    ]


def large_push(seed: int) -> bytes:
    """A push whose group is no item but an object."""
    return "".join(f'rows{{own="{noise(256, 3000 * seed + row)}"}} 1\n' for row in range(3000)).encode()


def noise(bits: int, seed: int) -> str:
    """Give the same text in every run, which does not compress."""
    return f"{random.Random(seed).getrandbits(bits):x}"


def ask(
    stack: Stack, method: str, job: str, body: bytes = b"", *, ttl: str = "1h", token: str = TOKEN
) -> None:
    """Ask the gateway's URL for a job, or about all, until it answers that it did what was asked."""
    path = f"/metrics/job/{job}" if job else "/metrics"
    shown = {"Authorization": f"Bearer {token}", "X-Pushvar-TTL": ttl}

    def answered() -> bool:  # a gateway that was warm already takes up its new block within half a minute
        url = stack.outputs["GatewayUrl"]
        return stack.aws.ask_url(url, method, path, body, shown).status in {200, 202}

    wait_until(answered, timeout_s=60, what=f"a {method} of the gateway")


def named(stack: Stack) -> Iterator[Right]:
    """Give what the stack's roles were asked for, roles and resources by their names in the template."""
    names = {physical.rpartition("/")[2]: logical for physical, logical in stack.names.items()}
    for asked in stack.aws.permissions():
        if (role := names.get(asked.role)) in ROLES:
            assert asked.given, asked
            yield Right(role, asked.action, symbol(names, asked.resource))


def symbol(names: Mapping[str, str], arn: str) -> str:
    """Give an ARN as the tests of the template write it: ``<StateBucket>/documents/abc``."""
    place = arn.split(":", 5)[5]
    name, _, inside = place.removeprefix("table/").partition("/")
    return f"<{names[name]}>{'/' if inside else ''}{inside}" if name in names else arn


def allowed() -> set[Right]:
    """Give every action of every statement that allows, on each of its resources."""
    return {
        Right(role, action, resolved(resource))
        for role in ROLES
        for statement in statements(role)
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def unused(used: set[Right]) -> set[Right]:
    """Give the rights of the template without which every call would still be allowed."""
    rights = allowed()
    needed: set[Right] = set()
    for call in used:
        enough = [right for right in rights if right.role == call.role and covers(right, call)]
        needed.update(enough if len(enough) == 1 else ())
    return rights - needed


def covers(right: Right, call: Right) -> bool:
    """Tell whether a statement's action and resource are those of a call."""
    return fnmatchcase(call.action, right.action) and fnmatchcase(call.resource, right.resource)


def refused(used: set[Right]) -> set[Right]:
    """Give the calls that the template does not allow."""
    return {call for call in used if verdict(*call) != "allowed"}


def excepted() -> set[Right]:
    """Give the rights that no call of these runs can show."""
    return {
        Right(role, action, resource)
        for roles, actions, resources, _ in EXCEPTIONS
        for role in roles
        for action in actions.split()
        for resource in resources
    }


def test_every_call_is_allowed(used: set[Right]) -> None:
    """No function asked for anything on any resource that its role has no right on."""
    assert {role for role, _, _ in used} == set(ROLES)
    assert refused(used) == set()


def test_every_right_is_needed(used: set[Right]) -> None:
    """What no call needed is an exception, with its reason; what is none does not stand among them."""
    found = unused(used)
    assert sorted(found - excepted()) == [], "rights that nobody used and no exception explains"
    assert sorted(excepted() - found) == [], "exceptions for rights that were used, or that there are not"


@pytest.mark.parametrize("role", ROLES)
def test_a_right_that_is_taken_away_is_missed(
    role: str, used: set[Right], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever action of whichever statement goes, a call is refused or an exception is left over."""
    whole = {name: list(statements(name)) for name in ROLES}
    for index, statement in enumerate(whole[role]):
        if statement["Effect"] == "Deny":
            continue
        for action in as_list(statement["Action"]):
            left = [one for one in as_list(statement["Action"]) if one != action]
            less = [*whole[role][:index], {**statement, "Action": left}, *whole[role][index + 1 :]]
            plant(monkeypatch, {**whole, role: less})
            assert refused(used) or excepted() - unused(used), (statement["Sid"], action)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:Scan", {"Fn::GetAtt": ["StateTable", "Arn"]}),
        ("s3:PutObject", {"Fn::Sub": "${StateBucket.Arn}/*"}),
        ("ssm:GetParameter", "*"),
        ("sqs:*", {"Fn::GetAtt": ["ShardQueue", "Arn"]}),
    ],
)
def test_a_right_too_many_is_noticed(
    role: str, action: str, resource: object, used: set[Right], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more statement is one that nobody used, or that gives more than any call needed."""
    whole = {name: list(statements(name)) for name in ROLES}
    more = {"Sid": "Planted", "Effect": "Allow", "Action": action, "Resource": resource}
    plant(monkeypatch, {**whole, role: [*whole[role], more]})
    assert unused(used) - excepted()


def plant(monkeypatch: pytest.MonkeyPatch, rights: dict[str, list[dict[str, Any]]]) -> None:
    """Put other statements in place of the template's."""
    for module in (cloudformation, sys.modules[__name__]):
        monkeypatch.setattr(module, "statements", rights.__getitem__)
