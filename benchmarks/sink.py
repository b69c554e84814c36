"""A remote-write receiver that answers 204 to whatever it gets, and keeps it only while it is told to.

``python -m benchmarks.sink``: POST /write, and /write2 for 2.0, whose answer says that a million samples
were written, as it must say something and does not count them; PUT /recording begins to keep bodies,
GET /recording gives those kept, each behind its length in four bytes, and ends it. After PUT /outage it
answers 503, until DELETE /outage.
"""

from __future__ import annotations

from benchmarks.http_server import NO_CONTENT, NOT_FOUND, UNAVAILABLE, serve, with_body

_WRITTEN = NO_CONTENT.replace(b"Date:", b"X-Prometheus-Remote-Write-Samples-Written: 1000000\r\nDate:")


class Sink:
    """The receiver's memory."""

    def __init__(self) -> None:
        self._kept: list[bytes] | None = None
        self._away = False

    def answer(self, method: str, path: str, body: bytes) -> bytes:
        """One request."""
        match method, path:
            case "POST", "/write" | "/write2" if self._away:
                return UNAVAILABLE
            case "POST", "/write" | "/write2":
                if self._kept is not None:
                    self._kept.append(body)
                return NO_CONTENT if path == "/write" else _WRITTEN
            case "PUT", "/recording":
                self._kept = []
                return NO_CONTENT
            case "GET", "/recording":
                kept, self._kept = self._kept or [], None
                return with_body(b"".join(len(body).to_bytes(4) + body for body in kept))
            case (("PUT" | "DELETE"), "/outage"):
                self._away = method == "PUT"
                return NO_CONTENT
        return NOT_FOUND


if __name__ == "__main__":
    serve([Sink().answer])
