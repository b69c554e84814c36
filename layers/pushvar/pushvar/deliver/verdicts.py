"""What a backend's refusal means for the samples: wait, halve, or give them up, and under which reason.

Source: remote write 1.0 and 2.0, "Retries & Backoff"; how receivers differ from it is in docs/reliability.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pushvar.errors import PushError

TOO_MANY = 429
UNAUTHORIZED = (401, 403)


class Verdict(NamedTuple):
    """``halved`` requests are cut in two and sent again, until the offending series stands alone."""

    reason: str
    halved: bool = False


_VERDICTS = {
    400: Verdict("refused", halved=True),
    401: Verdict("unauthorized"),
    403: Verdict("unauthorized"),
    409: Verdict("conflict"),
    413: Verdict("too_large", halved=True),
    415: Verdict("unsupported"),
    TOO_MANY: Verdict("limited", halved=True),
}
_OURS, _OTHER = Verdict("fault"), Verdict("rejected")


def verdict_of(error: PushError, *, limited: bool = False) -> Verdict | None:
    """What becomes of the samples of a refused request; None: the same request may succeed later.

    ``limited`` says that waiting has not helped against 429 before: then it is a limit, not a pause.
    """
    if error.retryable and not (limited and error.status == TOO_MANY):
        return None
    return _VERDICTS.get(error.status, _OTHER if error.status else _OURS)
