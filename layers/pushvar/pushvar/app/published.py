"""Dashboards posted to Grafana: into a folder that is named by its title, and read back when asked for.

As Grafana's HTTP API is documented ("Folder API", "Dashboard API"): ``GET /api/folders`` returns a list,
``folderUid`` stands beside the dashboard, and one that is posted without it moves to the root folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from pushvar.config import grammar
from pushvar.errors import ConfigError, PushError
from pushvar.net.secrets import Secrets
from pushvar.net.session import Session
from pushvar.net.tls import TlsSettings

if TYPE_CHECKING:
    from pushvar.app.world import World

TOKEN = "PUSHVAR_GRAFANA_TOKEN"  # noqa: S105 - a name
"""The variable that holds the token of a service account, or a reference to where it is."""

_TIMEOUT_S = 30.0
_ANSWER_LIMIT = 8_000_000  # bytes: a dashboard is read back as a whole
_MOST_FOLDERS = 1000  # that one answer holds
_MESSAGE = "pushvar kit dashboards"
_REFERENCES = ("env:", "file:", "ssm:", "secretsmanager:")

_HINTS = {
    0: "is the address right, and does Grafana run?",
    **dict.fromkeys((301, 302, 303, 307, 308), "give the address that it redirects to"),
    HTTPStatus.UNAUTHORIZED: f"{TOKEN} has to hold the token of a service account",
    HTTPStatus.FORBIDDEN: "the service account needs the role Editor, and access to the folder",
    HTTPStatus.NOT_FOUND: "is the URL that of Grafana itself, with its sub-path if it has one?",
    HTTPStatus.PRECONDITION_FAILED: "something of that name or uid is there and may not be replaced: a"
    " provisioned dashboard has to be changed in its file",
}
"""Status -> what to do; 0 is no answer."""


@dataclass(frozen=True, slots=True)
class Published:
    """A dashboard that Grafana took: where it is seen, and its version there."""

    name: str
    url: str
    version: int


class Grafana:
    """One Grafana. Raises ConfigError for an address or a token that cannot be used."""

    def __init__(self, url: str, world: World) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ConfigError("--push", f"{url} is no address of a Grafana", hint="write https://HOST")
        if parts.username or parts.password:
            raise ConfigError("--push", "credentials may not stand in the address", hint=f"set {TOKEN}")
        self._url = url.rstrip("/")
        self._token = _token(world)
        self._session = Session(TlsSettings(), world.until_s)

    def folder(self, title: str, *, create: bool) -> str:
        """The uid of the folder with that title. Raises ConfigError when there is none, or several."""
        listed = self._ask("GET", f"/api/folders?limit={_MOST_FOLDERS}")
        if not isinstance(listed, list):
            raise PushError(f"{self._url}/api/folders: not a list of folders", hint=_HINTS[404])
        found = [str(one["uid"]) for one in listed if isinstance(one, dict) and one.get("title") == title]
        if len(found) > 1:
            raise ConfigError(
                "--folder", f"{len(found)} folders are called {title}", hint="rename one of them"
            )
        if found:
            return found[0]
        if not create:
            there = ", ".join(sorted(str(one.get("title")) for one in listed if isinstance(one, dict)))
            raise ConfigError("--folder", f"there is no folder {title} among: {there or 'none'}",
                              hint="--create-folder makes it")  # fmt: skip
        return str(_field(self._ask("POST", "/api/folders", {"title": title}), "uid", "/api/folders"))

    def post(self, name: str, dashboard: dict[str, Any], folder_uid: str) -> Published:
        """Post a dashboard, in place of the one with its uid; "" is the root folder. Raises PushError."""
        body = {"dashboard": dashboard, "overwrite": True, "message": _MESSAGE, "folderUid": folder_uid}
        answer = self._ask("POST", "/api/dashboards/db", body)
        path, version = (_field(answer, key, "/api/dashboards/db") for key in ("url", "version"))
        root = urlsplit(self._url)
        return Published(name, f"{root.scheme}://{root.netloc}{path}", int(version))

    def verify(self, name: str, uid: str, folder_uid: str) -> None:
        """Read a dashboard back. Raises PushError when it does not lie in that folder."""
        answer = self._ask("GET", f"/api/dashboards/uid/{quote(uid, safe='')}")
        meta = answer.get("meta") if isinstance(answer, dict) else None
        found = meta.get("folderUid", "") if isinstance(meta, dict) else None
        if found != folder_uid:
            raise PushError(
                f"{name} lies in folder {found or 'root'} and not in {folder_uid or 'root'}",
                hint="somebody or something else moves it: look for a provisioned one with the same uid",
            )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self._token}"}
        sent = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = self._url + path
        answer = self._session.send(
            method, url, sent, headers, timeout_s=_TIMEOUT_S, answer_limit=_ANSWER_LIMIT
        )
        if answer.status != HTTPStatus.OK:
            raise _refused(method, url, answer.status, answer.text)
        try:
            return json.loads(answer.text)
        except ValueError:
            raise PushError(f"{method} {url}: the answer is no JSON", hint=_HINTS[404]) from None


def _token(world: World) -> str:
    """The token, as it is or from where the variable says it is kept."""
    value = world.environment.get(TOKEN, "")
    if not value:
        raise ConfigError(
            TOKEN, "is not set", hint="create a service account in Grafana and export its token"
        )
    if not value.startswith(_REFERENCES):
        return value
    try:
        return Secrets(world.environment, world.read_file, world.monotonic_s).resolve(grammar.secret(value))
    except ConfigError as error:
        raise ConfigError(TOKEN, error.problem, hint=error.hint) from None


def _refused(method: str, url: str, status: int, text: str) -> PushError:
    """What Grafana says, in its own words where it has some."""
    try:
        said = json.loads(text)["message"]
    except (ValueError, TypeError, KeyError):
        said = " ".join(text.split())[:200] or "no answer"
    problem = f"{status} {said}" if status else str(said)
    return PushError(f"{method} {url}: {problem}", status=status, hint=_HINTS.get(status, ""))


def _field(answer: Any, key: str, path: str) -> Any:
    if not isinstance(answer, dict) or key not in answer:
        raise PushError(f"{path}: the answer has no {key}", hint=_HINTS[404])
    return answer[key]
