"""What the kit takes from a configuration: how often numbers come, and what service levels promise.

Rules and dashboards are made from it, so that their windows fit the interval: a rate needs four samples'
distance at least, or it has holes (a query over one interval has none at all).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from pushvar.config.schema import DEFAULT_TIERS
from pushvar.config.values import Duration

if TYPE_CHECKING:
    from pushvar.config.schema import Config, Tier

INTERVALS_IN_A_WINDOW = 4
"""No window is shorter than so many intervals."""

_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Objective:
    """What a service level promises: the 95th percentile of latency, and the share of good answers."""

    tier: str
    latency_s: float
    availability: float

    @property
    def error_budget(self) -> float:
        """The share of answers that may be bad, without the dust of floating point."""
        return round(1 - self.availability, 12)


def _objectives(tiers: tuple[tuple[str, Tier], ...]) -> tuple[Objective, ...]:
    """The strictest first."""
    found = [Objective(name, tier.latency_p95.s, tier.availability) for name, tier in tiers]
    return tuple(sorted(found, key=lambda one: (-one.availability, one.latency_s, one.tier)))


@dataclass(frozen=True, slots=True)
class KitSettings:
    """``interval_s`` is the longest one of all jobs: what fits it fits the others too.

    ``shortest_s`` is the shortest interval, ``timeout_s`` the longest timeout, ``period_days`` that of error
    budgets.
    """

    interval_s: float = 60.0
    shortest_s: float = 60.0
    timeout_s: float = 10.0
    objectives: tuple[Objective, ...] = _objectives(DEFAULT_TIERS)
    period_days: int = 30

    def window_s(self, at_least_s: float) -> int:
        """A window of that many seconds, or of four intervals where they are longer; whole minutes."""
        return ceil(max(at_least_s, INTERVALS_IN_A_WINDOW * self.interval_s) / _MINUTE_S) * _MINUTE_S

    def window(self, at_least_s: float) -> str:
        """The same as Prometheus writes it: ``5m``."""
        return span(self.window_s(at_least_s))

    def intervals(self, count: float) -> str:
        """That many intervals, rounded up to whole seconds: ``3m``."""
        return span(ceil(count * self.interval_s))


def span(seconds: float) -> str:
    """Seconds as Prometheus writes them: ``90`` is ``1m30s``."""
    return str(Duration(round(seconds * 1000)))


def settings_of(config: Config) -> KitSettings:
    """Those of a configuration; without jobs, its defaults."""
    jobs = config.scrape_configs
    intervals = [job.scrape_interval.s for job in jobs] or [config.global_.scrape_interval.s]
    timeouts = [job.scrape_timeout.s for job in jobs] or [config.global_.scrape_timeout.s]
    return KitSettings(
        max(intervals), min(intervals), max(timeouts) or 10.0, _objectives(config.tenancy.tiers)
    )
