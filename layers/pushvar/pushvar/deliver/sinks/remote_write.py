"""A remote-write backend: one POST for each batch, as 1.0 or 2.0, and what its answers mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import snappy

from pushvar.deliver.dialect import Dialect, Written
from pushvar.deliver.sinks import _http
from pushvar.wire.remote_write import v1, v2

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.model import Batch, Family

_HEADERS = {Dialect.V1: v1.HEADERS, Dialect.V2: v2.HEADERS}
_OWN_HEADERS = frozenset({*map(str.lower, v1.HEADERS), "user-agent", "retry-attempt"})

_WRITTEN = "X-Prometheus-Remote-Write-{}-Written"
_SAMPLES = _WRITTEN.format("Samples")
_COUNTS = (_SAMPLES, _WRITTEN.format("Histograms"), _WRITTEN.format("Exemplars"))
_INT64_DIGITS = 19

_HINTS = {
    **_http.HINTS,
    400: "the backend refused the samples; its words are above",
    401: "check the credentials of this remote_write",
    403: "check the credentials of this remote_write",
    404: "check the url; Prometheus needs --web.enable-remote-write-receiver",
    413: "lower queue_config.max_samples_per_send",
    415: "the backend does not take this version of remote write; set protobuf_message to auto",
}


class RequestBodies:
    """Makes the compressed bodies of batches; a batch that is tried again goes out as the same bytes.

    ``families`` gives what the metadata of 2.0 is made of.
    """

    def __init__(self, families: Callable[[], Mapping[str, Family]] = dict) -> None:
        self._families = families
        self._encoder = v2.RequestEncoder()
        self._last: tuple[Batch, Dialect, bytes] | None = None

    def of(self, dialect: Dialect, batch: Batch) -> bytes:
        """The body of a batch; raises EncodeError when 2.0 cannot be made of it."""
        last = self._last
        if last is not None and last[0] is batch and last[1] is dialect:
            return last[2]
        body: bytes = snappy.compress(self._plain(dialect, batch))
        self._last = batch, dialect, body
        return body

    def done(self) -> None:
        """Forget the last one: it arrived."""
        self._last = None

    def _plain(self, dialect: Dialect, batch: Batch) -> bytes:
        if dialect is Dialect.V1:
            return b"".join(batch.parts)
        return self._encoder.encode(batch.parts, batch.templates, self._families(), batch.starts)


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
    bodies: RequestBodies = field(default_factory=RequestBodies)

    def push(self, batch: Batch, attempt: int, timeout_s: float) -> int:
        """Send one batch as 1.0 and give the size of the compressed body.

        Any 2xx is success, 202 too. Raises PushError otherwise.
        """
        return self.push_as(Dialect.V1, batch, attempt, timeout_s).wire_bytes

    def push_as(self, dialect: Dialect, batch: Batch, attempt: int, timeout_s: float) -> Written:
        """Send one batch in this version and give what became of it, by the answer.

        Any 2xx is success here; whether it means anything after a 2.0 request is ``deliver.dialect``'s
        to say. Raises PushError otherwise, EncodeError when 2.0 cannot be made of what the batch holds.
        """
        body = self.bodies.of(dialect, batch)
        headers = _http.headers(self.headers(), _HEADERS[dialect], _OWN_HEADERS)
        if attempt:
            headers["Retry-Attempt"] = str(attempt)
        answer = self.post(self.url, body, self.sign(self.url, headers, body), timeout_s)
        if answer.status not in _http.SUCCESS:
            raise _http.refusal(self.url, answer, _HINTS, self.now_s())
        self.bodies.done()
        if dialect is Dialect.V1:  # those few that send the headers to 1.0 too mean nothing by it
            return Written(len(body))
        return Written(len(body), written_samples(answer.headers), any(map(answer.headers.get, _COUNTS)))


def written_samples(headers: Mapping[str, str]) -> int | None:
    """How many samples an answer says were stored; None when it does not, or not as an int64."""
    text = headers.get(_SAMPLES, "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _INT64_DIGITS else None
