"""A whole cycle in numbers, and what the shard keeps of them from cycle to cycle."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pushvar.catalogue import SELF_FAMILIES
from pushvar.convert.own_metrics.deliveries import count_deliveries, delivery_gauges
from pushvar.convert.own_metrics.keys import read_key, series_key
from pushvar.convert.own_metrics.scrapes import count_scrapes, dead_rules
from pushvar.model import MetricType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.model import Delivery, Scrape

_BACKEND = "backend"


def count_cycle(
    scrapes: Sequence[Scrape],
    deliveries: Sequence[Delivery],
    *,
    lost_cycles: int = 0,
    groups_ended: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, float]:
    """What one finished cycle adds to the counters, by key; ``groups_ended`` is by reason."""
    ended = {series_key("pushvar_groups_ended_total", reason=one): n for one, n in groups_ended.items()}
    return {
        **ended,
        "pushvar_cycles_total": 1,
        "pushvar_cycles_lost_total": lost_cycles,
        **count_scrapes(scrapes),
        **count_deliveries(deliveries),
    }


def gauge_cycle(
    scrapes: Sequence[Scrape],
    deliveries: Sequence[Delivery],
    *,
    time_ms: int,
    duration_s: float,
    groups: int | None = None,
) -> dict[str, float]:
    """The state that a cycle leaves, by key; it began at ``time_ms`` and took ``duration_s``.

    ``groups`` are those of batch jobs that live, None where nobody knows.
    """
    return {
        **({} if groups is None else {"pushvar_groups": groups}),
        "pushvar_cycle_duration_seconds": duration_s,
        "pushvar_targets": sum(not scrape.plan.target.pushed for scrape in scrapes),
        "pushvar_dead_rules": dead_rules(scrapes),
        "pushvar_targets_over_budget": sum(bool(scrape.plan.shed) for scrape in scrapes),
        **delivery_gauges(deliveries, time_ms),
    }


def reload_gauges(*, successful: bool, taken_ms: int) -> dict[str, float]:
    """Whether the newest configuration is the one in use, and when that was taken (Unix ms), by key."""
    return {
        "pushvar_config_last_reload_successful": float(successful),
        "pushvar_config_last_reload_success_timestamp_seconds": taken_ms / 1000,
    }


def accumulate(
    before: Mapping[str, float], added: Mapping[str, float], gauges: Mapping[str, float]
) -> dict[str, float]:
    """What a shard keeps after a cycle: counters are added up, gauges replaced, by sorted key.

    A gauge that the cycle says nothing of stays while its backend is still there. Keys that are none of
    ours are left behind.
    """
    backends = {_backend(key) for key in gauges}
    kept = {key: number for key, number in before.items() if _is_counter(key) or _backend(key) in backends}
    for key, number in added.items():
        kept[key] = kept.get(key, 0) + number
    kept.update(gauges)
    return {key: kept[key] for key in sorted(kept) if read_key(key) is not None}


def _is_counter(key: str) -> bool:
    known = read_key(key)
    return known is not None and SELF_FAMILIES[known[0]].type is MetricType.COUNTER


def _backend(key: str) -> str:
    known = read_key(key)
    return dict(known[1]).get(_BACKEND, "") if known else ""
