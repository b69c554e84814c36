"""Burn rates: how fast a budget is spent, seen over two windows at once (multi-window, multi-burn-rate).

The long window says that it matters, the short one that it still goes on. A factor is the share of the
budget that may be spent in the long window, times the period, divided by that window: 2 % in an hour of 30
days is 14.4. Source: Google, "The Site Reliability Workbook", chapter 5, table 5-8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.kit.rules.expressions import DAY_S, HOUR_S, MINUTE_S
from pushvar.kit.settings import INTERVALS_IN_A_WINDOW, span

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings


@dataclass(frozen=True, slots=True)
class Burn:
    """Two windows (seconds) and the share of a period's budget that the long one may cost."""

    long_s: int
    short_s: int
    share: float
    page: bool

    @property
    def long(self) -> str:
        """The long window as Prometheus writes it."""
        return span(self.long_s)

    @property
    def short(self) -> str:
        """The short one."""
        return span(self.short_s)

    def factor(self, period_days: int) -> float:
        """How many times faster than the period allows."""
        return self.share * period_days * DAY_S / self.long_s


BURNS = (
    Burn(HOUR_S, 5 * MINUTE_S, 0.02, page=True),
    Burn(6 * HOUR_S, 30 * MINUTE_S, 0.05, page=True),
    Burn(DAY_S, 2 * HOUR_S, 0.1, page=False),
    Burn(3 * DAY_S, 6 * HOUR_S, 0.1, page=False),
)
"""The fastest first."""


def burns_for(settings: KitSettings) -> tuple[Burn, ...]:
    """Those whose short window has four intervals; a rate over fewer has holes."""
    least_s = INTERVALS_IN_A_WINDOW * settings.interval_s
    return tuple(burn for burn in BURNS if burn.short_s >= least_s)


def windows_of(burns: tuple[Burn, ...]) -> tuple[str, ...]:
    """All their windows, the shortest first."""
    return tuple(span(seconds) for seconds in sorted({s for one in burns for s in (one.short_s, one.long_s)}))
