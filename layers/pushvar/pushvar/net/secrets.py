"""Secrets are references, resolved when they are used and never kept longer than a while.

``env:NAME`` is an environment variable, ``file:PATH`` the content of a file, ``ssm:/PATH`` a parameter,
``secretsmanager:NAME#KEY`` a secret or one value of its JSON object; of the last three without the
newline at the end. The environment, the files and AWS come in as functions: only the composition root
owns them. No message holds a secret.
"""

from __future__ import annotations

import json
from functools import partial
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from pushvar.errors import ConfigError
from pushvar.net.aws import aws_client, error_code, in_plain_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.config.schema import OAuth2
    from pushvar.config.values import SecretRef
    from pushvar.net.auth.oauth2 import Tokens

TTL_S = 60.0
"""How long a resolved secret is used before its source is read again: a rotated file is seen."""

STORE_TTL_S = 300.0
"""The same for a secret in AWS, where each look costs a call."""

RETRY_S = 30.0
"""How long after a failure AWS is not asked again: many jobs may share one secret.

A store that gave no answer in time is asked for no secret so long: each question would wait for itself.
"""

READ_TIMEOUT_S = 4.0
"""A cycle waits for its secrets; both stores answer in milliseconds."""

_STORES = ("ssm", "secretsmanager")
_SERVER_FAULT = 500
_TRANSIENT = ("Throttl", "TooManyRequests", "RequestLimitExceeded", "Timeout", "Unavailable", "InternalS")


_patient_client = partial(aws_client, read_timeout_s=READ_TIMEOUT_S)


class _Unreachable(ConfigError):
    """A store gave no answer: it says neither that a secret is there nor that it is not."""


class _Silent(_Unreachable):
    """It gave none in time: whoever asks again waits again."""


class _Known(NamedTuple):
    """What the last look gave, and until when (monotonic seconds) nobody looks again."""

    until_s: float
    value: str
    error: ConfigError | None = None


class Secrets:
    """Resolves references, each at most once in ``TTL_S`` (in AWS ``STORE_TTL_S``) seconds.

    While a store cannot be reached, the last value goes on being used; not when the store says that
    the secret is gone or forbidden.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        read_file: Callable[[str], str],
        clock: Callable[[], float],
        client: Callable[[str], Any] = _patient_client,
    ) -> None:
        self._environment = environment
        self._read_file = read_file
        self._clock = clock
        self._client = client
        self._clients: dict[str, Any] = {}
        self._away: dict[str, _Known] = {}
        self._known: dict[SecretRef, _Known] = {}
        self._lock = Lock()
        self._tokens: Tokens | None = None

    def resolve(self, reference: SecretRef) -> str:
        """The secret itself. Raises ConfigError that names the reference, never its value."""
        known, now_s = self._known.get(reference), self._clock()
        if known is None or now_s > known.until_s:
            known = self._look(reference, known, now_s)
            self._known[reference] = known
        if known.error is not None:
            raise ConfigError("", known.error.problem, hint=known.error.hint)
        return known.value

    def renew(self, *references: SecretRef | None) -> bool:
        """Read these secrets again, whatever their age, and say whether one is another than before."""
        before = {one: self._known.get(one) for one in references if one is not None}
        for one, known in before.items():
            if known is not None:  # it stays known: its store may be away
                self._known[one] = known._replace(until_s=-inf)
        return any(
            self._value(one) != (known.value if known and not known.error else None)
            for one, known in before.items()
        )

    def token(self, settings: OAuth2) -> str:
        """The Authorization header of an oauth2 block. Raises ConfigError when there is no token."""
        return self._token_cache().header(settings)

    def renew_token(self, settings: OAuth2, refused: str) -> bool:
        """Whether the block now has another header than this one, which a server refused."""
        return self._token_cache().renewed(settings, refused)

    def _token_cache(self) -> Tokens:
        with self._lock:  # two caches would ask twice
            if self._tokens is None:
                from pushvar.net.auth.oauth2 import Tokens

                self._tokens = Tokens(self.resolve, self.renew, self._clock)
            return self._tokens

    def _value(self, reference: SecretRef) -> str | None:
        try:
            return self.resolve(reference)
        except ConfigError:
            return None

    def _look(self, reference: SecretRef, known: _Known | None, now_s: float) -> _Known:
        if reference.scheme not in _STORES:
            return _Known(now_s + TTL_S, self._read(reference.scheme, reference.name))
        try:
            return _Known(now_s + STORE_TTL_S, self._ask_unless_away(reference, now_s).rstrip("\r\n"))
        except _Unreachable as error:
            if known is not None and known.error is None:
                return _Known(now_s + RETRY_S, known.value)
            return _Known(now_s + RETRY_S, "", error)
        except ConfigError as error:
            return _Known(now_s + RETRY_S, "", error)

    def _read(self, scheme: str, name: str) -> str:
        if scheme == "env":
            value = self._environment.get(name)
            if value is None:
                raise ConfigError("", f"env:{name} is not set", hint=f"export {name} before starting")
            return value
        if scheme == "file":
            try:
                return self._read_file(name).rstrip("\r\n")
            except OSError as error:
                raise ConfigError("", f"file:{name} cannot be read: {error.strerror}") from None
            except UnicodeError:
                raise ConfigError("", f"file:{name} is not UTF-8 text") from None
        raise ConfigError("", f"{scheme}:{name} names a secret store that pushvar does not know")

    def _ask_unless_away(self, reference: SecretRef, now_s: float) -> str:
        away = self._away.get(reference.scheme)
        if away is not None and away.error is not None and now_s < away.until_s:
            raise _Unreachable("", f"{reference}: not asked, for {away.error.problem}", hint=away.error.hint)
        try:
            return self._ask(reference)
        except _Silent as error:
            self._away[reference.scheme] = _Known(now_s + RETRY_S, "", error)
            raise

    def _ask(self, reference: SecretRef) -> str:
        kind: type[ConfigError] = ConfigError

        def refused(message: str, hint: str) -> ConfigError:
            return kind("", message, hint=hint)

        with in_plain_words(str(reference), refused):
            try:
                client = self._clients.get(reference.scheme) or self._client(reference.scheme)
                self._clients[reference.scheme] = client
                return (
                    _parameter(client, reference) if reference.scheme == "ssm" else _secret(client, reference)
                )
            except Exception as error:
                kind = _kind_of(error)
                raise


def _kind_of(error: Exception) -> type[ConfigError]:
    """What an error says of the secret: nothing, when there was no answer or one of a store in trouble."""
    response = getattr(error, "response", None)
    if response is None:
        return _Silent if "Timeout" in error_code(error) else _Unreachable
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    passing = status >= _SERVER_FAULT or any(word in error_code(error) for word in _TRANSIENT)
    return _Unreachable if passing else ConfigError


def _parameter(client: Any, reference: SecretRef) -> str:
    answer = client.get_parameter(Name=reference.name, WithDecryption=True)
    return str(answer["Parameter"]["Value"])


def _secret(client: Any, reference: SecretRef) -> str:
    name, _, key = reference.name.partition("#")
    text = client.get_secret_value(SecretId=name).get("SecretString")
    if text is None:
        raise ConfigError("", f"{reference} is binary", hint="store the secret as text")
    if not key:
        return str(text)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError("", f"{reference}: the secret is no JSON object", hint="leave out #KEY")
    value = found.get(key)
    if not isinstance(value, str):
        problem = "has no such key" if key not in found else "has no text under this key"
        raise ConfigError("", f"{reference}: the secret's JSON object {problem}")
    return value
