"""Which address answers what: requests and views in, responses out. No sockets here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from pushvar.receiver.detail import not_found_page, requests_page, series_page
from pushvar.receiver.envelope import V2
from pushvar.receiver.page import home
from pushvar.receiver.queries import totals
from pushvar.receiver.rules import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.receiver.check import Checked
    from pushvar.receiver.frame import View

WRITE_PATH = "/api/v1/write"
STATUS_SCHEMA = 1
MAX_LINES = 100
_HTML, _TEXT, _JSON = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response."""

    status: int
    body: bytes = b""
    type: str = _TEXT
    headers: Mapping[str, str] = field(default_factory=dict)


def answer_write(checked: Checked) -> Answer:
    """What a strict server says to a request: nothing when it is fine, else one line per broken rule."""
    headers = {}
    if checked.version == V2:
        # Native histograms and exemplars are checked, not kept; the counts say so.
        counts = (("Samples", checked.written), ("Histograms", 0), ("Exemplars", 0))
        headers = {f"X-Prometheus-Remote-Write-{kind}-Written": str(count) for kind, count in counts}
    if checked.status == ACCEPTED:
        return Answer(checked.status, headers=headers)
    lines = [str(violation) for violation in checked.violations]
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"and {len(lines) - MAX_LINES} more"]
    return Answer(checked.status, "".join(f"{line}\n" for line in lines).encode(), headers=headers)


def _page(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), _HTML)


def _series(view: View) -> Answer:
    text = series_page(view)
    return _page(404, not_found_page(view)) if text is None else _page(200, text)


def _status(view: View) -> Answer:
    body = {"schema": STATUS_SCHEMA, **asdict(totals(view.store))}
    return Answer(200, json.dumps(body).encode() + b"\n", _JSON)


ROUTES: dict[str, Callable[[View], Answer]] = {
    "/": lambda view: _page(200, home(view)),
    "/series": _series,
    "/requests": lambda view: _page(200, requests_page(view)),
    "/-/healthy": lambda _: Answer(200, b"ok\n"),
    "/api/v1/status": _status,
}
"""Path -> what a GET of it answers."""


def not_allowed(path: str) -> Answer:
    """The response to a method that this address does not take."""
    allowed = "POST" if path == WRITE_PATH else "GET, HEAD"
    return Answer(405, f"only {allowed} here\n".encode(), headers={"Allow": allowed})


def show(path: str, view: View) -> Answer:
    """What a GET of this address answers."""
    route = ROUTES.get(path)
    return route(view) if route else _page(404, not_found_page(view))
