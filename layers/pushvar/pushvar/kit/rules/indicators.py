"""What a service level is measured by: the share of requests that were answered badly, or too slowly.

Both sides of a ratio are sums by owner. A request whose client went away (499) is on neither. Ratios that
have no denominator are no series: a service without traffic has no ratio, and a histogram without the
promised bound has no slow share, rather than one that is always 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.catalogue.service import COUNTED, FAILED, REQUEST_SECONDS, REQUESTS
from pushvar.kit.rule_files import Recording
from pushvar.kit.rules.expressions import OWNER, bound

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.kit.settings import Objective

LATENCY_BUDGET = 0.05
"""The promise is a 95th percentile: so many requests may take longer."""

_REQUESTS, _SECONDS = REQUESTS.family.name, REQUEST_SECONDS.family.name


@dataclass(frozen=True, slots=True)
class Indicator:
    """``bad`` and ``every`` give the sum of ``rate`` or ``increase`` over a window.

    ``ratio`` and ``events`` are what recorded series are called, without their windows.
    """

    ratio: str
    events: str
    bad: Callable[[str, str], str]
    every: Callable[[str, str], str]

    def recorded_ratio(self, window: str) -> Recording:
        """The share of bad ones in that window."""
        bad, every = self.bad("rate", window), self.every("rate", window)
        return Recording(f"{self.ratio}_rate{window}", f"({bad})\n/\n({every} > 0)\n")

    def recorded_events(self, window: str) -> Recording:
        """The number of bad ones in that window."""
        return Recording(f"{self.events}_increase{window}", self.bad("increase", window))


def total(function: str, selector: str, window: str) -> str:
    """The sum by owner of a function over a window."""
    return f"sum by ({OWNER}) ({function}({selector}[{window}]))"


def every_request(function: str, window: str) -> str:
    """All requests that count."""
    return total(function, f"{_REQUESTS}{{{COUNTED}}}", window)


def _errors(function: str, window: str) -> str:
    """Requests answered with 5xx; 0 where there were only others."""
    bad = total(function, f"{_REQUESTS}{{{FAILED}}}", window)
    return f"{bad} or 0 * {every_request(function, window)}"


def good_requests(function: str, window: str) -> str:
    """Requests answered with 2xx or 3xx; 0 where there were only others."""
    good = total(function, f'{_REQUESTS}{{code=~"[23].."}}', window)
    return f"{good} or 0 * {every_request(function, window)}"


ERRORS = Indicator("tenant:http_requests:error_ratio", "tenant:http_requests:errors", _errors, every_request)


def slow(objectives: tuple[Objective, ...]) -> Indicator:
    """Requests that took longer than their tier promises."""

    def every(function: str, window: str) -> str:
        return total(function, f"{_SECONDS}_count", window)

    def bad(function: str, window: str) -> str:
        parts = []
        for one in objectives:
            tier = f'sla_tier="{one.tier}"'
            fast = total(function, f"{_SECONDS}_bucket{{{tier}, {bound(one.latency_s)}}}", window)
            parts.append(f"{total(function, f'{_SECONDS}_count{{{tier}}}', window)} - {fast}")
        return "\nor\n".join(parts)

    name = "tenant:http_request_duration_seconds:slow"
    return Indicator(f"{name}_ratio", name, bad, every)
