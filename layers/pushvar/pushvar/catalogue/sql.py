"""The metrics of a database pool, as a program publishes ``sql.DBStats``.

Source: prometheus/client_golang ``prometheus/collectors/dbstats_collector.go``; golang/go
``src/database/sql/sql.go``, DBStats.
"""

from __future__ import annotations

from typing import NamedTuple

from pushvar.catalogue.runtime import NANOSECONDS
from pushvar.model import Family, MetricType

_C, _G = MetricType.COUNTER, MetricType.GAUGE
_PREFIX = "go_sql_"


class PoolMetric(NamedTuple):
    """One field of DBStats: its family, what its number is divided by, what to look at."""

    family: Family
    divisor: int
    anomaly: str


def _row(name: str, kind: MetricType, text: str, anomaly: str) -> PoolMetric:
    return PoolMetric(Family(_PREFIX + name, kind, text), 1, anomaly)


SQL_POOL: dict[str, PoolMetric] = {
    "MaxOpenConnections": _row("max_open_connections", _G,
                               "Maximum number of open connections to the database.",
                               "0 is no limit: then the database sets it"),
    "OpenConnections": _row("open_connections", _G, "Connections to the database, in use and idle.",
                            "at the maximum: see in_use"),
    "InUse": _row("in_use_connections", _G, "Connections in use.",
                  "close to max_open_connections: requests wait for connections"),
    "Idle": _row("idle_connections", _G, "Idle connections.", "0 all the time: each request opens its own"),
    "WaitCount": _row("wait_count_total", _C, "Connections that were waited for.",
                      "growth: a pool too small"),
    "WaitDuration": PoolMetric(
        Family(f"{_PREFIX}wait_duration_seconds_total", _C, "Time spent waiting for connections.", "seconds"),
        NANOSECONDS, "its rate is the number of requests that wait at any time"),
    "MaxIdleClosed": _row("max_idle_closed_total", _C, "Connections closed by SetMaxIdleConns.",
                          "fast growth: more idle connections would spare opening new ones"),
    "MaxIdleTimeClosed": _row("max_idle_time_closed_total", _C, "Connections closed by SetConnMaxIdleTime.",
                              "fast growth: the time is too short for the traffic"),
    "MaxLifetimeClosed": _row("max_lifetime_closed_total", _C, "Connections closed by SetConnMaxLifetime.",
                              "fast growth: the lifetime is short, connections are opened all the time"),
}  # fmt: skip
"""Field of DBStats -> its metric."""
