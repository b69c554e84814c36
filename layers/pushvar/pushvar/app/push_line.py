"""A request to the front door in one log line: the same fields, whichever door it came by."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushvar.app.correlation import Correlation, correlation_of
from pushvar.app.log_lines import is_kept, write_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools import Logger, Metrics

    from pushvar.jobs.exchange import PushReply, PushRequest

_REFUSED, _FAILED = 400, 500
_TAKEN = ("stored", "deleted")
_NOTHING: tuple[object, ...] = ("", 0)


def push_line(request: PushRequest | None, reply: PushReply) -> dict[str, Any]:
    """The fields of a log line; what is empty is left out. Without a request it is one of an event.

    ``correlation_id`` is the request's trace, or its own id where it belongs to none.
    """
    names = correlation_of(request.headers) if request else Correlation()
    line = {
        "correlation_id": names.name,
        "trace_id": names.trace_id,
        "request_id": names.request_id,
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


@dataclass(frozen=True, slots=True)
class PushJournal:
    """Writes the lines and metrics of the gateway; ``environment`` holds the share of quiet lines."""

    logger: Logger
    metrics: Metrics
    environment: Mapping[str, str]

    def tell(self, request: PushRequest | None, reply: PushReply, correlation: str) -> None:
        """Write a line and count by outcome; of what was taken a share, of what was only shown none.

        ``correlation`` is what a request is called that names itself nowhere.
        """
        self.metrics.add_dimension(name="outcome", value=reply.outcome or "none")
        line = {"correlation_id": correlation} | push_line(request, reply)
        level = logging.getLevelNamesMapping()[severity(reply).upper()]
        if reply.outcome in _TAKEN and is_kept(self.environment, line["correlation_id"]):
            level = max(level, logging.INFO)
        write_line(self.logger, level, "push", line)
