"""What the deliveries of a cycle add to the counters, and what state they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.convert.own_metrics.keys import series_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.model import Delivery


def count_deliveries(deliveries: Iterable[Delivery]) -> dict[str, float]:
    """What these deliveries add to the counters, by key; dropped samples only where there are some."""
    counted: dict[str, float] = {}
    for one in merged(deliveries):
        for name, count in (
            ("pushvar_samples_sent_total", one.sent),
            ("pushvar_samples_replayed_total", one.replayed),
            ("pushvar_samples_spooled_total", one.spooled),
            ("pushvar_requests_total", one.requests),
            ("pushvar_retries_total", one.retries),
            ("pushvar_wire_bytes_total", one.wire_bytes),
        ):
            counted[series_key(name, backend=one.backend)] = count
        for reason, count in one.dropped:
            counted[series_key("pushvar_samples_dropped_total", backend=one.backend, reason=reason)] = count
    return counted


def delivery_gauges(deliveries: Iterable[Delivery], time_ms: int) -> dict[str, float]:
    """The state of each backend after a cycle that began at ``time_ms``, by key.

    A backend that took nothing has no time of success here: the one before still counts.
    """
    gauges: dict[str, float] = {}
    for one in merged(deliveries):
        until_ms = one.waiting_since_ms if one.waiting else time_ms
        gauges[series_key("pushvar_spool_samples", backend=one.backend)] = one.waiting
        gauges[series_key("pushvar_delivered_until_timestamp_seconds", backend=one.backend)] = until_ms / 1000
        if one.sent or one.replayed:
            gauges[series_key("pushvar_last_success_timestamp_seconds", backend=one.backend)] = time_ms / 1000
    return gauges


def merged(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """One delivery for each backend."""
    known: dict[str, Delivery] = {}
    for one in deliveries:
        known[one.backend] = known[one.backend].add(one) if one.backend in known else one
    return list(known.values())
