"""The choices at the top of the dashboards, and the scopes that follow from them."""

from __future__ import annotations

from pushvar.kit.dashboards.expressions import Scope
from pushvar.kit.dashboards.words import Variable

_TITLES = {
    "customer_id": "Customer",
    "service_domain": "Domain",
    "sla_tier": "Tier",
    "job": "Job",
    "instance": "Instance",
    "team": "Team",
    "backend": "Backend",
}

TENANT = ("customer_id", "service_domain", "sla_tier")
"""The labels of a tenant, from the outside in."""

SERVICE = (*TENANT, "job", "instance")
"""The way down to one process."""


def variables(metric: str, labels: tuple[str, ...]) -> tuple[Variable, ...]:
    """A choice for each label, by the values that ``metric`` has."""
    return tuple(Variable(label, metric, _TITLES[label]) for label in labels)


TENANT_SCOPE = Scope(TENANT)
JOB_SCOPE = Scope((*TENANT, "job"))
SERVICE_SCOPE = Scope(SERVICE)
