"""oauth2 against a real token server: one token for all, renewed in time, and no secret in any word."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.app.forwarder import Forwarder
from pushvar.app.usable import usable_in
from pushvar.app.world import World, means_of
from pushvar.collect.registry.file import FileRegistry
from pushvar.config.schema import OAuth2
from pushvar.config.values import SecretRef
from pushvar.errors import ConfigError
from pushvar.net.auth import oauth2
from pushvar.net.auth.oauth2 import EARLY_S, RETRY_S, UNSAID_TTL_S
from pushvar.net.secrets import Secrets
from pushvar.state import open_state

from tests.programs.raw_server import silent_server
from tests.programs.token_server import CLIENT_ID, TokenServer, token_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.model import Report

LIFE_S = 3600.0
NO_TOKEN = "the answer holds no access_token; is it a token_url?"
SCOPE = b'{"error": "invalid_scope", "error_description": "no a"}'
MAC = b'{"access_token": "s3cret", "token_type": "mac"}'


@dataclass
class Scene:
    """A token server, the secret as the environment has it, and a clock that the test moves."""

    server: TokenServer
    now_s: float = 1000.0
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The right secret, and a cache."""
        self.environment["SECRET"] = self.server.secret
        self.secrets = Secrets(self.environment, str, lambda: self.now_s)

    def settings(self, **more: Any) -> OAuth2:
        """The block that is right for the server."""
        block = {"client_id": CLIENT_ID, "client_secret": SecretRef("env", "SECRET")}
        return OAuth2(**{**block, "token_url": f"{self.server.url}/token?tenant=1", **more})

    def header(self, *, after_s: float = 0.0, **more: Any) -> str:
        """The header some time later."""
        self.now_s += after_s
        return self.secrets.token(self.settings(**more))

    def refusal(self, *, after_s: float = 0.0, **more: Any) -> str:
        """What is said instead of it."""
        with pytest.raises(ConfigError) as refused:
            self.header(after_s=after_s, **more)
        return str(refused.value)


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A server that grants to whom it knows."""
    with token_server() as server:
        yield Scene(server)


# The grant


def test_a_token_is_granted_once(scene: Scene) -> None:
    """The form says what was configured; the Bearer token stays until shortly before its end."""
    more: dict[str, Any] = {"scopes": ("a", "b"), "endpoint_params": (("audience", "metrics"),)}
    assert scene.header(**more) == "Bearer token-1"
    assert scene.header(after_s=LIFE_S - EARLY_S - 1, **more) == "Bearer token-1"
    said = {"grant_type": "client_credentials", "scope": "a b", "audience": "metrics"}
    assert scene.server.forms == [said]
    assert scene.header(after_s=1, **more) == "Bearer token-2"


def test_many_threads_ask_once(scene: Scene) -> None:
    """Threads that need the same token at the same time wait for one request."""
    scene.server.wait_s = 0.2
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: scene.header(), range(8)))
    assert found == {"Bearer token-1"}
    assert len(scene.server.forms) == 1


def test_the_form_after_basic(scene: Scene) -> None:
    """A server that wants the client in the form gets it there, and the next time at once."""
    scene.server.ways = ("form",)
    assert scene.header() == "Bearer token-1"
    assert ["client_secret" in form for form in scene.server.forms] == [False, True]
    assert scene.header(after_s=LIFE_S) == "Bearer token-2"
    assert len(scene.server.forms) == 3


@pytest.mark.parametrize(
    ("more", "life_s"),
    [
        ({}, UNSAID_TTL_S),
        ({"expires_in": "60"}, 60.0),
        ({"expires_in": -1}, UNSAID_TTL_S),
        ({"expires_in": "soon"}, UNSAID_TTL_S),
        ({"expires_in": None}, UNSAID_TTL_S),
        ({"expires_in": 4}, 4.0),
    ],
)
def test_how_long_a_token_is_used(scene: Scene, more: dict[str, Any], life_s: float) -> None:
    """Until 30 s before its end, or half its life; where no life is said, five minutes are meant."""
    scene.server.more = more
    used_s = life_s - min(EARLY_S, life_s / 2)
    assert scene.header() == "Bearer token-1"
    assert scene.header(after_s=used_s - 0.1) == "Bearer token-1"
    assert scene.header(after_s=0.1) == "Bearer token-2"


def test_a_refused_token_is_renewed(scene: Scene) -> None:
    """After a 401 there is a new token; who comes later with the old one gets the same without a question."""
    settings = scene.settings()
    first = scene.header()
    assert not scene.secrets.renew_token(settings, first)
    scene.now_s += RETRY_S
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: scene.secrets.renew_token(settings, first), range(4)))
    assert found == [True] * 4
    assert scene.header() == "Bearer token-2"
    assert len(scene.server.forms) == 2


# What may go wrong


def test_a_wrong_secret_in_words(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """The error names the server and what to check, but never the secret, even when the server repeats it."""
    scene.environment["SECRET"] = "hunter3 & co"
    with caplog.at_level(logging.DEBUG):
        said = scene.refusal()
    assert said.endswith("/token: no token: HTTP 401: invalid_client; check client_id and client_secret")
    assert "hunter" not in said + caplog.text
    assert "tenant" not in said
    asked = len(scene.server.forms)
    assert scene.refusal(after_s=RETRY_S - 1) == said
    assert len(scene.server.forms) == asked


def test_a_secret_that_was_replaced(scene: Scene) -> None:
    """A refused secret is read again before anything is said: it may have been replaced a moment ago."""
    assert scene.header() == "Bearer token-1"
    scene.now_s += LIFE_S
    scene.secrets.resolve(SecretRef("env", "SECRET"))
    scene.server.secret = scene.environment["SECRET"] = "another"
    assert scene.header() == "Bearer token-2"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, SCOPE, "HTTP 400: invalid_scope: no a; check scopes"),
        (400, b'{"error": "<b>", "error_description": 7}', "HTTP 400"),
        (302, b"", "HTTP 302, a redirect; write the URL that it leads to; redirects are not followed"),
        (503, b"away", "HTTP 503"),
        (200, b"[]", NO_TOKEN),
        (200, b'{"access_token": "a\\nb"}', NO_TOKEN),
        (200, b'{"access_token": "', NO_TOKEN),
        (200, b"[" * 60_000, NO_TOKEN),
        (200, b'{"access_token": "' + b"a" * 70_000 + b'"}', NO_TOKEN),
        (200, MAC, "the token is no Bearer token; no other type can be used"),
    ],
)  # fmt: skip
def test_bad_answers_in_words(scene: Scene, status: int, body: bytes, said: str) -> None:
    """Whatever is answered, one line says what is wrong, and no token is in it."""
    scene.server.instead = (status, body)
    found = scene.refusal()
    assert found.endswith(said)
    assert "s3cret" not in found


def test_a_token_outlives_an_outage(scene: Scene) -> None:
    """While the token server is away a token is used to its very end; then the error says what is missing."""
    scene.header()
    scene.server.instead = (503, b"")
    assert scene.header(after_s=LIFE_S - EARLY_S) == "Bearer token-1"
    assert scene.header(after_s=EARLY_S - 1) == "Bearer token-1"
    assert "HTTP 503" in scene.refusal(after_s=1)
    scene.server.instead = None
    assert scene.header(after_s=RETRY_S) == "Bearer token-2"


def test_a_hang_is_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token server that says nothing costs its timeout, once in a while, however many ask."""
    monkeypatch.setattr(oauth2, "TIMEOUT_S", 0.3)
    with silent_server() as port:
        url, start_s = f"http://127.0.0.1:{port}/token", time.monotonic()
        assert "no complete answer within 0.3 s" in scene.refusal(token_url=url)
        scene.refusal(token_url=url)
        assert time.monotonic() - start_s < 2


# At work


class Work:
    """A forwarder all of whose doors want a token: its target, its list of targets, its backends."""

    def __init__(self, scene: Scene, folder: Path, *, backends: bool = True) -> None:
        self.scene = scene
        host = scene.server.url.removeprefix("http://")
        keyed = {"oauth2": {"client_id": CLIENT_ID, "client_secret_file": "secret"}}
        keyed["oauth2"]["token_url"] = f"{scene.server.url}/token"
        job = {"job_name": "a", "metrics_path": "/vars", "static_configs": [{"targets": [host]}], **keyed}
        if backends:
            job["http_sd_configs"] = [{"url": f"{scene.server.url}/targets", **keyed}]
        document = {
            "global": {"scrape_interval": "1s", "self_metrics": False},
            "scrape_configs": [job],
            "remote_write": [{"name": "w", "url": f"{scene.server.url}/write", **keyed}],
            "pushgateways": [{"name": "g", "url": scene.server.url, **keyed}],
        }
        if not backends:
            document |= {"remote_write": [{"url": f"{scene.server.url}/write"}], "pushgateways": []}
        (folder / "secret").write_text(f"{scene.server.secret}\n")
        (folder / "pushvar.yml").write_text(json.dumps(document))
        self.world = World(
            {}, lambda path: Path(path).read_text("utf-8"), lambda: int(scene.now_s * 1000),
            lambda: scene.now_s, lambda _: None, lambda: 0.5,
        )  # fmt: skip
        means = means_of(self.world)
        self.registry = FileRegistry(str(folder / "pushvar.yml"), means=means, monotonic=lambda: scene.now_s)
        self.forwarder: Forwarder | None = None

    def cycle(self, *, after_s: float = 0.0) -> Report:
        """One cycle some time later."""
        self.scene.now_s += after_s
        if self.forwarder is None:
            self.forwarder = Forwarder(self.registry, open_state("memory:"), self.world, owner="test")
        return self.forwarder.cycle()

    def close(self) -> None:
        """Close it if it was opened."""
        if self.forwarder is not None:
            self.forwarder.close()


@pytest.fixture
def work(scene: Scene, tmp_path: Path) -> Iterator[Work]:
    """A forwarder that is closed at the end."""
    one = Work(scene, tmp_path)
    yield one
    one.close()


def test_every_door_opens(work: Work) -> None:
    """Target, list and both kinds of backend see the token; the cycle asks once, discovery once."""
    report = work.cycle()
    assert [one.failed for one in report.deliveries] == [0, 0]
    assert all(one.sent for one in report.deliveries)
    served = work.scene.server.served
    assert {("GET", "/vars", 200), ("GET", "/targets", 200), ("POST", "/write", 204)} < set(served)
    assert any(method == "PUT" and status == 204 for method, _path, status in served)
    assert [one for one in served if one[2] == 401] == []
    assert len(work.scene.server.forms) == 2


def test_backends_renew_a_revoked_token(work: Work) -> None:
    """A 401 costs no sample: the token is renewed and the same cycle sends."""
    work.cycle()
    work.scene.server.revoke()
    report = work.cycle(after_s=RETRY_S)
    assert [one.failed for one in report.deliveries] == [0, 0]
    assert all(one.sent for one in report.deliveries)


def test_targets_renew_a_revoked_token(scene: Scene, tmp_path: Path) -> None:
    """A target that says 401 gets a new token in a later cycle, and the token server no question in vain."""
    work = Work(scene, tmp_path, backends=False)
    reasons = [[one.reason for one in work.cycle().scrapes]]
    scene.server.revoke()
    reasons += [[one.reason for one in work.cycle(after_s=after_s).scrapes] for after_s in (1, 1, RETRY_S, 1)]
    work.close()
    assert reasons == [["ok"], ["auth"], ["auth"], ["ok"], ["ok"]]
    assert len(scene.server.forms) == 2


def test_a_token_server_that_is_away_costs_its_own(work: Work) -> None:
    """Targets are down with the reason, backends keep what they could not send; no word holds the secret."""
    usable_in(work.world)(work.registry.load())
    work.scene.server.instead = (503, b"")
    report = work.cycle(after_s=61)
    words = [one.detail for one in report.scrapes] + [one.error for one in report.deliveries]
    assert all("HTTP 503" in text for text in words if text)
    assert sum("HTTP 503" in text for text in words) >= 2
    assert work.scene.server.secret not in repr(report)
    work.scene.server.instead = None
    later = work.cycle(after_s=RETRY_S).deliveries
    assert all(one.sent and not one.error for one in later)
    assert later[0].replayed


def test_checking_asks_no_token_server(work: Work, tmp_path: Path) -> None:
    """A configuration is usable while the token server is away, and not when the secret is."""
    snapshot = work.registry.load()
    asked = len(work.scene.server.forms)
    usable_in(work.world)(snapshot)
    assert len(work.scene.server.forms) == asked
    (tmp_path / "secret").unlink()
    with pytest.raises(ConfigError, match="secret cannot be read"):
        usable_in(work.world)(snapshot)


def test_who_has_none_loads_none() -> None:
    """The app is there without the grant."""
    code = "import sys, pushvar.app.forwarder, pushvar.app.worker as _; print(sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pushvar.net.auth.authorization" in done.stdout
    assert "oauth2" not in done.stdout
