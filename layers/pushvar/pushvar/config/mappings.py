"""The words of mapping rules: what stands below ``mappings`` in a configuration, and in ready sets.

Source of the words: our own rule language; the documentation of the configuration describes it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from pushvar.config.values import Block

MappingName = Annotated[str, Meta(extra={"grammar": "mapping_name"})]
Pattern = Annotated[tuple[str, ...], Meta(extra={"grammar": "pattern"})]
MetricTemplate = Annotated[str, Meta(extra={"grammar": "metric_template"})]
MappingLabel = Annotated[str, Meta(extra={"grammar": "mapping_label"})]
MappingLabelValue = Annotated[str, Meta(extra={"grammar": "mapping_label_value"})]
FieldReference = Annotated[str, Meta(extra={"grammar": "field_reference"})]
Scale = Annotated[str, Meta(extra={"grammar": "scale"})]
Quantile = Annotated[str, Meta(extra={"grammar": "quantile"})]

KEYS = "keys"
"""``histogram.bounds`` of an object whose keys are the bounds."""


class HistogramBlock(Block, frozen=True, kw_only=True):
    """A histogram in one object: its keys are the bounds (``bounds: keys``), or two lists in it are parallel.

    ``counts`` names the list of counts; ``sum`` and ``count`` name fields beside them, and are empty
    where there are none.
    """

    bounds: str
    counts: str = ""
    sum: str = ""
    count: str = ""
    scale: Scale | None = None
    le_scale: Scale | None = None


class MappingRule(Block, frozen=True, kw_only=True):
    """One rule: which values it takes and what series they become. ``match`` holds segments."""

    match: Pattern = ()
    preset: Literal["go_memstats", "go_goroutines", "gc_cpu_fraction", "forced_gc", "sql_db_stats"] | None = (
        None
    )
    action: Literal["map", "drop"] = "map"
    name: MetricTemplate = ""
    help: str = ""
    type: Literal["counter", "gauge", "histogram", "summary", "info", "unknown"] | None = None
    role: Literal["value", "bucket", "sum", "count", "quantile"] = "value"
    labels: tuple[tuple[MappingLabel, MappingLabelValue], ...] = ()
    label_map: FieldReference = ""
    label_exclude: tuple[str, ...] = ()
    value_label: MappingLabel = ""
    scale: Scale | None = None
    le_scale: Scale | None = None
    parse: Literal["duration", "number"] | None = None
    quantiles: tuple[tuple[str, Quantile], ...] = ()
    buckets: Literal["cumulative", "disjoint"] | None = None
    histogram: HistogramBlock | None = None


Rules = tuple[MappingRule, ...]
