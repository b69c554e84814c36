"""Where what is said of jobs goes: into a group of a gateway, or straight to a remote-write backend."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Protocol

from pushvar.config import web
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.app.world import World
    from pushvar.jobs.run import Declared
    from pushvar.jobs.transport import Said
    from pushvar.net.session import Answer

URL = "PUSHVAR_PUSH_URL"
"""The variable that says where pushes go when nothing else does."""

_ANSWER_BYTES = 4_096
_GROUPS_BYTES = 64 * 1024 * 1024
_USER_HINT = "set PUSHVAR_PUSH_USERNAME and PUSHVAR_PUSH_PASSWORD"


@dataclass(frozen=True, slots=True)
class Where:
    """The URL of a gateway or Pushgateway, or that of a backend's remote write."""

    url: str
    remote_write: bool = False

    @property
    def shown(self) -> str:
        """The URL without its query: keys stand in queries."""
        return self.url.partition("?")[0]


def where_of(to: str | None, remote_write: str | None, environment: Mapping[str, str]) -> Where:
    """Where the options or the environment say. Raises ConfigError when they say nothing usable."""
    option, url, check = "--to", to or environment.get(URL) or "", web.gateway_url
    if remote_write:
        option, url, check = "--remote-write", remote_write, web.backend_url
    elif not url:
        raise ConfigError("", "no gateway is named", hint=f"give its URL (--to), or set {URL}")
    elif not to:
        option = URL
    try:
        return Where(check(url), remote_write=bool(remote_write))
    except ConfigError as error:
        raise ConfigError(option, error.problem, hint=_USER_HINT if "@" in url else error.hint) from None


class Door:
    """The network, with credentials: one backend, for one thread at a time.

    ``until_s`` is the moment on the monotonic clock by which all requests have to be over.
    """

    def __init__(self, where: Where, world: World, until_s: Callable[[], float] = lambda: inf) -> None:
        # loaded here and not above: the command of a job has started by now
        from pushvar.app.jobs_credentials import JobCredentials
        from pushvar.net.session import Session
        from pushvar.net.tls import TlsSettings

        self.where = where
        self._world = world
        self._session = Session(TlsSettings(), until_s)
        self._credentials = JobCredentials(world)

    def send(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        timeout_s: float,
        answer_limit: int = _ANSWER_BYTES,
    ) -> Answer:
        """One request. Raises ConfigError for credentials that are not there."""
        shown = self._credentials.headers(method, url, headers, body)
        return self._session.send(method, url, body, shown, timeout_s=timeout_s, answer_limit=answer_limit)

    def now_s(self) -> float:
        """The time of the clock on the wall."""
        return self._world.now_ms() / 1000

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


class Destination(Protocol):
    """What takes what is said of one job."""

    def push(self, said: Said, attempt: int, timeout_s: float) -> int:
        """Send it and give the bytes. Raises PushError, ConfigError, EncodeError."""

    def close(self) -> None:
        """Close the connections."""


def destination(declared: Declared, door: Door) -> Destination:
    """The one behind a door."""
    return _RemoteWrite(declared, door) if door.where.remote_write else _Group(declared, door)


class _Group:
    """A group of a gateway: what is pushed replaces metrics of the same names, the others stay."""

    def __init__(self, declared: Declared, door: Door) -> None:
        self._gateway = Gateway(door)
        self._declared = declared

    def push(self, said: Said, _attempt: int, timeout_s: float) -> int:
        body = said.as_text()
        self._gateway.push("POST", self._declared, body, timeout_s)
        return len(body)

    def close(self) -> None:
        self._gateway.close()


class _RemoteWrite:
    """Samples of their own time in a database, as remote write 1.0."""

    def __init__(self, declared: Declared, door: Door) -> None:
        from pushvar.deliver.sinks.remote_write import RemoteWriteSink

        self._grouping = declared.grouping
        self._door = door
        self._sink = RemoteWriteSink(
            door.where.url,
            lambda url, body, headers, timeout_s: door.send("POST", url, body, headers, timeout_s),
            dict,
            door.now_s,
        )

    def push(self, said: Said, attempt: int, timeout_s: float) -> int:
        return self._sink.push(said.as_batch(self._grouping), attempt, timeout_s)

    def close(self) -> None:
        self._door.close()


class Gateway:
    """The API of a Pushgateway, for groups of any labels."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def push(self, method: str, declared: Declared, body: bytes, timeout_s: float) -> str:
        """PUT or POST text to the job's group, with how long it is to live; gives what the gateway said."""
        from pushvar.jobs.lifetime import TTL_HEADER
        from pushvar.wire.exposition.text import CONTENT_TYPE

        headers = {"Content-Type": CONTENT_TYPE}
        if declared.ttl:
            headers[TTL_HEADER] = str(declared.ttl)
        return self._ask(method, self.address(declared), body, headers, timeout_s)

    def delete(self, declared: Declared, timeout_s: float) -> str:
        """Remove the job's group; gives what the gateway said."""
        return self._ask("DELETE", self.address(declared), b"", {}, timeout_s)

    def groups(self, timeout_s: float) -> str:
        """All groups, as the JSON of ``/api/v1/metrics``."""
        from pushvar.deliver.sinks.pushgateway import groups_url

        return self._ask("GET", groups_url(self._door.where.url), b"", {}, timeout_s, _GROUPS_BYTES)

    def address(self, declared: Declared) -> str:
        """The URL of the job's group."""
        from pushvar.deliver.sinks.pushgateway import grouping_url

        return grouping_url(self._door.where.url, (("job", declared.name), *sorted(declared.labels)))

    def close(self) -> None:
        """Close the connections."""
        self._door.close()

    def _ask(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout_s: float,
        limit: int = _ANSWER_BYTES,
    ) -> str:
        """The answer's text. Raises PushError for an answer that is no success."""
        from pushvar.deliver.sinks import _http
        from pushvar.deliver.sinks.pushgateway import refusal

        answer = self._door.send(method, url, body, _http.headers({}, headers, ()), timeout_s, limit)
        if answer.status not in _http.SUCCESS:
            raise refusal(url, answer, self._door.now_s())
        return f"{answer.status} {answer.text}".strip() if limit == _ANSWER_BYTES else answer.text
