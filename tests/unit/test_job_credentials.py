"""Credentials of pushes: which of the environment's are shown, and what is signed for which service."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pushvar.app.jobs_credentials import JobCredentials
from pushvar.app.jobs_destinations import Where, where_of
from pushvar.app.world import World
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW_S = 1_795_173_629.844
FUNCTION_URL = "https://abc123.lambda-url.eu-west-1.on.aws"
KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_SESSION_TOKEN": "token"}
SENT = {"Content-Type": "text/plain", "X-Pushvar-TTL": "1d"}


def shown(
    environment: Mapping[str, str], url: str = "http://gateway", method: str = "POST"
) -> Mapping[str, str]:
    """The headers of a request in this environment."""
    world = World(
        environment,
        lambda path: f"in {path}\n",
        lambda: int(NOW_S * 1000),
        lambda: 0.0,
        lambda _: None,
        lambda: 0.5,
    )
    return JobCredentials(world).headers(method, url, SENT, b"body")


@pytest.mark.parametrize(
    ("environment", "header"),
    [
        ({}, None),
        ({"PUSHVAR_PUSH_TOKEN": ""}, None),
        ({"PUSHVAR_PUSH_TOKEN": "plain"}, "Bearer plain"),
        ({"PUSHVAR_PUSH_TOKEN": "env:X", "X": "there"}, "Bearer there"),
        ({"PUSHVAR_PUSH_TOKEN": "file:/run/token"}, "Bearer in /run/token"),
        ({"PUSHVAR_PUSH_USERNAME": "me", "PUSHVAR_PUSH_PASSWORD": "pw"}, "Basic bWU6cHc="),
        (
            {"PUSHVAR_PUSH_USERNAME": "file:/u", "PUSHVAR_PUSH_PASSWORD": "env:X", "X": "pw"},
            "Basic aW4gL3U6cHc=",
        ),
        ({"PUSHVAR_PUSH_PASSWORD": "pw"}, "Basic OnB3"),
        (KEYS, None),
    ],
)
def test_what_is_shown(environment: dict[str, str], header: str | None) -> None:
    """A value is the secret itself or says where it is; AWS credentials are for AWS alone."""
    assert shown(environment) == {**SENT, **({} if header is None else {"Authorization": header})}


@pytest.mark.parametrize(
    "environment",
    [
        {"PUSHVAR_PUSH_TOKEN": "a", "PUSHVAR_PUSH_USERNAME": "b"},
        {"PUSHVAR_PUSH_TOKEN": "a", "PUSHVAR_PUSH_PASSWORD": "b"},
        {"PUSHVAR_PUSH_TOKEN": "env:NOT_THERE"},
        {"PUSHVAR_PUSH_TOKEN": "ssm:no slash"},
    ],
)
def test_what_cannot_be_shown(environment: dict[str, str]) -> None:
    """Two at once, or a reference to nothing, name their variable and never a secret."""
    with pytest.raises(ConfigError) as raised:
        shown(environment)
    assert "no slash" not in str(raised.value)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
@pytest.mark.parametrize(
    ("url", "service"),
    [
        (f"{FUNCTION_URL}/metrics/job/nightly", "lambda"),
        (f"{FUNCTION_URL}/metrics/job@base64/YS9i/env/a%20b%2Fc", "lambda"),
        (f"{FUNCTION_URL}/api/v1/metrics", "lambda"),
        ("https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write", "aps"),
    ],
)
def test_signatures_are_botocores(
    url: str, service: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Function URL is signed for lambda, a workspace for aps, each verb as what it is."""
    moment = dt.datetime.fromtimestamp(NOW_S, dt.UTC).replace(tzinfo=None)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: moment)
    signed = {"Content-Type": SENT["Content-Type"]}
    request = AWSRequest(method, url, headers=signed, data=b"body")
    auth.SigV4Auth(Credentials("AKID", "hidden", "token"), service, "eu-west-1").add_auth(request)
    headers = shown(KEYS, url, method)
    assert headers["Authorization"] == request.headers["Authorization"]
    assert {name: headers[name] for name in SENT} == SENT


def test_a_function_url_with_other_credentials() -> None:
    """A token or password goes before a signature; without AWS credentials nothing is signed."""
    assert shown({**KEYS, "PUSHVAR_PUSH_TOKEN": "t"}, FUNCTION_URL)["Authorization"] == "Bearer t"
    assert shown({}, FUNCTION_URL) == SENT


@pytest.mark.parametrize(
    "url",
    [
        "http://abc.lambda-url.eu-west-1.on.aws.evil.example",
        "https://x.example/abc.lambda-url.eu-west-1.on.aws",
    ],
)
def test_who_only_looks_like_aws(url: str) -> None:
    """Nothing is signed for another host."""
    assert shown(KEYS, url) == SENT


def test_where_pushes_go() -> None:
    """An option goes before the environment; what is no URL, or holds a password, names where it stands."""
    environment = {"PUSHVAR_PUSH_URL": "http://there:9091"}
    assert where_of(None, None, environment) == Where("http://there:9091")
    assert where_of("http://here/prefix", None, environment) == Where("http://here/prefix")
    assert where_of(None, "http://db/write?key=x", environment) == Where(
        "http://db/write?key=x", remote_write=True
    )
    for to, remote, variable, start in (
        ("gateway", None, "", "--to: "),
        (None, "gateway", "", "--remote-write: "),
        (None, None, "gateway", "PUSHVAR_PUSH_URL: "),
        (None, None, "", "no gateway is named"),
        ("http://u:hidden@x", None, "", "--to: "),
    ):
        with pytest.raises(ConfigError) as raised:
            where_of(to, remote, {"PUSHVAR_PUSH_URL": variable})
        assert str(raised.value).startswith(start)
        assert "hidden" not in str(raised.value)
