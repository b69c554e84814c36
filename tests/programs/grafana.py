"""A server that answers as Grafana's HTTP API is documented, for as much of it as posting dashboards needs.

There is no Grafana among the components. This one keeps what the documentation says: the list of folders is a
list; a dashboard posted without a folder lies in the root folder, wherever it was before; a uid, or a title
within a folder, that is there already is 412 unless ``overwrite`` says otherwise; a folder that is not there
is 404, no token or a wrong one 401. A dashboard that came by provisioning may not be replaced.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.programs import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer = tuple[int, Any]


@dataclass(slots=True)
class Stored:
    """A dashboard and where it lies; "" is the root folder."""

    dashboard: dict[str, Any]
    folder: str
    version: int = 1
    provisioned: bool = False


@dataclass(slots=True)
class Grafana:
    """``folders`` are titles by uid, ``stored`` dashboards by uid; ``mover`` puts everything there again."""

    port: int
    token: str = "glsa_good"
    folders: dict[str, str] = field(default_factory=dict)
    stored: dict[str, Stored] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    mover: str | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, authorization: str, body: Any) -> Answer:
        """Status and document of one request."""
        if authorization != f"Bearer {self.token}":
            return 401, {"message": "Invalid API key", "statusCode": 401}
        if (method, path) == ("GET", "/api/folders"):
            return 200, [{"id": 7, "uid": uid, "title": title} for uid, title in self.folders.items()]
        if (method, path) == ("POST", "/api/folders"):
            uid = f"f{len(self.folders)}"
            self.folders[uid] = body["title"]
            return 200, {"id": 8, "uid": uid, "title": body["title"]}
        if (method, path) == ("POST", "/api/dashboards/db"):
            return self._post(body)
        if method == "GET" and path.startswith("/api/dashboards/uid/"):
            return self._read(path.rpartition("/")[2])
        return 404, {"message": "Not found"}

    def _post(self, body: dict[str, Any]) -> Answer:
        self.bodies.append(body)
        dashboard, folder = body["dashboard"], body.get("folderUid", "")
        if folder and folder not in self.folders:
            return 404, {"message": "folder not found", "status": "not-found"}
        uid, title = dashboard["uid"], dashboard["title"]
        before = self.stored.get(uid)
        if before is not None and before.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        if before is not None and not body.get("overwrite"):
            return 412, {
                "message": "The dashboard has been changed by someone else",
                "status": "version-mismatch",
            }
        others = [one for key, one in self.stored.items() if key != uid and one.folder == folder]
        if any(one.dashboard["title"] == title for one in others):
            return 412, {"message": "A dashboard with the same name in the folder already exists"}
        version = before.version + 1 if before is not None else 1
        self.stored[uid] = Stored(dashboard, folder if self.mover is None else self.mover, version)
        slug = title.lower().replace(" ", "-")
        return 200, {"id": 3, "uid": uid, "url": f"/d/{uid}/{slug}", "status": "success", "version": version}

    def _read(self, uid: str) -> Answer:
        found = self.stored.get(uid)
        if found is None:
            return 404, {"message": "Dashboard not found"}
        return 200, {
            "dashboard": found.dashboard,
            "meta": {"folderUid": found.folder, "version": found.version},
        }


@contextmanager
def grafana() -> Iterator[Grafana]:
    """Run one on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET", None)

        def do_POST(self) -> None:
            self._answer("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, method: str, body: Any) -> None:
            path = urlsplit(self.path).path
            status, document = made.answer(method, path, self.headers.get("Authorization", ""), body)
            sent = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    made = Grafana(server.server_address[1])
    with loopback.served(server):
        yield made
