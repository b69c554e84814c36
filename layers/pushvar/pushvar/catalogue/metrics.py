"""Every metric that pushvar can emit, or that its rules and dashboards read, in one form.

Made of the other tables here and of nothing else: the dictionary, the checks of dashboards and rules, and the
audit all look here. A series of a histogram or summary has its family's name with a known ending.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pushvar.catalogue.audit import AUDIT_METRICS
from pushvar.catalogue.batch import BATCH_METRICS
from pushvar.catalogue.client import GO_CLIENT, PROCESS
from pushvar.catalogue.health import HEALTH, HEALTH_ANOMALIES
from pushvar.catalogue.own import SELF_METRICS
from pushvar.catalogue.pushes import PUSH_FAILURE_TIME, PUSH_TIME
from pushvar.catalogue.runtime import GC_DURATION, GC_DURATION_ANOMALY, MEMSTATS, MEMSTATS_OPTIONAL
from pushvar.catalogue.service import SERVICE_METRICS
from pushvar.catalogue.sql import SQL_POOL
from pushvar.model import Family, MetricType

_ENDINGS: dict[MetricType, tuple[str, ...]] = {
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count"),
    MetricType.SUMMARY: ("", "_sum", "_count"),
}

AREAS: dict[str, str] = {
    "go": "Go runtime",
    "process": "Process",
    "health": "Health of targets",
    "own": "pushvar itself",
    "gateway": "Groups of the gateway",
    "batch": "Batch jobs",
    "audit": "Coverage audit",
    "sql": "Database pools",
    "service": "Services, by convention",
}
"""Area -> its title, in the order of the dictionary."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: ``source`` is where its number comes from, ``labels`` those beside the target's.

    ``usual`` says whether it is there without anybody asking for it.
    """

    family: Family
    area: str
    source: str
    anomaly: str
    labels: tuple[str, ...] = ()
    usual: bool = True
    opentelemetry: str = ""

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its series."""
        return tuple(self.family.name + end for end in _ENDINGS.get(self.family.type, ("",)))


@cache
def every_metric() -> tuple[Metric, ...]:
    """All of them, by area, each name once."""
    return (*_go(), *_process(), *_health(), *_own(), *_pushed(), *_audit(), *_pools(), *_service())


@cache
def metric_of_series() -> dict[str, Metric]:
    """The name of a series -> its metric."""
    return {name: metric for metric in every_metric() for name in metric.series}


def _go() -> list[Metric]:
    memstats = [
        Metric(one.family, "go", f"memstats.{one.source}", one.anomaly, usual=one.default)
        for one in (*MEMSTATS, *MEMSTATS_OPTIONAL)
    ]
    pauses = "memstats.PauseNs, PauseTotalNs and NumGC"
    summary = Metric(GC_DURATION, "go", pauses, GC_DURATION_ANOMALY, ("quantile",))
    client = [
        Metric(one.family, "go", one.source, one.anomaly, one.labels, one.usual, one.opentelemetry)
        for one in GO_CLIENT
    ]
    return [summary, *memstats, *client]


def _process() -> list[Metric]:
    return [
        Metric(one.family, "process", one.source, one.anomaly, one.labels, one.usual, one.opentelemetry)
        for one in PROCESS
    ]


def _health() -> list[Metric]:
    return [Metric(one, "health", "each fetch", HEALTH_ANOMALIES[one.name]) for one in HEALTH]


def _own() -> list[Metric]:
    return [Metric(one.family, "own", 'job="pushvar"', one.anomaly, one.labels) for one in SELF_METRICS]


def _pushed() -> list[Metric]:
    stale = "older than the job's interval: its pushes do not arrive"
    refused = "newer than push_time_seconds: the last push was refused; the answer said why"
    times = [
        Metric(PUSH_TIME, "gateway", "the gateway, for each group", stale),
        Metric(PUSH_FAILURE_TIME, "gateway", "the gateway, for each group", refused),
    ]
    jobs = [
        Metric(one.family, "batch", f"pushed {one.when}", one.anomaly, one.labels) for one in BATCH_METRICS
    ]
    return [*times, *jobs]


def _audit() -> list[Metric]:
    return [Metric(one.family, "audit", "pushvar audit", one.anomaly, one.labels) for one in AUDIT_METRICS]


def _pools() -> list[Metric]:
    where = "any object with the fields of sql.DBStats"
    return [
        Metric(one.family, "sql", f"{where}: {field}", one.anomaly, ("db_name",), usual=False)
        for field, one in SQL_POOL.items()
    ]


def _service() -> list[Metric]:
    source = "the service, under this name or by a mapping"
    return [
        Metric(one.family, "service", source, one.anomaly, one.labels, usual=False) for one in SERVICE_METRICS
    ]
