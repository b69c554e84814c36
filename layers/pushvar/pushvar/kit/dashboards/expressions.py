"""Pieces of PromQL that dashboards share: selectors by the choices at the top, rates, ratios, percentiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.catalogue.service import COUNTED, FAILED, REQUEST_SECONDS, REQUESTS
from pushvar.kit.rules.expressions import bound

if TYPE_CHECKING:
    from pushvar.kit.settings import Objective

STEP = "$__rate_interval"
"""The window that Grafana makes of the resolution and the scrape interval: four of these at least."""

OWNER = "customer_id, service_domain, sla_tier"
"""Whose a service is: what tenants are told apart by."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The choices that a metric is selected by; a label that a series lacks is no obstacle to "All"."""

    labels: tuple[str, ...]

    def __call__(self, metric: str, *matchers: str) -> str:
        """A selector of the metric."""
        chosen = (f'{label}=~"${label}"' for label in self.labels)
        return f"{metric}{{{', '.join((*chosen, *matchers))}}}"

    def rate(self, metric: str, *matchers: str, window: str = STEP) -> str:
        """The increase per second of each series."""
        return f"rate({self(metric, *matchers)}[{window}])"

    def error_ratio(self, by: str, *matchers: str, window: str = STEP) -> str:
        """Share of requests that were answered with 5xx; 0 where there were only others."""
        name = REQUESTS.family.name
        every = f"sum by ({by}) ({self.rate(name, COUNTED, *matchers, window=window)})"
        bad = f"sum by ({by}) ({self.rate(name, FAILED, *matchers, window=window)})"
        return f"({bad} or 0 * {every}) / ({every} > 0)"

    def budget_share(self, by: str, objectives: tuple[Objective, ...], window: str) -> str:
        """Errors in parts of what the tier allows: 1 spends the budget of a period in just that period."""
        parts = (
            f"{self.error_ratio(by, _tier(one), window=window)} / {one.error_budget:.12g}"
            for one in objectives
            if one.error_budget
        )
        return "\nor\n".join(parts)

    def percentile(self, metric: str, quantile: float, by: str, *matchers: str, window: str = STEP) -> str:
        """A percentile over all series of a histogram."""
        buckets = self.rate(f"{metric}_bucket", *matchers, window=window)
        return f"histogram_quantile({quantile:g}, sum by ({by}, le) ({buckets}))"

    def slow_share(self, metric: str, bound_s: float, by: str, *matchers: str, window: str = STEP) -> str:
        """Share of observations above a bound of the histogram."""
        fast = self.rate(f"{metric}_bucket", bound(bound_s), *matchers, window=window)
        every = self.rate(f"{metric}_count", *matchers, window=window)
        return f"1 - sum by ({by}) ({fast}) / (sum by ({by}) ({every}) > 0)"

    def slow_by_tier(self, by: str, objectives: tuple[Objective, ...], window: str = STEP) -> str:
        """Share of requests that took longer than their tier promises."""
        name = REQUEST_SECONDS.family.name
        parts = (self.slow_share(name, one.latency_s, by, _tier(one), window=window) for one in objectives)
        return "\nor\n".join(parts)


def _tier(objective: Objective) -> str:
    return f'sla_tier="{objective.tier}"'
