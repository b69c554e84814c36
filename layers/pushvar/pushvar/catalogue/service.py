"""Metrics of services that our rules and dashboards know by name: requests, orders, payments.

They are what most instrumentation of HTTP servers calls them, and what Prometheus' naming advice leads to
("Metric and label naming"). A service that calls them otherwise can be brought there by a mapping.
"""

from __future__ import annotations

from dataclasses import dataclass

from pushvar.model import Family, MetricType

_C, _G, _H = MetricType.COUNTER, MetricType.GAUGE, MetricType.HISTOGRAM


@dataclass(frozen=True, slots=True)
class ServiceMetric:
    """One of them; ``labels`` are those that our expressions use, there may be more."""

    family: Family
    labels: tuple[str, ...]
    anomaly: str


REQUESTS = ServiceMetric(
    Family("http_requests_total", _C, "Requests answered."), ("code",),
    "a growing share of 5xx is an error of the service; 499, a client that gave up, counts for nobody",
)  # fmt: skip
REQUEST_SECONDS = ServiceMetric(
    Family("http_request_duration_seconds", _H, "Time from a request to its answer.", "seconds"), ("le",),
    "the 95th percentile against what the service level promises; its bounds need that very value",
)  # fmt: skip
ORDERS = ServiceMetric(
    Family("app_orders_total", _C, "Orders that came to an end."), ("result",),
    "a growing share with result failed: customers lose orders",
)  # fmt: skip
PAYMENT_SECONDS = ServiceMetric(
    Family("app_payment_duration_seconds", _H, "Time that a payment took.", "seconds"), ("le",),
    "a growing share above two seconds: customers give up; its bounds need a 2",
)  # fmt: skip
DEPLOYED = ServiceMetric(
    Family("deploy_timestamp_seconds", _G, "Unix time at which a version was deployed.", "seconds"),
    ("version",),
    "the moment to look at when errors began",
)  # fmt: skip

SERVICE_METRICS = (REQUESTS, REQUEST_SECONDS, ORDERS, PAYMENT_SECONDS, DEPLOYED)
"""All of them."""

CLIENT_GAVE_UP = "499"
"""The code of a request whose client went away: neither good nor bad, it is in no ratio."""

COUNTED, FAILED = f'code!="{CLIENT_GAVE_UP}"', 'code=~"5.."'
"""Matchers of the requests that count, and of those that the service answered badly."""
