"""From where on a number deserves a look, and from where on somebody: dashboards colour by them, rules fire.

Each is a default for a service of which nothing is known. Those on the Go runtime follow what operators of Go
programs agree on; our tests show what each does, not that it is right for a certain program.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Threshold:
    """``warn`` is worth a look, ``bad`` is worth an alert; ``unit`` as dashboards write it.

    ``falling`` says that low values are the bad ones.
    """

    warn: float
    bad: float
    unit: str
    why: str
    falling: bool = False


THRESHOLDS: dict[str, Threshold] = {
    "goroutines": Threshold(2_000, 5_000, "short", "few services have thousands of things to do at once"),
    "threads": Threshold(200, 500, "short", "a pids limit, or the memory of their stacks, comes soon"),
    "heap_of_limit": Threshold(0.7, 0.8, "percentunit", "above it the collector runs without end"),
    "gc_pause_share": Threshold(
        0.005, 0.01, "percentunit", "a hundredth of the time the program stands still"
    ),
    "gc_cpu_share": Threshold(0.1, 0.25, "percentunit", "a quarter of the CPU collects garbage"),
    "gc_silence_s": Threshold(180, 600, "s", "the runtime forces a collection every two minutes"),
    "fds_of_limit": Threshold(0.6, 0.8, "percentunit", "at the limit nothing can be opened any more"),
    "restarts_per_hour": Threshold(1, 3, "short", "it does not stay up"),
    "scrape_of_timeout": Threshold(
        0.5, 0.8, "percentunit", "soon the fetch fails, and the target looks down"
    ),
    "scrape_success": Threshold(0.99, 0.9, "percentunit", "targets that are not seen", falling=True),
    "samples_growth": Threshold(0.25, 0.5, "percentunit", "a release puts ids into labels or keys"),
    "pool_saturation": Threshold(0.75, 0.9, "percentunit", "requests begin to wait for connections"),
    "coverage": Threshold(1.0, 0.9, "percentunit", "services that no alert knows", falling=True),
    "data_age_s": Threshold(180, 300, "s", "queries look back five minutes: then graphs end"),
    "budget_left": Threshold(0.25, 0.0, "percentunit", "of what the service level allows", falling=True),
    "order_failures": Threshold(0.02, 0.05, "percentunit", "one order of twenty is lost"),
    "payments_slow": Threshold(0.02, 0.05, "percentunit", "one payment of twenty takes longer than 2 s"),
    "request_latency_s": Threshold(0.3, 0.5, "s", "people notice"),
}
"""What is compared -> its threshold."""

PAYMENT_SLOW_S = 2.0
"""A payment that takes longer is a slow one; it has to be a bound of the histogram."""

SAMPLES_IN_A_ROW = 3
"""A runtime threshold has to be crossed by so many samples: one spike is no finding."""

FORECAST_S = 72 * 3600
"""How far ahead memory is forecast, for a ticket and never for a page."""
