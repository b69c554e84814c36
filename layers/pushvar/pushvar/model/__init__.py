"""The words of the house: values that travel from step to step.

All are frozen; none does I/O. Times are ``*_ms`` (Unix milliseconds) or ``*_s`` (float), sizes bytes.
"""

from pushvar.model.groups import GROUP_KEY, Group, GroupHead, Grouping
from pushvar.model.outcome import Batch, Delivery, Load, Report
from pushvar.model.payload import (
    PATTERN_BYTES,
    STALE_BITS,
    Created,
    Document,
    Family,
    Fetched,
    Labels,
    MetricType,
    Plan,
    Repair,
    Row,
    Scrape,
    SeriesTemplate,
    Shape,
    Skipped,
    Target,
    Times,
)
from pushvar.model.shard import Head, Lease, NewEntry, ShardState, SpoolEntry

__all__ = [
    "GROUP_KEY",
    "PATTERN_BYTES",
    "STALE_BITS",
    "Batch",
    "Created",
    "Delivery",
    "Document",
    "Family",
    "Fetched",
    "Group",
    "GroupHead",
    "Grouping",
    "Head",
    "Labels",
    "Lease",
    "Load",
    "MetricType",
    "NewEntry",
    "Plan",
    "Repair",
    "Report",
    "Row",
    "Scrape",
    "SeriesTemplate",
    "Shape",
    "ShardState",
    "Skipped",
    "SpoolEntry",
    "Target",
    "Times",
]
