"""A remote-write backend: one POST for each batch, and what its answers mean."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import snappy

from pushvar import __version__
from pushvar.errors import PushError
from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.model import Batch
    from pushvar.net.session import Answer

_OWN_HEADERS = frozenset({*map(str.lower, v1.HEADERS), "user-agent", "retry-attempt"})
_SUCCESS = range(200, 300)
_SERVER = range(500, 600)
_TOO_MANY = 429
_NOTHING = 0
_WORDS_LIMIT = 300

_HINTS = {
    _NOTHING: "is the backend running, and is the url right?",
    400: "the backend refused the samples; its words are above",
    401: "check the credentials of this remote_write",
    403: "check the credentials of this remote_write",
    404: "check the url; Prometheus needs --web.enable-remote-write-receiver",
    413: "lower queue_config.max_samples_per_send",
    _TOO_MANY: "the backend limits this tenant",
}


@dataclass(frozen=True, slots=True)
class RemoteWriteSink:
    """Pushes batches to one URL; ``post`` is the network, ``headers`` gives what the configuration adds.

    ``sign`` is the last to see URL, headers and body, and gives the headers that are sent.
    """

    url: str
    post: Callable[[str, bytes, Mapping[str, str], float], Answer]
    headers: Callable[[], Mapping[str, str]]
    now_s: Callable[[], float]
    sign: Callable[[str, Mapping[str, str], bytes], Mapping[str, str]] = lambda _url, headers, _body: headers

    def push(self, batch: Batch, attempt: int, timeout_s: float) -> int:
        """Send one batch and give the size of the compressed body.

        Any 2xx is success, 202 too. Raises PushError otherwise: 5xx, 429 and network errors may be
        retried, other answers may not (remote write 1.0, "Retries & Backoff").
        """
        body = snappy.compress(b"".join(batch.parts))
        configured = {k: value for k, value in self.headers().items() if k.lower() not in _OWN_HEADERS}
        headers = {**configured, **v1.HEADERS, "User-Agent": f"pushvar/{__version__}"}
        if attempt:
            headers["Retry-Attempt"] = str(attempt)
        answer = self.post(self.url, body, self.sign(self.url, headers, body), timeout_s)
        if answer.status in _SUCCESS:
            return len(body)
        raise self._error(answer)

    def _error(self, answer: Answer) -> PushError:
        url = self.url.partition("?")[0]  # keys stand in queries
        words = "".join(filter(str.isprintable, " ".join(answer.text[:_WORDS_LIMIT].split())))
        said = f"HTTP {answer.status}" if answer.status else "no answer"
        return PushError(
            f"{url}: {said}: {words}" if words else f"{url}: {said}",
            status=answer.status,
            retryable=answer.status in (_NOTHING, _TOO_MANY) or answer.status in _SERVER,
            retry_after_s=_retry_after_s(answer.headers.get("Retry-After", ""), self.now_s()),
            hint=_HINTS.get(answer.status, ""),
        )


def _retry_after_s(text: str, now_s: float) -> float | None:
    """Seconds, or an HTTP date; None for what is neither, or not in the future (RFC 9110, 10.2.3)."""
    if text.isdecimal():
        return float(text) or None
    try:
        wait_s = parsedate_to_datetime(text).timestamp() - now_s
    except ValueError:
        return None
    return wait_s if wait_s > 0 else None
