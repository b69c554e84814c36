"""Requests that do not depend on each other, one after the other: metadata.

Each is retried while that can help and time is left. Once time did not suffice for one, none behind it is
tried: a backend that does not answer costs its own time only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeVar

from pushvar.deliver.tally import Tally
from pushvar.deliver.verdicts import verdict_of
from pushvar.errors import PushError

if TYPE_CHECKING:
    from pushvar.deliver.patience import Patience
    from pushvar.model import Delivery

NO_TIME = "no time was left in this cycle"


class Sendable(Protocol):
    """What goes out in one request: a batch of packed series, a group of a Pushgateway."""

    @property
    def samples(self) -> int:
        """How many samples arrive, or fail, with it."""


Request = TypeVar("Request", bound=Sendable)
Push = Callable[[Request, int, float], int]
"""Send a request (attempt from 0, timeout in seconds); gives the bytes on the wire or raises PushError."""


def send_in_order(
    backend: str, requests: Iterable[Request], push: Push[Request], patience: Patience
) -> tuple[Delivery, list[Request]]:
    """Send every request, or count it as dropped when it is refused; gives those that had no time too."""
    tally = Tally(backend)
    rest = iter(requests)
    for request in rest:
        error = _send(request, push, patience, tally)
        if error is None:
            tally.sent += request.samples
            continue
        tally.error = str(error)
        verdict = verdict_of(error)
        if verdict is None:
            return tally.delivery(), [request, *rest]
        tally.give_up(verdict.reason, request.samples, str(error))
    return tally.delivery(), []


def _send(request: Request, push: Push[Request], patience: Patience, tally: Tally) -> PushError | None:
    """Send one until it is taken, refused for good, or time is over; gives the last error."""
    attempt, last = 0, PushError(NO_TIME, retryable=True)
    while patience.left_s > 0:
        tally.requests += 1
        try:
            tally.wire_bytes += push(request, attempt, min(patience.timeout_s, patience.left_s))
        except PushError as error:
            last = error
            wait_s = max(error.retry_after_s or 0.0, patience.backoff_s(attempt))
            if not error.retryable or not patience.wait_until(patience.monotonic_s() + wait_s):
                return error
        else:
            return None
        attempt += 1
        tally.retries += 1
    return last
