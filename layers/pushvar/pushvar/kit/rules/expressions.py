"""Pieces of PromQL that rule sets share, with windows that fit the interval at which data is pushed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.catalogue.thresholds import SAMPLES_IN_A_ROW
from pushvar.kit.settings import INTERVALS_IN_A_WINDOW, span

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

OWNER = "customer_id, service_domain, sla_tier, job, team"
"""Whose a service is. Both sides of a ratio are sums by these, or each series is divided by itself."""

OWN = 'job="pushvar"'
"""What pushvar says of itself."""

TARGETS = 'job!="pushvar"'
"""Everything else."""

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400

_LOOKBACK_S = 300  # how far a query of Prometheus looks back for a sample, unless it is set otherwise


@dataclass(frozen=True, slots=True)
class Pieces:
    """Expressions for these settings."""

    settings: KitSettings

    def window(self, at_least_s: float) -> str:
        """A window of a rate, four intervals at least."""
        return self.settings.window(at_least_s)

    def holds(self, at_least_s: float, intervals: float = 2) -> str:
        """How long something has to be true: so many seconds, or intervals where they are longer."""
        return span(max(at_least_s, intervals * self.settings.interval_s))

    def now(self, selector: str) -> str:
        """What a series says now. Where a missing sample would leave a hole, what it said last."""
        if 2 * self.settings.interval_s <= _LOOKBACK_S:
            return selector
        return f"last_over_time({selector}[{self.window(0)}])"

    def rate(self, selector: str, at_least_s: float = 300) -> str:
        """The increase per second."""
        return f"rate({selector}[{self.window(at_least_s)}])"

    def sustained(self, selector: str, limit: str) -> str:
        """Above the limit in every sample of four intervals, and three samples at least.

        So one dip ends it, and neither one spike nor one missing sample changes anything.
        """
        window = self.settings.intervals(INTERVALS_IN_A_WINDOW)
        enough = f"count_over_time({selector}[{window}]) >= {SAMPLES_IN_A_ROW}"
        return f"min_over_time({selector}[{window}]) > {limit}\nand\n{enough}\n"

    def grown(self, selector: str, at_least_s: float) -> str:
        """By how much a counter grew. One that is new grew from nothing, which no ``increase`` sees.

        New is what was not there for a day: after an outage of the forwarder old counts are not told again.
        """
        window = self.window(at_least_s)
        return (
            f"increase({selector}[{window}]) > 0\nor\n"
            f"({selector} > 0 unless last_over_time({selector}[1d] offset {window}))\n"
        )


def number(value: float) -> str:
    """A number as an expression has it, without the dust of floating point."""
    return f"{value:.12g}"


def bound(seconds: float) -> str:
    """A matcher of a bound of a histogram as programs write it: ``1`` or ``1.0``."""
    text = f"{seconds:g}"
    return f'le="{text}"' if "." in text else f'le=~"{text}(\\\\.0)?"'
