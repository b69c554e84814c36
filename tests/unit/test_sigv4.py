"""Signature Version 4: our signatures are botocore's, on a table of requests and on random ones."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pushvar.net.auth.sigv4 import SERVICE, Credentials, signed
from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW_S = 1_795_173_629.844
AMP = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TEMPORARY = Credentials("ASIAEXAMPLE", "secret", "token/with+signs==")

REQUESTS = [
    ("amp", AMP, {}, b"body", "eu-west-1", KEYS),
    ("temporary", AMP, {}, b"body", "eu-west-1", TEMPORARY),
    ("empty body", AMP, {}, b"", "us-east-1", KEYS),
    ("binary body", AMP, {}, bytes(range(256)) * 50, "us-east-1", KEYS),
    ("other port", "http://127.0.0.1:8005/workspaces/x/api/v1/remote_write", {}, b"x", "us-east-1", KEYS),
    ("own port", "https://host:443/x", {}, b"x", "us-east-1", KEYS),
    ("no path", "https://host", {}, b"x", "us-east-1", KEYS),
    ("encoded path", "https://host/a%20b/c~d/%C3%A9", {}, b"x", "us-east-1", KEYS),
    ("query", "https://host/x?b=2&a=1&a=0&c&d=%2F", {}, b"x", "us-east-1", KEYS),
    ("tenant header", AMP, {"X-Scope-OrgID": "acme", "User-Agent": "pushvar/1"}, b"x", "eu-west-1", KEYS),
    ("spaces", AMP, {"Content-Type": "  application/x-protobuf   ; a  "}, b"x", "eu-west-1", KEYS),
]


def by_botocore(url: str, headers: Mapping[str, str], body: bytes, region: str, keys: Credentials) -> str:
    """The Authorization header that botocore gives a request with the headers that we sign."""
    stays = ("content-encoding", "content-type", "x-prometheus-remote-write-version")
    chosen = {name: value for name, value in headers.items() if name.lower() in stays}
    request = AWSRequest("POST", url, headers=chosen, data=body)
    credentials = BotocoreCredentials(keys.access_key, keys.secret_key, keys.token or None)
    auth.SigV4Auth(credentials, SERVICE, region).add_auth(request)
    authorization: str = request.headers["Authorization"]
    return authorization


@pytest.fixture(autouse=True)
def _frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = dt.datetime.fromtimestamp(NOW_S, dt.UTC).replace(tzinfo=None)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: moment)


@pytest.mark.parametrize(
    ("url", "headers", "body", "region", "keys"),
    [case[1:] for case in REQUESTS],
    ids=[c[0] for c in REQUESTS],
)
def test_signatures_are_botocores(
    url: str, headers: dict[str, str], body: bytes, region: str, keys: Credentials
) -> None:
    """Same canonical request, same scope, same signature; everything else is sent as it was."""
    sent = {**v1.HEADERS, **headers}
    got = signed(url, sent, body, region=region, credentials=keys, now_s=NOW_S)
    assert got["Authorization"] == by_botocore(url, sent, body, region, keys)
    assert {name: got[name] for name in sent} == sent
    assert got["X-Amz-Date"] == "20261120T112029Z"
    assert got.get("X-Amz-Security-Token", "") == keys.token


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.from_regex(r"[a-zA-Z0-9_.~-]{1,8}", fullmatch=True), max_size=5),
    st.lists(st.tuples(*[st.from_regex(r"[a-zA-Z0-9_.~-]{1,6}", fullmatch=True)] * 2), max_size=4),
    st.binary(max_size=200),
    st.text("abcXYZ019+/", min_size=1, max_size=40),
)
def test_random_requests(path: list[str], query: list[tuple[str, str]], body: bytes, secret: str) -> None:
    """Any path, query, body and key give what botocore gives."""
    steps = [step for step in path if step.strip(".")]
    url = "https://host.example/" + "/".join(steps)
    url += "?" * bool(query) + "&".join(f"{name}={value}" for name, value in query)
    keys = Credentials("AKID", secret)
    got = signed(url, v1.HEADERS, body, region="us-east-1", credentials=keys, now_s=NOW_S)
    assert got["Authorization"] == by_botocore(url, v1.HEADERS, body, "us-east-1", keys)


def test_a_secret_is_not_shown() -> None:
    """Credentials print their access key and nothing else."""
    assert "secret" not in repr(TEMPORARY)
    assert "token" not in repr(TEMPORARY)
