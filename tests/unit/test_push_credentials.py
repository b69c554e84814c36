"""Whose request it is: what callers show, and which customer that is."""

from __future__ import annotations

import pytest
from pushvar.config.schema import BasicAuth, Gateway, GatewayCredential
from pushvar.config.values import Duration, SecretRef

from tests.unit.push_door import Door, X, basic, bearer, signed, user

ROLE = "arn:aws:iam::123456789012:role/batch-eu"
SESSION = "arn:aws:sts::123456789012:assumed-role/batch-eu/lambda-1"


@pytest.fixture
def door() -> Door:
    """Give a door with credentials of all kinds, and nobody without one."""
    credentials = (
        basic("acme", "ann"),
        basic("beta", "ben"),
        bearer("acme", "TOKEN"),
        bearer("gamma", "TOKEN"),
        bearer("delta", "GONE"),
        basic("delta", "dan"),
        signed("acme", "arn:aws:iam::123456789012:role/batch-*"),
        signed("beta", "arn:aws:sts::*:assumed-role/*/lambda-2"),
    )
    secrets = {"ann": "a:secret", "ben": "ü", "TOKEN": "token-1", "EMPTY": ""}
    return Door(Gateway(credentials=credentials), secrets)


@pytest.mark.parametrize(
    ("shown", "customer"),
    [
        (user("ann", "a:secret"), "acme"),
        (user("ben", "ü"), "beta"),
        ("Bearer token-1", "acme"),
        ("bearer   token-1 ", "acme"),
        (user("ann", "a:secret").replace("Basic", "BASIC"), "acme"),
    ],
)
def test_a_good_credential(door: Door, shown: str, customer: str) -> None:
    """It decides the customer, whose group it is then."""
    reply = door.ask("PUT", "/metrics/job/a", X, authorization=shown)
    assert (reply.status, reply.outcome, reply.customer_id) == (200, "stored", customer)
    assert [head.tenant for head in door.heads(customer).values()] == [customer]


@pytest.mark.parametrize(
    "shown",
    [
        "",
        user("ann", "a:secre"),
        user("ann", "a:secret "),
        user("ann", ""),
        user("", "a:secret"),
        user("ben", "a:secret"),
        user("eve", "a:secret"),
        "Basic",
        "Basic !",
        "Basic YW5u",
        "Bearer",
        "Bearer token-",
        "Bearer token-11",
        "Bearer tökén",
        "token-1",
        "Negotiate abc",
        "AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/lambda/aws4_request, Signature=0",
    ],
)
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "GET"])
def test_a_bad_credential(method: str, shown: str) -> None:
    """401 with a challenge, whatever is asked, and nothing is stored; the log never has the secret."""
    door = Door(Gateway(credentials=(basic("acme", "ann"), bearer("beta", "TOKEN")), anonymous=""))
    door.secrets |= {"ann": "a:secret", "TOKEN": "token-1"}
    assert door.put("kept", authorization=user("ann", "a:secret")) == 200
    target = "/metrics" if method == "GET" else "/metrics/job/kept"
    reply = door.ask(method, target, b"y 1\n", authorization=shown)
    assert (reply.status, reply.outcome, reply.customer_id) == (401, "unauthorized", "")
    assert dict(reply.headers) == {"WWW-Authenticate": 'Basic realm="pushvar", Bearer realm="pushvar"'}
    assert "secre" not in reply.detail + reply.body.decode()
    assert "token" not in reply.detail + reply.body.decode()
    assert door.lines(authorization=user("ann", "a:secret")) == ['x{instance="",job="kept"} 1']
    assert door.heads("acme")["kept"].failed_ms == 0


def test_the_challenge_names_what_is_configured() -> None:
    """Who has only tokens asks for no password."""
    door = Door(Gateway(credentials=(bearer("acme", "TOKEN"),)), {"TOKEN": "t"})
    assert dict(door.ask("PUT", "/metrics/job/a").headers) == {"WWW-Authenticate": 'Bearer realm="pushvar"'}


def test_pages_of_health_need_none(door: Door) -> None:
    """A load balancer has no password; everything about groups needs one."""
    pages = ["/-/healthy", "/-/ready", "/metrics", "/api/v1/metrics", "/api/v1/status"]
    assert [door.ask("GET", page).status for page in pages] == [200, 200, 401, 401, 401]
    assert [door.ask("GET", page, authorization="Bearer token-1").status for page in pages] == [200] * 5


def test_a_secret_that_cannot_be_read(door: Door) -> None:
    """It shuts out who would show it, with a reason in the log only, and nobody else."""
    for shown in (user("dan", "any"), "Bearer unknown"):
        reply = door.ask("PUT", "/metrics/job/a", X, authorization=shown)
        assert (reply.status, reply.outcome) == (503, "unavailable")
        assert dict(reply.headers) == {"Retry-After": "1"}
        assert "is not set" in reply.detail
        assert b"set" not in reply.body
    assert door.put("a", authorization=user("ann", "a:secret")) == 200
    assert door.put("a", authorization="Bearer token-1") == 200
    assert door.put("a", authorization=user("ann", "wrong")) == 401
    assert door.put("a", authorization=user("eve", "any")) == 401


def test_only_the_secrets_that_may_match_are_read() -> None:
    """A cold start does not ask a store for everybody's password."""
    asked: list[str] = []

    class Asking(Door):
        def secret(self, reference: SecretRef) -> str:
            asked.append(reference.name)
            return "secret"

    names = [f"user{number}" for number in range(20)]
    door = Asking(Gateway(credentials=(*(basic("acme", name) for name in names), bearer("beta", "TOKEN"))))
    assert door.put("a", authorization=user("user7", "secret")) == 200
    assert door.put("a", authorization=user("user", "secret")) == 401
    assert asked == ["user7"]
    assert door.put("a", authorization="Bearer secret") == 200
    assert asked == ["user7", "TOKEN"]


def test_an_empty_secret_lets_nobody_in() -> None:
    """It is a mistake, not a password."""
    door = Door(Gateway(credentials=(basic("acme", "EMPTY"), bearer("acme", "EMPTY"))), {"EMPTY": ""})
    assert door.put("a", authorization=user("EMPTY", "")) == 503
    assert door.put("a", authorization="Bearer ") == 503
    without = GatewayCredential(customer_id="acme", basic_auth=BasicAuth(username="ann"))
    assert Door(Gateway(credentials=(without,))).put("a", authorization=user("ann", "")) == 401


@pytest.mark.parametrize(
    ("principal", "customer"),
    [
        (ROLE, "acme"),
        (SESSION, "acme"),
        ("arn:aws:sts::123456789012:assumed-role/other/lambda-2", "beta"),
        ("arn:aws:sts::123456789012:assumed-role/batch-eu/lambda-2", "acme"),
        ("arn:aws:iam::123456789012:role/other", ""),
        ("arn:aws:iam::999999999999:role/batch-eu", ""),
        ("arn:aws:sts::123456789012:assumed-role/other/batch-eu", ""),
        ("arn:aws-cn:sts::123456789012:assumed-role/batch-eu/x", ""),
        ("arn:aws:iam::123456789012:user/role/batch-eu", ""),
    ],
)
def test_a_principal(door: Door, principal: str, customer: str) -> None:
    """Whose signature the door has checked counts by its ARN; who assumed a role is the role."""
    reply = door.ask("PUT", "/metrics/job/a", X, principal, authorization="AWS4-HMAC-SHA256 Credential=x")
    if customer:
        assert (reply.status, reply.customer_id) == (200, customer)
    else:
        assert (reply.status, reply.outcome) == (403, "forbidden")
        assert principal in reply.detail
        assert principal.encode() not in reply.body


def test_the_customer_may_be_said_again(door: Door) -> None:
    """In a header or the path, if it is one of the caller's; it chooses among several."""
    token = "Bearer token-1"
    for said, status, customer in (("gamma", 200, "gamma"), ("acme", 200, "acme"), ("beta", 403, "")):
        assert door.ask("PUT", "/metrics/job/a", X, authorization=token, x_customer_id=said).status == status
        reply = door.ask("PUT", f"/metrics/job/a/customer_id/{said}", X, authorization=token)
        assert (reply.status, reply.customer_id) == (status, customer)
        assert door.ask("GET", "/metrics", authorization=token, x_customer_id=said).status == status
    both = door.ask("PUT", "/metrics/job/a/customer_id/acme", X, authorization=token, x_customer_id="gamma")
    assert (both.status, both.outcome) == (403, "forbidden")
    assert {name: len(door.heads(name)) for name in ("acme", "beta", "gamma")} == {
        "acme": 1,
        "beta": 0,
        "gamma": 1,
    }
    assert door.lines(authorization=token, x_customer_id="gamma") == ['x{instance="",job="a"} 1']


def test_anonymous_pushes() -> None:
    """They belong to the customer that is configured; a credential that is shown must still be right."""
    door = Door(Gateway(anonymous="free", credentials=(basic("acme", "ann"),)), {"ann": "secret"})
    assert door.ask("PUT", "/metrics/job/a", X).customer_id == "free"
    assert door.ask("PUT", "/metrics/job/a", X, ROLE).customer_id == "free"
    assert door.put("a", authorization=user("ann", "wrong")) == 401
    assert door.put("a", x_customer_id="acme") == 403
    assert door.put("a", x_customer_id="free") == 200
    assert door.ask("PUT", "/metrics/job/a", X, authorization=user("ann", "secret")).customer_id == "acme"


def test_nobody_is_let_in_without_a_configuration() -> None:
    """An empty block is a closed door."""
    assert Door(Gateway()).put("a") == 401
    assert Door(Gateway()).put("a", authorization=user("a", "b")) == 401


def test_the_time_of_a_credential() -> None:
    """Groups live as long as the credential says, where it says anything."""
    credentials = (basic("acme", "ann", ttl=Duration(5_000)), basic("beta", "ben"))
    door = Door(Gateway(credentials=credentials, ttl=Duration(9_000)), {"ann": "a", "ben": "b"})
    for name, password in (("ann", "a"), ("ben", "b")):
        assert door.put("a", authorization=user(name, password)) == 200
    lives = [door.heads(name)["a"].expires_ms - door.heads(name)["a"].pushed_ms for name in ("acme", "beta")]
    assert lives == [5_000, 9_000]
