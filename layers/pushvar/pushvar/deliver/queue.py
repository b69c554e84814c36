"""One backend's requests, sent in order: retried while that can help and time is left.

This is the seam of the delivery engine: nothing newer is sent before what is older, and a backend
that does not answer costs its own time only. What could not be delivered is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from pushvar.errors import PushError
from pushvar.model import Delivery

_NO_TIME = "no time was left in this cycle"
_JITTER = 0.1
"""At most 10 % either way, so that every wait stays at least 0.8 of the one before."""


class Sendable(Protocol):
    """What goes out in one request: a batch of packed series, a group of a Pushgateway."""

    @property
    def samples(self) -> int:
        """How many samples arrive, or fail, with it."""


Request = TypeVar("Request", bound=Sendable)
Push = Callable[[Request, int, float], int]
"""Send a request (attempt from 0, timeout in seconds); gives the bytes on the wire or raises PushError."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on: backoff bounds, the timeout of one request, and the clock they are read on.

    ``random`` gives numbers in [0, 1). ``sleep`` waits that many seconds; when it returns much earlier,
    the run is to end and nothing is tried again.
    """

    min_backoff_s: float
    max_backoff_s: float
    timeout_s: float
    deadline_s: float
    monotonic_s: Callable[[], float]
    sleep: Callable[[float], object]
    random: Callable[[], float]


def send_in_order(
    backend: str, requests: Iterable[Request], push: Push[Request], patience: Patience
) -> Delivery:
    """Send every request or count it as failed; once time did not suffice for one, no further is tried."""
    result = Delivery(backend)
    out_of_time = False
    for request in requests:
        if out_of_time:
            result = replace(result, failed=result.failed + request.samples)
            continue
        result, out_of_time = _send(result, request, push, patience)
    return result


def _send(
    result: Delivery, request: Request, push: Push[Request], patience: Patience
) -> tuple[Delivery, bool]:
    backoff_s = patience.min_backoff_s
    attempt = 0
    before = result.error  # what a retry overcame is no error
    while True:
        left_s = patience.deadline_s - patience.monotonic_s()
        if left_s <= 0:
            failed = result.failed + request.samples
            return replace(result, failed=failed, error=result.error or _NO_TIME), True
        try:
            wire_bytes = push(request, attempt, min(patience.timeout_s, left_s))
        except PushError as error:
            result = replace(result, requests=result.requests + 1, error=str(error))
            wait_s = max(error.retry_after_s or 0.0, _jittered(backoff_s, patience.random()))
            if not error.retryable or not _waited(wait_s, patience):
                return replace(result, failed=result.failed + request.samples), error.retryable
            backoff_s = min(backoff_s * 2, patience.max_backoff_s)
            attempt += 1
            result = replace(result, retries=result.retries + 1)
        else:
            return replace(
                result,
                sent=result.sent + request.samples,
                requests=result.requests + 1,
                wire_bytes=result.wire_bytes + wire_bytes,
                error=before,
            ), False


def _waited(wait_s: float, patience: Patience) -> bool:
    """Wait, unless the deadline comes first; False when there is nothing to go on for."""
    asleep_s = patience.monotonic_s()
    if asleep_s + wait_s >= patience.deadline_s:
        return False
    patience.sleep(wait_s)
    return patience.monotonic_s() - asleep_s >= wait_s / 2


def _jittered(wait_s: float, random: float) -> float:
    return wait_s * (1 - _JITTER + 2 * _JITTER * random)
