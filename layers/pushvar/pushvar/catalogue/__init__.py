"""The tables of what pushvar knows: Go runtime metrics, health series, reasons, its own metrics.

The dictionary, dashboards and alert rules read the same rows: nothing here is written twice.
"""

from pushvar.catalogue.batch import (
    BATCH_FAMILIES,
    BATCH_METRICS,
    BATCH_MOMENTS,
    BATCH_PREFIX,
    BATCH_STATUSES,
    BatchMetric,
)
from pushvar.catalogue.health import FAILURE_CLASSES, HEALTH
from pushvar.catalogue.names import GROUPING, LABEL_NAME, METRIC_NAME, PRIVATE_KEYS
from pushvar.catalogue.own import SELF_FAMILIES, SELF_METRICS, SelfMetric
from pushvar.catalogue.pushes import PUSH_FAILURE_TIME, PUSH_OUTCOMES, PUSH_TIME
from pushvar.catalogue.reports import (
    DROPPED,
    LEFT_OUT,
    LINE_FAULTS,
    RELABELLED,
    REPAIRS,
    SHED,
    SKIPPED,
)
from pushvar.catalogue.runtime import (
    GC_DURATION,
    GC_QUANTILES,
    GOROUTINE_ALIASES,
    GOROUTINES,
    MEMSTATS,
    MEMSTATS_OPTIONAL,
    NANOSECONDS,
    RING_FIELDS,
    RING_SLOTS,
    RuntimeMetric,
)

__all__ = [
    "BATCH_FAMILIES",
    "BATCH_METRICS",
    "BATCH_MOMENTS",
    "BATCH_PREFIX",
    "BATCH_STATUSES",
    "DROPPED",
    "FAILURE_CLASSES",
    "GC_DURATION",
    "GC_QUANTILES",
    "GOROUTINES",
    "GOROUTINE_ALIASES",
    "GROUPING",
    "HEALTH",
    "LABEL_NAME",
    "LEFT_OUT",
    "LINE_FAULTS",
    "MEMSTATS",
    "MEMSTATS_OPTIONAL",
    "METRIC_NAME",
    "NANOSECONDS",
    "PRIVATE_KEYS",
    "PUSH_FAILURE_TIME",
    "PUSH_OUTCOMES",
    "PUSH_TIME",
    "RELABELLED",
    "REPAIRS",
    "RING_FIELDS",
    "RING_SLOTS",
    "SELF_FAMILIES",
    "SELF_METRICS",
    "SHED",
    "SKIPPED",
    "BatchMetric",
    "RuntimeMetric",
    "SelfMetric",
]
