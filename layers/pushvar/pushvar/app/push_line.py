"""A request to the front door in one log line: the same fields, whichever door it came by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pushvar.jobs.exchange import PushReply, PushRequest

_REFUSED, _FAILED = 400, 500
_NOTHING: tuple[object, ...] = ("", 0)


def push_line(request: PushRequest | None, reply: PushReply) -> dict[str, Any]:
    """The fields of a log line; what is empty is left out. Without a request it is one of an event."""
    line = {
        "method": request.method if request else "event",
        "target": request.target if request else "",
        "size_bytes": len(request.body) if request else 0,
        "principal": request.principal if request else "",
        "status": reply.status,
        "outcome": reply.outcome,
        "customer_id": reply.customer_id,
        "detail": reply.detail,
    }
    return {name: value for name, value in line.items() if value not in _NOTHING}


def severity(reply: PushReply) -> str:
    """The level of its line: an error is ours, a warning the caller's, what went well is not worth one."""
    if reply.status >= _FAILED:
        return "error"
    return "warning" if reply.status >= _REFUSED else "debug"
