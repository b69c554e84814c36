"""One backend's batches, sent in order: retried while that can help and time is left.

This is the seam of the delivery engine: nothing newer is sent before what is older, and a backend
that does not answer costs its own time only. What could not be delivered is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pushvar.errors import PushError
from pushvar.model import Batch, Delivery

_JITTER = 0.1
"""At most 10 % either way, so that every wait stays at least 0.8 of the one before."""

Push = Callable[[Batch, int, float], int]
"""Send a batch (attempt from 0, timeout in seconds); gives the bytes on the wire or raises PushError."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on: backoff bounds, the timeout of one request, and the clock they are read on.

    ``random`` gives numbers in [0, 1), ``sleep`` waits that many seconds.
    """

    min_backoff_s: float
    max_backoff_s: float
    timeout_s: float
    deadline_s: float
    monotonic_s: Callable[[], float]
    sleep: Callable[[float], object]
    random: Callable[[], float]


def send_in_order(backend: str, batches: Iterable[Batch], push: Push, patience: Patience) -> Delivery:
    """Send every batch or count it as failed; once time did not suffice for one, no further is tried."""
    result = Delivery(backend)
    out_of_time = False
    for batch in batches:
        if out_of_time:
            result = replace(result, failed=result.failed + batch.samples)
            continue
        result, out_of_time = _send(result, batch, push, patience)
    return result


def _send(result: Delivery, batch: Batch, push: Push, patience: Patience) -> tuple[Delivery, bool]:
    backoff_s = patience.min_backoff_s
    attempt = 0
    while True:
        left_s = patience.deadline_s - patience.monotonic_s()
        try:
            wire_bytes = push(batch, attempt, min(patience.timeout_s, max(left_s, 0.001)))
        except PushError as error:
            result = replace(result, requests=result.requests + 1, error=str(error))
            wait_s = max(error.retry_after_s or 0.0, _jittered(backoff_s, patience.random()))
            late = patience.monotonic_s() + wait_s >= patience.deadline_s
            if not error.retryable or late:
                return replace(result, failed=result.failed + batch.samples), error.retryable
            patience.sleep(wait_s)
            backoff_s = min(backoff_s * 2, patience.max_backoff_s)
            attempt += 1
            result = replace(result, retries=result.retries + 1)
        else:
            return replace(
                result,
                sent=result.sent + batch.samples,
                requests=result.requests + 1,
                wire_bytes=result.wire_bytes + wire_bytes,
            ), False


def _jittered(wait_s: float, random: float) -> float:
    return wait_s * (1 - _JITTER + 2 * _JITTER * random)
