"""What all sinks over HTTP share: whose headers are whose, and what an answer means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pushvar import __version__
from pushvar.errors import PushError

if TYPE_CHECKING:
    from collections.abc import Container

    from pushvar.net.session import Answer

Request = Callable[[str, bytes, Mapping[str, str], float], "Answer"]
"""One request by a method of the sink's: URL, body, headers, timeout in seconds."""

SUCCESS = range(200, 300)
_SERVER = range(500, 600)
_TOO_MANY = 429
_NOTHING = 0
_WORDS_HEAD, _WORDS_TAIL = 200, 100

HINTS = {
    _NOTHING: "is the backend running, and is the url right?",
    _TOO_MANY: "the backend limits this tenant",
}
"""Status -> the next step, where it is the same for every kind of backend."""


def headers(
    configured: Mapping[str, str], own: Mapping[str, str], reserved: Container[str]
) -> dict[str, str]:
    """The headers of a request: the sink's own win; ``reserved`` are names, in lower case, it alone sets."""
    allowed = {name: value for name, value in configured.items() if name.lower() not in reserved}
    return {**allowed, **own, "User-Agent": f"pushvar/{__version__}"}


def refusal(url: str, answer: Answer, hints: Mapping[int, str], now_s: float) -> PushError:
    """The error of an answer that is no success, with the backend's own words.

    5xx, 429 and network errors may be retried, other answers may not (remote write 1.0, "Retries &
    Backoff"; a Pushgateway's mean the same).
    """
    shown = url.partition("?")[0]  # keys stand in queries
    words = _shortened("".join(filter(str.isprintable, " ".join(answer.text.split()))))
    said = f"HTTP {answer.status}" if answer.status else "no answer"
    return PushError(
        f"{shown}: {said}: {words}" if words else f"{shown}: {said}",
        status=answer.status,
        retryable=answer.status in (_NOTHING, _TOO_MANY) or answer.status in _SERVER,
        retry_after_s=_retry_after_s(answer.headers.get("Retry-After", ""), now_s),
        hint=hints.get(answer.status, ""),
    )


def _shortened(words: str) -> str:
    """A long text without its middle: some say what is wrong first, some after all labels of a series."""
    if len(words) <= _WORDS_HEAD + _WORDS_TAIL:
        return words
    return f"{words[:_WORDS_HEAD]} ... {words[-_WORDS_TAIL:]}"


def _retry_after_s(text: str, now_s: float) -> float | None:
    """Seconds, or an HTTP date; None for what is neither, or not in the future (RFC 9110, 10.2.3)."""
    if text.isdecimal():
        return float(text) or None
    try:
        wait_s = parsedate_to_datetime(text).timestamp() - now_s
    except ValueError:
        return None
    return wait_s if wait_s > 0 else None
