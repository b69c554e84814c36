"""One entry for each metric of the catalogue, and one for each rule of a ready rule set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.catalogue.core import CORE
from pushvar.catalogue.metrics import every_metric
from pushvar.config.mapping_checks import type_of_rule
from pushvar.config.programs import ready_names, ready_rules
from pushvar.kit.settings import span
from pushvar.model import MetricType

if TYPE_CHECKING:
    from pushvar.catalogue.metrics import Metric
    from pushvar.config.mappings import MappingRule
    from pushvar.kit.dictionary.usage import Usage
    from pushvar.kit.settings import KitSettings

_MOMENTS = ("_timestamp_seconds", "_time_seconds")
_PUSHED = {"audit": "with each audit", "batch": "with each push, then {}", "gateway": "{}"}
_ENDINGS = {"counter": "_total", "info": "_info"}  # which a rule's name is given where it has it not
_CAPTURE = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the dictionary says of one metric; ``core`` is its place in the core set, if it has one.

    ``sampled`` says how often a value comes, ``query`` is what to ask first, ``alerts`` and ``panels`` look
    at it.
    """

    name: str
    area: str
    type: str
    unit: str
    labels: tuple[str, ...]
    source: str
    usual: bool
    sampled: str
    meaning: str
    anomaly: str
    query: str
    core: str
    opentelemetry: str
    alerts: tuple[str, ...]
    panels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadyEntry:
    """A rule of a ready set: the name it gives, with what it takes from the path in braces."""

    mapping: str
    name: str
    type: str
    labels: tuple[str, ...]
    source: str


def entries(settings: KitSettings, usage: Usage) -> tuple[Entry, ...]:
    """All metrics of the catalogue, by area."""
    return tuple(_entry(metric, settings, usage) for metric in every_metric())


def ready_entries() -> tuple[ReadyEntry, ...]:
    """What ready rule sets make, by set. What they drop is not there."""
    return tuple(
        _ready(mapping, rule)
        for mapping in sorted(ready_names())
        for rule in ready_rules(mapping)
        if rule.action == "map" and rule.name
    )


def _entry(metric: Metric, settings: KitSettings, usage: Usage) -> Entry:
    family = metric.family
    return Entry(
        name=family.name,
        area=metric.area,
        type=family.type.value,
        unit=family.unit or _implied_unit(metric),
        labels=metric.labels,
        source=metric.source,
        usual=metric.usual,
        sampled=_PUSHED.get(metric.area, "{}").format(_every(settings)),
        meaning=family.help,
        anomaly=metric.anomaly,
        query=_query(metric, settings),
        core=next((one.category for one in CORE if family.name in one.families), ""),
        opentelemetry=metric.opentelemetry,
        alerts=usage.of(family.name, "alert"),
        panels=usage.of(family.name, "panel"),
    )


def _every(settings: KitSettings) -> str:
    shortest, longest = span(settings.shortest_s), span(settings.interval_s)
    return f"every {longest}" if shortest == longest else f"every {shortest} to {longest}, by job"


def _implied_unit(metric: Metric) -> str:
    name = metric.family.name.removesuffix("_total")
    return "ratio" if name.endswith(("_ratio", "_fraction")) else ""


def _query(metric: Metric, settings: KitSettings) -> str:
    """What to ask first; a rate needs a window of four intervals."""
    name, kind, window = metric.family.name, metric.family.type, settings.window(300)
    if kind == MetricType.COUNTER:
        return f"rate({name}[{window}])"
    if kind == MetricType.HISTOGRAM:
        return f"histogram_quantile(0.95, sum by (le) (rate({name}_bucket[{window}])))"
    if kind == MetricType.SUMMARY:
        return f"rate({name}_sum[{window}]) / rate({name}_count[{window}])"
    if name.endswith("_info"):
        return f"count by ({', '.join(metric.labels)}) ({name})"
    return f"time() - {name}" if name.endswith(_MOMENTS) else name


def _ready(mapping: str, rule: MappingRule) -> ReadyEntry:
    path = "/".join(rule.match)
    taken = set(_CAPTURE.findall(rule.name))
    found = [one for one in _CAPTURE.findall(path) if one not in taken and one not in {"le", "q"}]
    labels = dict.fromkeys([*found, *(name for name, _ in rule.labels), *filter(None, [rule.value_label])])
    kind = type_of_rule(rule)
    ending = _ENDINGS.get(kind, "")
    name = rule.name if rule.name.endswith(ending) else rule.name + ending
    return ReadyEntry(mapping, name, kind, tuple(labels), path)
