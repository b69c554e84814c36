"""A remote-write backend: one POST for each batch, and what its answers mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import snappy

from pushvar.deliver.sinks import _http
from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.model import Batch

_OWN_HEADERS = frozenset({*map(str.lower, v1.HEADERS), "user-agent", "retry-attempt"})

_HINTS = {
    **_http.HINTS,
    400: "the backend refused the samples; its words are above",
    401: "check the credentials of this remote_write",
    403: "check the credentials of this remote_write",
    404: "check the url; Prometheus needs --web.enable-remote-write-receiver",
    413: "lower queue_config.max_samples_per_send",
}


@dataclass(frozen=True, slots=True)
class RemoteWriteSink:
    """Pushes batches to one URL; ``post`` is the network, ``headers`` gives what the configuration adds.

    ``sign`` is the last to see URL, headers and body, and gives the headers that are sent.
    """

    url: str
    post: _http.Request
    headers: Callable[[], Mapping[str, str]]
    now_s: Callable[[], float]
    sign: Callable[[str, Mapping[str, str], bytes], Mapping[str, str]] = lambda _url, headers, _body: headers

    def push(self, batch: Batch, attempt: int, timeout_s: float) -> int:
        """Send one batch and give the size of the compressed body.

        Any 2xx is success, 202 too. Raises PushError otherwise.
        """
        body = snappy.compress(b"".join(batch.parts))
        headers = _http.headers(self.headers(), v1.HEADERS, _OWN_HEADERS)
        if attempt:
            headers["Retry-Attempt"] = str(attempt)
        answer = self.post(self.url, body, self.sign(self.url, headers, body), timeout_s)
        if answer.status in _http.SUCCESS:
            return len(body)
        raise _http.refusal(self.url, answer, _HINTS, self.now_s())
