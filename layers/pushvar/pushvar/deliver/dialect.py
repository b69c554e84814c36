"""Which remote-write version a backend is spoken to in, and what was learnt of it. No I/O of its own.

``auto`` tries 2.0 and goes back to 1.0, with the same samples and timestamps, when the receiver does not
know it: on 415, on 400 to the first request ever, and on a success that counts nothing as written (a 1.0
receiver that does not look at the content type finds an empty message, says 204 and stores nothing).

Source: remote-write 2.0 specification, "Content Negotiation" and "Required Written Response Headers".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pushvar.errors import PushError
from pushvar.model import Batch

V1_MESSAGE = "prometheus.WriteRequest"
V2_MESSAGE = "io.prometheus.write.v2.Request"
AUTO = "auto"

DAY_MS = 86_400_000
"""How long what was learnt holds: a receiver that was upgraded is noticed after that."""

_BAD_REQUEST, _UNSUPPORTED = 400, 415


class Dialect(StrEnum):
    """A version of remote write."""

    V1 = "1.0"
    V2 = "2.0"


@dataclass(frozen=True, slots=True)
class Written:
    """What a backend took: bytes on the wire, and how many samples it says it stored.

    ``counted`` says whether the answer had any of the ``*-Written`` headers; ``samples`` is None where it
    gives no number, and always for 1.0.
    """

    wire_bytes: int
    samples: int | None = None
    counted: bool = False


PushAs = Callable[[Dialect, Batch, int, float], Written]
"""Send a batch in one version (attempt from 0, timeout in seconds); raises PushError."""


class Negotiation:
    """Pushes the batches of one lane in the version that the configuration wants or the backend knows.

    ``message`` is the configured ``protobuf_message``; ``remembered`` is what ``memory`` gave last time,
    perhaps in another process. ``unwritten`` counts the samples that the backend, by its own words, left out
    of requests which it took.
    """

    def __init__(
        self,
        message: str,
        push_as: PushAs,
        remembered: Mapping[str, Any],
        *,
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._message = message
        self._push_as = push_as
        self._now_ms = now_ms
        self._monotonic_s = monotonic_s
        self._speaks, self._learnt_ms = _learnt(remembered)
        self._refused = False  # 2.0 was, and 1.0 has not yet succeeded
        self.unwritten = 0

    @property
    def speaks_2(self) -> bool:
        """Whether samples go out as 2.0, with their metadata: then it needs no requests of its own."""
        return self._message == V2_MESSAGE or (self._message == AUTO and self._known is Dialect.V2)

    def memory(self) -> dict[str, Any]:
        """What is to be remembered from run to run, as JSON; empty when nothing was learnt."""
        if self._message != AUTO or self._speaks is None:
            return {}
        return {"speaks": self._speaks.value, "learnt_ms": self._learnt_ms}

    def push(self, batch: Batch, attempt: int, timeout_s: float) -> int:
        """Send one batch and give the bytes on the wire of the request that was taken.

        Raises PushError; that of 1.0 when both versions failed; and EncodeError for what was not packed
        here. A batch without samples is metadata in the form of 1.0 and goes out as that.
        """
        if self._message == V1_MESSAGE or not batch.samples:
            return self._push_as(Dialect.V1, batch, attempt, timeout_s).wire_bytes
        if self._message == V2_MESSAGE:
            return self._as_2(batch, attempt, timeout_s).wire_bytes
        if self._refused or self._known is Dialect.V1:
            return self._as_1(batch, attempt, timeout_s)
        began_s = self._monotonic_s()
        try:
            written = self._as_2(batch, attempt, timeout_s)
        except PushError as error:
            if not self._is_foreign(error.status):
                raise
        else:
            self._learn(Dialect.V2)
            return written.wire_bytes
        self._refused = True
        left_s = max(timeout_s - (self._monotonic_s() - began_s), timeout_s / 10)
        return self._as_1(batch, attempt, left_s)

    def _as_2(self, batch: Batch, attempt: int, timeout_s: float) -> Written:
        written = self._push_as(Dialect.V2, batch, attempt, timeout_s)
        if not written.counted:
            raise PushError(
                "the backend took a 2.0 request and says nothing of what it stored: it speaks 1.0 only",
                status=_UNSUPPORTED,
                hint=f"set protobuf_message to {V1_MESSAGE} or {AUTO}",
            )
        if written.samples is not None:
            self.unwritten += max(batch.samples - written.samples, 0)
        return written

    def _as_1(self, batch: Batch, attempt: int, timeout_s: float) -> int:
        try:
            written = self._push_as(Dialect.V1, batch, attempt, timeout_s)
        except PushError as error:
            if not error.retryable:  # the refusal was perhaps the batch's fault, not the version's
                self._refused = False
            raise
        if self._refused:
            self._learn(Dialect.V1)
        return written.wire_bytes

    def _is_foreign(self, status: int) -> bool:
        """Whether a refusal may mean that the backend does not know 2.0."""
        first_contact = self._known is not Dialect.V2
        return status == _UNSUPPORTED or (status == _BAD_REQUEST and first_contact)

    @property
    def _known(self) -> Dialect | None:
        """What the backend speaks, as far as that was learnt within the last day."""
        return self._speaks if abs(self._now_ms() - self._learnt_ms) < DAY_MS else None

    def _learn(self, dialect: Dialect) -> None:
        self._refused = False
        if self._known is not dialect:
            self._speaks, self._learnt_ms = dialect, self._now_ms()


def _learnt(remembered: Mapping[str, Any]) -> tuple[Dialect | None, int]:
    """What a memory says; nothing when it is not one of ours."""
    try:
        return Dialect(remembered["speaks"]), int(remembered["learnt_ms"])
    except (KeyError, TypeError, ValueError):
        return None, 0
