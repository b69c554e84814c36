"""The targets in Python, where there is no Go: the same documents, the same head, the same single chunk.

``python -m benchmarks.python_targets DOCUMENTS COUNT STEP``; see ``go_targets/main.go``.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from benchmarks.http_server import NO_CONTENT, NOT_FOUND, serve

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
    b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_GENERATION = "/generation/"


class Targets:
    """Answers for every target; the generation is common to all."""

    def __init__(self, documents: list[bytes], step: int) -> None:
        self._answers = [_HEAD + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) for body in documents]
        self._step = step
        self._generation = 0

    def answer(self, target: int, method: str, path: str, _: bytes) -> bytes:
        """What target number ``target`` says."""
        if (method, path) == ("GET", "/debug/vars"):
            return self._answers[(target * self._step + self._generation) % len(self._answers)]
        if method == "PUT" and path.startswith(_GENERATION):
            self._generation = int(path.removeprefix(_GENERATION))
            return NO_CONTENT
        return NOT_FOUND


def main(documents: str, count: str, step: str) -> None:
    """Serve until standard input ends."""
    bodies = Path(documents).read_bytes().removesuffix(b"\0").split(b"\0")
    targets = Targets(bodies, int(step))
    serve([partial(targets.answer, target) for target in range(int(count))])


if __name__ == "__main__":
    main(*sys.argv[1:])
