"""Secrets by reference: where they are found, how long they are kept, what happens when a store says no."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from pushvar.config.grammar import secret
from pushvar.errors import ConfigError
from pushvar.net import aws
from pushvar.net.secrets import RETRY_S, STORE_TTL_S, TTL_S, Secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.programs.aws import Aws

VALUE = "hunter2"


class Source:
    """Secrets over an environment, files and stores that a test changes, and a clock that it moves."""

    def __init__(self, client: Callable[[str], Any] | None = None) -> None:
        self.environment: dict[str, str] = {}
        self.files: dict[str, str | Exception] = {}
        self.now_s = 1000.0
        clients = {} if client is None else {"client": client}
        self.secrets = Secrets(self.environment, self._read, lambda: self.now_s, **clients)

    def _read(self, path: str) -> str:
        found = self.files.get(path, FileNotFoundError(2, "No such file or directory"))
        if isinstance(found, Exception):
            raise found
        return found

    def get(self, reference: str, *, after_s: float = 0.0) -> str:
        """The secret after some time."""
        self.now_s += after_s
        return self.secrets.resolve(secret(reference))

    def refusal(self, reference: str, *, after_s: float = 0.0) -> str:
        """What is said instead of the secret."""
        with pytest.raises(ConfigError) as refused:
            self.get(reference, after_s=after_s)
        assert VALUE not in str(refused.value)
        return str(refused.value)


class Store:
    """Both stores of AWS as far as an answer goes: it gives what it is told to, and counts the questions."""

    def __init__(self) -> None:
        self.answer: str | Exception = VALUE
        self.asked = 0

    def __call__(self, _service: str) -> Store:
        """The client of any service."""
        return self

    def get_parameter(self, **_question: Any) -> dict[str, Any]:
        """Answer as Parameter Store does."""
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Parameter": {"Value": self.answer}}


def refused(code: str, status: int = 400) -> ClientError:
    """A refusal of AWS."""
    answer: Any = {
        "Error": {"Code": code, "Message": "said so."},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "GetParameter")


def test_environment_and_files() -> None:
    """A variable as it is, a file without the newline at its end; read again after a minute."""
    source = Source()
    source.environment["TOKEN"] = " a \n"
    source.files["/run/pw"] = "b\r\n"
    assert (source.get("env:TOKEN"), source.get("file:/run/pw")) == (" a \n", "b")
    source.environment["TOKEN"], source.files["/run/pw"] = "c", "d"
    assert (source.get("env:TOKEN", after_s=TTL_S), source.get("file:/run/pw")) == (" a \n", "b")
    assert (source.get("env:TOKEN", after_s=1), source.get("file:/run/pw")) == ("c", "d")


def test_what_is_not_there() -> None:
    """The message names the reference and what to do; the next question looks again at once."""
    source = Source()
    assert source.refusal("env:TOKEN") == "env:TOKEN is not set; export TOKEN before starting"
    assert source.refusal("file:/x") == "file:/x cannot be read: No such file or directory"
    source.files["/x"] = UnicodeDecodeError("utf-8", VALUE.encode(), 0, 1, "no")
    assert source.refusal("file:/x") == "file:/x is not UTF-8 text"
    source.environment["TOKEN"] = "a"
    assert source.get("env:TOKEN") == "a"


def test_parameter_store(aws: Aws) -> None:
    """A SecureString is decrypted, a plain parameter taken as it is."""
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/secrets-test/pw", Value=f"{VALUE}\n", Type="SecureString")
    ssm.put_parameter(Name="/secrets-test/plain", Value="p", Type="String")
    source = Source()
    assert source.get("ssm:/secrets-test/pw") == VALUE
    assert source.get("ssm:/secrets-test/plain") == "p"
    assert source.refusal("ssm:/secrets-test/gone") == (
        "ssm:/secrets-test/gone: ParameterNotFound: Parameter /secrets-test/gone not found; "
        "check the name and the region"
    )


def test_secrets_manager(aws: Aws) -> None:
    """By name or ARN, whole or one value of its JSON object; what is there is in no message."""
    manager = aws.client("secretsmanager")
    arn = manager.create_secret(Name="secrets-test/plain", SecretString=VALUE)["ARN"]
    values = {"password": VALUE, "my key": "v", "number": 5}
    manager.create_secret(Name="secrets-test/json", SecretString=json.dumps(values))
    manager.create_secret(Name="secrets-test/binary", SecretBinary=VALUE.encode())
    source = Source()
    assert source.get("secretsmanager:secrets-test/plain") == VALUE
    assert source.get(f"secretsmanager:{arn}") == VALUE
    assert source.get("secretsmanager:secrets-test/json#password") == VALUE
    assert source.get("secretsmanager:secrets-test/json#my key") == "v"
    for name, words in {
        "json#user": ": the secret's JSON object has no such key",
        "json#number": ": the secret's JSON object has no text under this key",
        "plain#user": ": the secret is no JSON object; leave out #KEY",
        "binary": " is binary; store the secret as text",
    }.items():
        assert (
            source.refusal(f"secretsmanager:secrets-test/{name}")
            == f"secretsmanager:secrets-test/{name}{words}"
        )
    gone = source.refusal("secretsmanager:secrets-test/gone")
    assert gone.startswith("secretsmanager:secrets-test/gone: ResourceNotFoundException: ")


def test_a_store_is_asked_once_in_five_minutes() -> None:
    """However many jobs share the secret; a rotated one is seen then."""
    store = Store()
    source = Source(store)
    assert [source.get("ssm:/a") for _ in range(100)] == [VALUE] * 100
    store.answer = "rotated"
    assert source.get("ssm:/a", after_s=STORE_TTL_S) == VALUE
    assert store.asked == 1
    assert source.get("ssm:/a", after_s=1) == "rotated"
    assert store.asked == 2


@pytest.mark.parametrize(
    "trouble",
    [
        EndpointConnectionError(endpoint_url="http://a"),
        NoCredentialsError(),
        refused("ThrottlingException"),
        refused("InternalServerError", 500),
        refused("ServiceUnavailable", 503),
    ],
)
def test_the_last_value_is_used_while_a_store_cannot_be_reached(trouble: Exception) -> None:
    """It is asked again every half minute, not at every use, and a new value is taken."""
    store = Store()
    source = Source(store)
    source.get("ssm:/a")
    store.answer = trouble
    for _ in range(3):
        assert [source.get("ssm:/a", after_s=STORE_TTL_S + 1), source.get("ssm:/a")] == [VALUE] * 2
    assert store.asked == 4
    store.answer = "new"
    assert source.get("ssm:/a", after_s=RETRY_S + 1) == "new"


def test_a_renewal_loses_nothing() -> None:
    """It asks the store at once; one that is away or says the same is nothing new, the value stays."""
    store = Store()
    source = Source(store)
    reference = secret("ssm:/a")
    assert source.get("ssm:/a") == VALUE
    for answer, new in (
        (VALUE, False),
        (EndpointConnectionError(endpoint_url="http://a"), False),
        ("b", True),
    ):
        store.answer = answer
        assert source.secrets.renew(reference, None) is new
        assert source.get("ssm:/a") == ("b" if new else VALUE)
    assert store.asked == 4


@pytest.mark.parametrize(
    "code", ["ParameterNotFound", "AccessDeniedException", "InvalidKeyId", "UnrecognizedClientException"]
)
def test_the_last_value_is_not_used_when_the_store_says_no(code: str) -> None:
    """Gone or forbidden is an answer; it stays so while the store then cannot be reached."""
    store = Store()
    source = Source(store)
    source.get("ssm:/a")
    store.answer = refused(code)
    assert source.refusal("ssm:/a", after_s=STORE_TTL_S + 1).startswith(f"ssm:/a: {code}: said so")
    store.answer = EndpointConnectionError(endpoint_url="http://a")
    assert "EndpointConnection" in source.refusal("ssm:/a", after_s=RETRY_S + 1)
    store.answer = VALUE
    assert source.get("ssm:/a", after_s=RETRY_S + 1) == VALUE


def test_a_refusal_is_not_asked_for_again_and_again() -> None:
    """A hundred jobs that share a secret which is not there cost one question in half a minute."""
    store = Store()
    store.answer = refused("ParameterNotFound")
    source = Source(store)
    said = {source.refusal("ssm:/a") for _ in range(100)}
    assert (len(said), store.asked) == (1, 1)
    source.refusal("ssm:/a", after_s=RETRY_S + 1)
    assert store.asked == 2


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that cannot even be made is told like any other trouble."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert Source().refusal("ssm:/a") == "ssm:/a: NoRegion: You must specify a region; set AWS_REGION"


def test_without_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    aws._session.cache_clear()
    assert Source().refusal("ssm:/a") == "AWS needs boto3, which is not here; pip install 'pushvar[aws]'"


def test_a_store_that_does_not_answer_is_waited_for_once() -> None:
    """However many secrets a cycle wants of it: each question would wait for itself."""
    store = Store()
    source = Source(store)
    store.answer = ReadTimeoutError(endpoint_url="http://a")
    assert "Timeout" in source.refusal("ssm:/a")
    for name in "bcd":
        assert source.refusal(f"ssm:/{name}").startswith(f"ssm:/{name}: not asked, for ssm:/a: ReadTimeout")
    assert store.asked == 1
    store.answer = VALUE
    assert source.get("ssm:/d", after_s=RETRY_S + 1) == VALUE
