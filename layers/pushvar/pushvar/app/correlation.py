"""By which names a request to the front door is found again: its trace, and the request's own id.

Both come from outside, so they are bounded and hold nothing but visible ASCII before they reach a log or
go back in a header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_ID = "x-request-id"
AWS_REQUEST_ID = "x-amzn-requestid"
"""What Lambda calls the request; the door writes it itself, so no caller can."""

MOST_CHARACTERS = 128

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)
_ROOT = re.compile(r"(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")
_HIDDEN = re.compile(r"[^!-~]+")


@dataclass(frozen=True, slots=True)
class Correlation:
    """The trace that a request belongs to, and the request's own id; empty where it names none."""

    trace_id: str = ""
    request_id: str = ""

    @property
    def name(self) -> str:
        """What joins the lines of one matter: the trace, or the request alone."""
        return self.trace_id or self.request_id


def correlation_of(headers: Mapping[str, str]) -> Correlation:
    """What the headers (names in lower case) say.

    The caller's own trace (``traceparent``) goes before the one that AWS began for it (``X-Amzn-Trace-Id``).
    Sources: W3C Trace Context, "traceparent Header"; X-Ray's guide, "Tracing header".
    """
    parent = _TRACEPARENT.fullmatch(headers.get("traceparent", "").strip())
    root = _ROOT.search(headers.get("x-amzn-trace-id", ""))
    trace_id = parent[1] if parent else root[1] if root else ""
    given = (_visible(headers.get(name, "")) for name in (REQUEST_ID, AWS_REQUEST_ID))
    return Correlation(trace_id, next(filter(None, given), ""))


def _visible(text: str) -> str:
    return _HIDDEN.sub("", text[: 2 * MOST_CHARACTERS])[:MOST_CHARACTERS]
