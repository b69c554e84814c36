"""Subsegments of X-Ray: where an invocation's time went, told to the daemon that Lambda runs beside it.

Loaded only when tracing is on. The SDK for it would be a second package to ship, gets security fixes only
since February 2026 and none from February 2027, and imports for a quarter of a second; the document that it
would send is a line of JSON over UDP. Sources: X-Ray's guide, "Segment documents" and "Sending trace
data" (the daemon's header), Lambda's, "Defined runtime environment variables".
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DAEMON: Final = "AWS_XRAY_DAEMON_ADDRESS"
TRACE: Final = "_X_AMZN_TRACE_ID"
"""What the runtime sets anew for each invocation: ``Root=...;Parent=...;Sampled=1``."""

_HEADER: Final = b'{"format": "json", "version": 1}\n'
_NOT_IN_A_NAME: Final = re.compile(r"[^\w\s.:/%&#=+\\@-]")
_NAME_LENGTH: Final = 200
_WORDS_LENGTH: Final = 500


class _Trace(NamedTuple):
    """The invocation's trace, and the segment that Lambda made for it."""

    root: str
    parent: str


class XRay:
    """Sends a subsegment for each span of a sampled invocation; ``environment`` is the process' own.

    A span that begins while another is open lies inside it, also when another thread begins it: then the
    one that is open waits for it. Nothing that goes wrong with the daemon is anybody else's matter.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._open: list[str] = []
        self._thread = 0
        self._root = ""

    @contextmanager
    def span(self, name: str, **notes: str | float) -> Iterator[dict[str, str | float]]:
        """Time what is inside. The notes become annotations; inside more can be added.

        A note ``error``, or an exception, which passes through, makes the span a fault.
        """
        trace = _trace_of(self._environment.get(TRACE, ""))
        if trace is None:
            yield notes
            return
        identifier, parent = secrets.token_hex(8), self._parent(trace)
        mine = not self._open or self._thread == threading.get_ident()
        if mine:
            self._thread = threading.get_ident()
            self._open.append(identifier)
        document: dict[str, Any] = {
            "name": _NOT_IN_A_NAME.sub("_", name)[:_NAME_LENGTH], "id": identifier, "type": "subsegment",
            "trace_id": trace.root, "parent_id": parent, "start_time": time.time(),
        }  # fmt: skip
        try:
            yield notes
        except BaseException as error:
            document["cause"] = {"exceptions": [_exception(error)]}
            raise
        finally:
            if identifier in self._open:
                self._open.remove(identifier)
            self._send(document | _ending(document, notes))

    def _parent(self, trace: _Trace) -> str:
        if trace.root != self._root:  # whatever an earlier invocation left open
            self._root, self._open = trace.root, []
        return self._open[-1] if self._open else trace.parent

    def _send(self, document: Mapping[str, Any]) -> None:
        host, _, port = self._environment.get(DAEMON, "").rpartition(":")
        with suppress(OSError, ValueError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            sending.sendto(_HEADER + json.dumps(document).encode(), (host, int(port)))


def _trace_of(text: str) -> _Trace | None:
    """The trace in a tracing header; None where it is not sampled."""
    fields = dict(part.strip().partition("=")[::2] for part in text.split(";"))
    if fields.get("Sampled") != "1" or not fields.get("Root") or not fields.get("Parent"):
        return None
    return _Trace(fields["Root"], fields["Parent"])


def _ending(document: Mapping[str, Any], notes: Mapping[str, str | float]) -> dict[str, Any]:
    short = {name: one[:_WORDS_LENGTH] if isinstance(one, str) else one for name, one in notes.items()}
    fault = {"fault": True} if "cause" in document or notes.get("error") else {}
    return {"end_time": time.time(), "annotations": short, **fault}


def _exception(error: BaseException) -> dict[str, str]:
    words = " ".join(str(error).split())[:_WORDS_LENGTH]
    return {"id": secrets.token_hex(8), "type": type(error).__name__, "message": words}
