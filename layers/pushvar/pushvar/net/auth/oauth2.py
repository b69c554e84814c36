"""OAuth 2.0 client credentials: a token that a token server gives for an id and a secret.

Sources: RFC 6749, 4.4 (the grant), 2.3.1 (how a client says who it is), 5.1 and 5.2 (what is answered);
RFC 6750, 2.1 (the header). As in golang.org/x/oauth2, which Prometheus uses, basic authentication is
tried first and the form after it. No message holds the secret or a token.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote_plus, urlencode

import msgspec

from pushvar import __version__
from pushvar.errors import ConfigError
from pushvar.net.session import Session
from pushvar.net.tls import tls_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.schema import OAuth2
    from pushvar.config.values import SecretRef
    from pushvar.net.session import Answer

TIMEOUT_S = 5.0
"""What one request to a token server may take: the scrapes of a cycle wait for it."""

ANSWER_LIMIT = 64 * 1024
"""Bytes of an answer: tokens with many claims have some 4 KiB."""

UNSAID_TTL_S = 300.0
"""How long a token is used whose server does not say for how long it is good."""

EARLY_S = 30.0
"""How long before its end a token is renewed, but never before half of its time is over."""

RETRY_S = 30.0
"""How long after a failure, or a refused token, the token server is not asked again."""

_SUCCESS = range(200, 300)
_REDIRECTS = range(300, 400)
_REFUSED_CLIENT = (400, 401, 403)
_NOTHING, _TOO_MANY, _SERVER_FAULT = 0, 429, 500
_SHOWN_CHARS = 200
_HINTS = {
    "invalid_client": "check client_id and client_secret",
    "invalid_scope": "check scopes",
    "unauthorized_client": "allow the client credentials grant to this client",
    "unsupported_grant_type": "the token server has to know the client credentials grant",
    "invalid_grant": "check endpoint_params",
    "invalid_request": "check scopes and endpoint_params",
}
"""The error codes of RFC 6749, 5.2 -> what to do."""

_KNOWN_CLIENT = ("invalid_scope", "unauthorized_client", "unsupported_grant_type", "invalid_grant")
"""What a token server says to a client whose name and secret it has accepted."""


class _Unreachable(ConfigError):
    """No usable answer: it says nothing about the client, and a token that is still good stays."""


class _Known(NamedTuple):
    """What the last look gave, on the monotonic clock: when it was, when to look again, when it ends."""

    asked_s: float
    until_s: float
    ends_s: float = 0.0
    header: str = ""
    error: ConfigError | None = None


@dataclass(slots=True)
class _Entry:
    """The token of one block, and whether its server wants the client's name in the form."""

    lock: Lock = field(default_factory=Lock)
    known: _Known | None = None
    in_form: bool = False


class Tokens:
    """The tokens of all blocks; blocks that are the same share one. Any number of threads may ask.

    ``resolve`` gives a secret or raises ConfigError, ``renew`` reads one again and says whether it is
    another than before, ``clock`` gives monotonic seconds.
    """

    def __init__(
        self,
        resolve: Callable[[SecretRef], str],
        renew: Callable[[SecretRef | None], bool],
        clock: Callable[[], float],
    ) -> None:
        self._resolve = resolve
        self._renew = renew
        self._clock = clock
        self._entries: dict[OAuth2, _Entry] = {}

    def header(self, settings: OAuth2) -> str:
        """The value of the Authorization header. Raises ConfigError when there is no token."""
        entry = self._entries.setdefault(settings, _Entry())
        with entry.lock:
            known, now_s = entry.known, self._clock()
            if known is None or now_s >= known.until_s:
                known = entry.known = self._look(settings, entry, now_s)
        if known.error is not None:
            raise ConfigError("", known.error.problem, hint=known.error.hint)
        return known.header

    def renewed(self, settings: OAuth2, refused: str) -> bool:
        """Whether there is another header than this one, which a server refused.

        The token server is only asked when nobody has asked it for ``RETRY_S``.
        """
        entry = self._entries.setdefault(settings, _Entry())
        with entry.lock:
            known, now_s = entry.known, self._clock()
            if known is None or (known.header == refused and now_s >= known.asked_s + RETRY_S):
                known = entry.known = self._look(settings, entry, now_s)
        return known.header not in ("", refused)

    def _look(self, settings: OAuth2, entry: _Entry, now_s: float) -> _Known:
        last = entry.known
        try:
            return self._ask(settings, entry, now_s)
        except _Unreachable as error:
            if last is not None and now_s < last.ends_s:
                return last._replace(asked_s=now_s, until_s=min(now_s + RETRY_S, last.ends_s))
            return _Known(now_s, now_s + RETRY_S, error=error)
        except ConfigError as error:
            return _Known(now_s, now_s + RETRY_S, error=error)

    def _ask(self, settings: OAuth2, entry: _Entry, now_s: float) -> _Known:
        """A new token; a refused secret is read again once, for it may have been replaced."""
        grant = self._grant(settings, entry)
        renewed = grant.code == "invalid_client" and self._renew(settings.client_secret)
        return _known(self._grant(settings, entry) if renewed else grant, now_s)

    def _grant(self, settings: OAuth2, entry: _Entry) -> _Grant:
        """The answer to one of the two ways in which a client says who it is."""
        reference = settings.client_secret
        secret = self._resolve(reference) if reference is not None else ""
        session = Session(tls_settings(settings.tls_config))
        try:
            if entry.in_form or not secret:
                return _asked(session, settings, secret, in_form=True)
            first = _asked(session, settings, secret, in_form=False)
            if first.answer.status not in _REFUSED_CLIENT or first.code in _KNOWN_CLIENT:
                return first
            second = _asked(session, settings, secret, in_form=True)
            entry.in_form = second.answer.status in _SUCCESS
            return first if first.code == "invalid_client" and not entry.in_form else second
        finally:
            session.close()


class _Grant(NamedTuple):
    """What a token server answered, and what may not be shown of it."""

    answer: Answer
    said: dict[str, Any]
    url: str
    hidden: tuple[str, ...]

    @property
    def code(self) -> str:
        """The error code, where it is one that the RFC knows."""
        return next((code for code in _HINTS if code == self.said.get("error")), "")


def _asked(session: Session, settings: OAuth2, secret: str, *, in_form: bool) -> _Grant:
    form = {"grant_type": "client_credentials"}
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": f"pushvar/{__version__}",
    }
    if settings.scopes:
        form["scope"] = " ".join(settings.scopes)
    name = f"{quote_plus(settings.client_id)}:{quote_plus(secret)}"
    basic = b64encode(name.encode()).decode()
    if in_form:
        form |= {"client_id": settings.client_id, **({"client_secret": secret} if secret else {})}
    else:
        headers["Authorization"] = f"Basic {basic}"
    form |= dict(settings.endpoint_params)
    answer = session.send(
        "POST", settings.token_url, urlencode(form).encode(), headers,
        timeout_s=TIMEOUT_S, answer_limit=ANSWER_LIMIT,
    )  # fmt: skip
    hidden = (secret, quote_plus(secret), basic) if secret else (basic,)
    return _Grant(answer, _object(answer.text), settings.token_url.partition("?")[0], hidden)


def _object(text: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _known(grant: _Grant, now_s: float) -> _Known:
    """The token of an answer (RFC 6749, 5.1); raises ConfigError when it has none."""
    if grant.answer.status not in _SUCCESS:
        raise _refusal(grant)
    token, kind = grant.said.get("access_token"), grant.said.get("token_type", "Bearer")
    if not (isinstance(token, str) and token and token.isascii() and token.isprintable()):
        raise _Unreachable("", f"{grant.url}: the answer holds no access_token", hint="is it a token_url?")
    if not isinstance(kind, str) or kind.lower() not in ("", "bearer"):
        raise ConfigError("", f"{grant.url}: the token is no Bearer token", hint="no other type can be used")
    life_s = _life_s(grant.said.get("expires_in"))
    return _Known(now_s, now_s + life_s - min(EARLY_S, life_s / 2), now_s + life_s, f"Bearer {token}")


def _life_s(said: object) -> float:
    """``expires_in`` in seconds; some servers write the number as text."""
    try:
        life_s = float(said) if isinstance(said, int | float | str) else 0.0
    except (ValueError, OverflowError):
        life_s = 0.0
    return life_s if 0 < life_s < inf else UNSAID_TTL_S


def _refusal(grant: _Grant) -> ConfigError:
    status = grant.answer.status
    if status == _NOTHING:
        hint = "is the token server running, and is token_url right?"
        return _Unreachable("", f"{grant.url}: no token: {grant.answer.text}", hint=hint)
    if status in _REDIRECTS:
        hint = "write the URL that it leads to; redirects are not followed"
        return ConfigError("", f"{grant.url}: no token: HTTP {status}, a redirect", hint=hint)
    words = [f"HTTP {status}", grant.code, _description(grant)]
    kind = _Unreachable if status == _TOO_MANY or status >= _SERVER_FAULT else ConfigError
    problem = f"{grant.url}: no token: " + ": ".join(filter(None, words))
    return kind("", problem, hint=_HINTS.get(grant.code, ""))


def _description(grant: _Grant) -> str:
    """The token server's own words, unless it repeats what nobody may read."""
    said = grant.said.get("error_description")
    text = "".join(filter(str.isprintable, " ".join(said.split()))) if isinstance(said, str) else ""
    return "" if any(one in text for one in grant.hidden) else text[:_SHOWN_CHARS]
