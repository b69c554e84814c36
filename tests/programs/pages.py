"""An HTTP server of pages that a test writes down: path -> status, headers and body."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT, JSON = "text/plain; version=0.0.4; charset=utf-8", "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """One answer; a path may have several, which come in turn, and the last one from then on."""

    body: str = ""
    kind: str = TEXT
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Pages:
    """``url`` has no slash at its end; ``shown`` may be changed while it runs."""

    url: str
    shown: dict[str, list[Page]] = field(default_factory=dict)

    def show(self, path: str, *pages: Page) -> str:
        """Show these at a path, and give its URL."""
        self.shown[path] = list(pages)
        return self.url + path


@contextmanager
def pages() -> Iterator[Pages]:
    """Serve on a free port."""
    served = Pages("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            waiting = served.shown.get(self.path, [Page("not here\n", status=404)])
            page = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            body = page.body.encode()
            self.send_response(page.status)
            for name, value in (
                ("Content-Type", page.kind),
                ("Content-Length", str(len(body))),
                *page.headers,
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_address[1]}"
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield served
        finally:
            server.shutdown()
