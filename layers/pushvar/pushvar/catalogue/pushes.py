"""The front door for batch jobs: what can become of a request, and what every group tells of itself."""

from __future__ import annotations

from pushvar.model import Family, MetricType

PUSH_TIME = Family(
    "push_time_seconds", MetricType.GAUGE, "Unix time of the group's last push that was taken."
)
PUSH_FAILURE_TIME = Family(
    "push_failure_time_seconds", MetricType.GAUGE, "Unix time of the group's last push that was refused."
)
"""Made by us for every group, as by a Pushgateway: what is pushed under these names is passed over."""

PUSH_OUTCOMES: dict[str, str] = {
    "stored": "a push was taken, its group is as it was sent",
    "deleted": "a group was deleted, or was not there",
    "shown": "somebody looked: a listing, a status, a check of health",
    "malformed": "a path, a header or a body that cannot be read, or says what may not be said",
    "inconsistent": "another group of the customer has the series, or the name with another type",
    "limited": "over a limit of the gateway",
    "unsupported": "the body is compressed in a way that we do not know",
    "unauthorized": "no credential, or none that we know",
    "forbidden": "a known credential, but of another customer",
    "not_found": "there is nothing at this path, or not for this method",
    "contended": "others changed the group at the same time, again and again",
    "unavailable": "the state store or a secret could not be read",
}
"""Outcome of a request -> what it means; each request has one, it is the label of the counters."""
