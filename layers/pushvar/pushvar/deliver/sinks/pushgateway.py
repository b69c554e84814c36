"""A Pushgateway: one PUT or DELETE for each group, and what its answers mean.

``PUT /metrics/job/<job>/instance/<instance>/customer_id/<customer_id>`` replaces the whole group: what
a target does not have any more is gone with the next push. The body is not compressed: gateways
before 1.5.0 take no gzip. ``DELETE`` of the same address forgets the group, also one that is not there.

Source: prometheus/pushgateway, README.md and handler/push.go.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from pushvar.catalogue import GROUPING
from pushvar.deliver.sinks import _http
from pushvar.wire.exposition.text import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pushvar.deliver.group_states import GroupState
    from pushvar.errors import PushError
    from pushvar.net.session import Answer

_HEADERS = {"Content-Type": CONTENT_TYPE}
_OWN_HEADERS = frozenset({"content-type", "content-encoding", "user-agent"})
_REDIRECTS = (301, 302, 303, 307, 308)

_ESCAPE = re.compile(r"\\(.)")
_OWN = r"((?:go|process|promhttp|pushgateway)_\w+)"
_OWN_HELP = re.compile(rf"^# HELP {_OWN} (.+)$", re.MULTILINE)
_OWN_TYPE = re.compile(rf"^# TYPE {_OWN} (\w+)$", re.MULTILINE)
_NOT_THERE = 404

_HINTS = {
    **_http.HINTS,
    **dict.fromkeys(_REDIRECTS, "redirects are not followed; write the final address as the url"),
    400: "in all of a gateway, its own go_* metrics too, a name has one type",
    401: "check the credentials of this pushgateway",
    403: "check the credentials of this pushgateway",
    404: "check the url: the gateway's address and path prefix, without /metrics",
}


@dataclass(frozen=True, slots=True)
class PushgatewaySink:
    """Pushes groups below one URL; ``put`` and ``delete`` are the network.

    ``headers`` gives what the configuration adds.
    """

    url: str
    put: _http.Request
    delete: _http.Request
    headers: Callable[[], Mapping[str, str]]
    now_s: Callable[[], float]

    def push(self, state: GroupState, _attempt: int, timeout_s: float) -> int:
        """Make one group what its state says, and give the size of the body.

        200 and 202 are success, and so is any 2xx of what only speaks like a Pushgateway; for a DELETE
        404 too. Raises PushError otherwise.
        """
        url = group_url(self.url, state.key)
        request = self.delete if state.text is None else self.put
        body = state.text or b""
        answer = request(url, body, _http.headers(self.headers(), _HEADERS, _OWN_HEADERS), timeout_s)
        if answer.status in _http.SUCCESS or (state.text is None and answer.status == _NOT_THERE):
            return len(body)
        raise refusal(url, answer, self.now_s())


def refusal(url: str, answer: Answer, now_s: float) -> PushError:
    """The error of an answer that is no success."""
    return _http.refusal(url, answer, _HINTS, now_s)


def own_types(metrics: str) -> dict[str, str]:
    """Name -> type of the gateway's own families, from the text of its ``/metrics``."""
    return dict(_OWN_TYPE.findall(metrics))


def own_help(metrics: str) -> dict[str, str]:
    """Name -> HELP of the gateway's own families, from the text of its ``/metrics``.

    What is pushed under such a name should have the gateway's help text. A gateway formats all series
    of a family into a complaint for each group that has another, at every scrape and, in 1.11, at every
    push: with 60 groups of Go programs a push takes it 0.5 s instead of 4 ms (storage/
    diskmetricstore.go, GetMetricFamilies). The texts differ between releases, so the gateway is asked.
    """
    return {name: _ESCAPE.sub(_unescaped, text) for name, text in _OWN_HELP.findall(metrics)}


def _unescaped(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


def group_url(url: str, key: tuple[str, ...]) -> str:
    """The address of a group of targets below a gateway's URL."""
    return grouping_url(url, zip(GROUPING, key, strict=True))


def grouping_url(url: str, labels: Iterable[tuple[str, str]]) -> str:
    """The address of the group with these labels, the job first: nothing is left for others to normalise."""
    return f"{metrics_url(url)}/{'/'.join(_segment(name, value) for name, value in labels)}"


def metrics_url(url: str) -> str:
    """Where a gateway of that URL shows everything; all groups lie below."""
    return f"{url.rstrip('/')}/metrics"


def groups_url(url: str) -> str:
    """Where a gateway of that URL tells all groups as JSON."""
    return f"{url.rstrip('/')}/api/v1/metrics"


def _segment(name: str, value: str) -> str:
    """Name and value of one label: percent-encoded, or in base64 where that would not arrive.

    A slash separates, also as %2F, nothing and dots are cleaned away (each a 301), and proxies mend or
    refuse backslashes and control characters.
    """
    plain = value.encode("utf-8", "replace")
    if value.strip(".") and value.isprintable() and not {"/", "\\"} & {*value}:
        return f"{name}/{quote(plain, safe='')}"
    return f"{name}@base64/{urlsafe_b64encode(plain).decode() or '='}"
