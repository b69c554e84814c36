"""A request that is not done, and the answer that it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushvar.jobs.exchange import PushReply

if TYPE_CHECKING:
    from pushvar.errors import StateError

INCONSISTENT: Final = "pushed metrics are invalid or inconsistent with existing metrics"
"""How a Pushgateway begins when a body can be read and must not be taken."""

RETRY_AFTER_S: Final = 1
_RETRYABLE: Final = 503


class Refusal(Exception):
    """Why a request is not done. ``outcome`` is one of ``catalogue.PUSH_OUTCOMES``.

    ``words`` are for the caller; ``detail`` is for the log, where it says more. Who catches it may say whose
    request it was (``customer_id``).
    """

    def __init__(
        self,
        status: int,
        outcome: str,
        words: str,
        *,
        detail: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(words)
        self.status = status
        self.outcome = outcome
        self.words = words
        self.detail = detail or words
        self.headers = headers
        self.customer_id = ""

    def reply(self) -> PushReply:
        """The answer."""
        headers = self.headers
        if self.status == _RETRYABLE:
            headers = (*headers, ("Retry-After", str(RETRY_AFTER_S)))
        body = f"{self.words}\n".encode(errors="replace")
        return PushReply(
            self.status,
            body,
            headers=headers,
            outcome=self.outcome,
            detail=self.detail,
            customer_id=self.customer_id,
        )


def malformed(words: str) -> Refusal:
    """What a caller sent cannot be read, or must not be said."""
    return Refusal(400, "malformed", words)


def inconsistent(words: str) -> Refusal:
    """What a caller sent contradicts what another group has."""
    return Refusal(400, "inconsistent", f"{INCONSISTENT}: {words}")


def limited(status: int, limit: str, found: str, advice: str) -> Refusal:
    """What a caller sent is over a limit: which, what was found, and what to do."""
    return Refusal(status, "limited", f"{limit}: {found}; {advice}")


def unavailable(error: StateError, customer_id: str = "") -> Refusal:
    """The store cannot be asked; the caller may try again."""
    refusal = Refusal(503, "unavailable", "the state store cannot be reached; try again", detail=str(error))
    refusal.customer_id = customer_id
    return refusal
