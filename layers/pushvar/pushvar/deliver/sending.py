"""One batch on its way: retried while that can help, halved where one bad series must not cost the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.deliver.queue import NO_TIME
from pushvar.deliver.verdicts import UNAUTHORIZED, verdict_of
from pushvar.errors import EncodeError, PushError
from pushvar.model import Batch
from pushvar.wire.remote_write.packed import labels_of, series_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pushvar.deliver.patience import Patience
    from pushvar.deliver.queue import Push
    from pushvar.deliver.tally import Tally

LEAST_S = 0.05
"""With less time than this no request is begun: it would be taken, cut off and sent again."""

HALVINGS = 64
"""Requests that a lane spends in a cycle, at most, on finding the series that a backend refuses."""

REFUSALS = 16
"""So many refusals on end mean all series, not some: one among 32,000 is found with fewer."""


@dataclass(slots=True)
class Sender:
    """Sends the batches of one lane, one after the other, and counts in ``tally`` what became of them.

    ``limited`` says that a 429 is a limit, ``probing`` that the backend was down: then the first request
    is tried only once. ``blocked`` is the error after which nothing newer may be sent. ``renewed`` fetches
    the credentials anew and says whether they changed.
    """

    push: Push[Batch]
    tally: Tally
    renewed: Callable[[], bool] = lambda: False
    limited: bool = False
    probing: bool = False
    blocked: PushError | None = None
    halvings: int = HALVINGS
    refusals: int = 0
    progress: bool = False

    def send(self, batch: Batch, patience: Patience) -> Generator[float, bool, list[Batch]]:
        """Send a batch; gives what is left of it, in order, when the backend is blocked."""
        pieces = [batch]
        while pieces:
            piece = pieces[-1]
            error = yield from self._attempts(piece, patience)
            if error is None:
                self.tally.sent += piece.samples
                self.progress, self.refusals = True, 0
                pieces.pop()
                continue
            verdict = verdict_of(error, limited=self.limited)
            if verdict is None:
                self.blocked = error
                return pieces[::-1]
            pieces.pop()
            self.refusals += 1
            halves = self._halves(piece) if verdict.halved else []
            pieces += halves
            if not halves:
                self.tally.give_up(verdict.reason, piece.samples, f"{_named(piece)}: {error}")
        return []

    def _attempts(self, piece: Batch, patience: Patience) -> Generator[float, bool, PushError | None]:
        """Send one request until it is taken, refused for good, or time is over; gives the last error."""
        before, attempt = self.tally.error, 0  # what a retry overcame is no error
        last: PushError | None = None
        while True:
            if patience.left_s < LEAST_S:
                self.tally.error = self.tally.error or NO_TIME
                return last or PushError(NO_TIME, retryable=True)
            error = last = self._pushed(piece, attempt, patience.request_s(overrun=not self.probing))
            if error is None:
                self.tally.error, self.probing = before, False
                return None
            once_more = error.status in UNAUTHORIZED and not attempt and self.renewed()
            if not once_more:
                if self.probing or verdict_of(error, limited=self.limited) is not None:
                    return error
                if not (yield max(error.retry_after_s or 0.0, patience.backoff_s(attempt))):
                    return error
            attempt += 1
            self.tally.retries += 1

    def _pushed(self, piece: Batch, attempt: int, timeout_s: float) -> PushError | None:
        try:
            wire_bytes = self.push(piece, attempt, timeout_s)
        except EncodeError as error:  # nobody was asked
            refusal = PushError(str(error))
            self.tally.error = str(refusal)
            return refusal
        except PushError as error:
            self.tally.requests += 1
            self.tally.error = str(error)
            return error
        self.tally.requests += 1
        self.tally.wire_bytes += wire_bytes
        return None

    def _halves(self, piece: Batch) -> list[Batch]:
        """The second and the first half of a batch; nothing when it is one series, or enough were sent."""
        if piece.samples < 2 or not self.halvings or self.refusals >= REFUSALS:  # noqa: PLR2004 - two halves
            return []
        self.halvings -= 1
        series = series_of(b"".join(piece.parts))
        middle = len(series) // 2
        return [_batch(series[middle:]), _batch(series[:middle])]


def _batch(series: list[bytes]) -> Batch:
    return Batch((b"".join(series),), len(series), sum(map(len, series)), (None,))


def _named(piece: Batch) -> str:
    """A batch in words: its first series, and how many more there are."""
    first = dict(labels_of(series_of(b"".join(piece.parts))[0]))
    name = first.pop("__name__", "")
    shown = f"{name}{{{', '.join(f'{key}={value!r}' for key, value in first.items())}}}"
    return shown if piece.samples == 1 else f"{shown} and {piece.samples - 1} more"
