"""Rules on expressions: their metrics, windows, units. This reads PromQL roughly; tests have a parser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pushvar.catalogue.audit import AUDIT_TIME
from pushvar.catalogue.metrics import metric_of_series
from pushvar.config.grammar import duration
from pushvar.errors import ConfigError
from pushvar.kit.dashboards.lint.findings import Finding, expression, targets
from pushvar.kit.dashboards.lint.panels import unit_of
from pushvar.kit.rule_files import Recording
from pushvar.kit.rules import groups_of
from pushvar.kit.series_names import REMOVED, metric_names
from pushvar.model import MetricType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.dashboards.lint.findings import Placed, Reading

_WINDOW = re.compile(r"\[([^\[\]:]+)(?::[^\[\]]*)?\]")
_RATE = re.compile(r"\b(rate|irate|increase)\s*\(")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_PLAIN = re.compile(r"[\w:]+(?:\{[^{}]*\})?")
_RATED = re.compile(r"rate\([\w:]+(?:\{[^{}]*\})?\[[^\[\]]+\]\)")
_UNITS = {"bytes": ("bytes", "decbytes"), "seconds": ("s", "dateTimeAsIso", "dateTimeFromNow")}
_RATE_UNITS = {"bytes": ("Bps", "binBps"), "seconds": ("s", "short", "percentunit")}
_COUNTERS = ("_total", "_count", "_sum", "_bucket")


def balanced(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """An expression has to be there, and its brackets in pairs."""
    for _panel, target in targets(dashboard):
        expr, open_ = expression(target.part), []
        wrong = not expr.strip()
        for one in _STRING.sub("", expr):
            if one in _PAIRS.values():
                open_.append(one)
            elif one in _PAIRS:
                wrong = wrong or not open_ or open_.pop() != _PAIRS[one]
        if wrong or open_:
            yield Finding(
                target.place, "promql", "is empty, or its brackets do not fit", "mend the expression"
            )


def known_metrics(dashboard: dict[str, Any], reading: Reading) -> Iterator[Finding]:
    """A metric that nobody emits gives an empty panel, which looks like peace."""
    recorded = _recorded(reading) | reading.recorded
    for _panel, target in targets(dashboard):
        for name in sorted(metric_names(expression(target.part))):
            if name in REMOVED:
                problem = f"asks for {name}: {REMOVED[name]}"
                yield Finding(target.place, "metric-removed", problem, "take it out")
            elif name not in metric_of_series() and name not in recorded:
                yield Finding(target.place, "metric-known", f"asks for {name}, which the dictionary has not",
                              "is it spelt right? Your own metrics need a board of your own")  # fmt: skip


def _recorded(reading: Reading) -> set[str]:
    """The names that the kit's own rules record."""
    rules = (rule for group in groups_of(reading.settings) for rule in group.rules)
    return {rule.record for rule in rules if isinstance(rule, Recording)}


def windows(dashboard: dict[str, Any], reading: Reading) -> Iterator[Finding]:
    """A rate over less than four intervals has holes; over one there is none at all."""
    least_s = reading.settings.window_s(0)
    for _panel, target in targets(dashboard):
        expr = expression(target.part)
        for found in _WINDOW.findall(expr):
            if found.startswith(("$", "[")):
                if found.strip("${}") == "__interval":
                    yield Finding(target.place, "rate-interval", "takes $__interval", "use $__rate_interval")
            elif _RATE.search(expr) and not _long(found, least_s):
                yield Finding(target.place, "rate-interval", f"has a window of {found}",
                              f"use $__rate_interval, or {least_s} s at least: four intervals")  # fmt: skip


def _long(window: str, least_s: int) -> bool:
    try:
        return duration(window).s >= least_s
    except ConfigError:
        return False


def rated_counters(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """A counter by itself says how long a process has run."""
    for _panel, target in targets(dashboard):
        expr = expression(target.part)
        bare = re.sub(r"\{[^{}]*\}", "", _STRING.sub('""', expr))
        for name in sorted(metric_names(expr)):
            if _counts(name) and re.search(rf"(?<![\w:]){re.escape(name)}(?![\w:]|\s*\[)", bare):
                yield Finding(
                    target.place, "counter-rate", f"shows the counter {name} as it is", "take its rate"
                )


def _counts(name: str) -> bool:
    metric = metric_of_series().get(name)
    if metric is None:
        return name.endswith(_COUNTERS)
    if metric.family.type is MetricType.COUNTER:
        return True
    return name != metric.family.name and metric.family.type in (MetricType.HISTOGRAM, MetricType.SUMMARY)


def fitting_units(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """A metric as it is has its own unit: pauses in seconds shown as milliseconds are wrong by a thousand."""
    for panel, target in targets(dashboard):
        expr, unit = expression(target.part).strip(), unit_of(panel.part)
        allowed = _UNITS if _PLAIN.fullmatch(expr) else _RATE_UNITS if _RATED.fullmatch(expr) else {}
        for own in {_unit(name) for name in metric_names(expr)}:
            if unit and own in allowed and unit not in allowed[own] and panel.part.get("type") != "table":
                yield Finding(target.place, "unit-fits", f"shows {own} as {unit}", f"use {allowed[own][0]}")


def _unit(name: str) -> str:
    metric = metric_of_series().get(name)
    if metric is None or name in (f"{metric.family.name}_count", f"{metric.family.name}_bucket"):
        return ""
    return metric.family.unit


def same_grouping(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """A ratio by status on both sides divides each status by itself: always 100 %."""
    by_code = re.compile(r"by\s*\([^()]*\b(?:code|status)\b[^()]*\)")
    for _panel, target in targets(dashboard):
        above, slash, below = expression(target.part).partition("/")
        if slash and by_code.search(above) and by_code.search(below):
            yield Finding(target.place, "ratio-grouping", "groups both sides of a ratio by status",
                          "group by what is compared, such as the domain")  # fmt: skip


def time_filter(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """``$__timeFilter`` is for SQL."""
    for _panel, target in targets(dashboard):
        if "$__timeFilter" in expression(target.part):
            yield Finding(target.place, "time-filter", "uses $__timeFilter, which is SQL's", "take it out")


def selected(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """Each metric has to be narrowed by some choice, or the panel shows everybody's."""
    for _panel, target in targets(dashboard):
        expr = expression(target.part)
        if not metric_names(expr) <= {AUDIT_TIME.family.name} and not _choices(target):  # it is nobody's
            yield Finding(target.place, "target-selector", "selects by no variable",
                          'select by job=~"$job" and the like')  # fmt: skip


def _choices(target: Placed) -> bool:
    return bool(re.search(r"=~?\s*\"(?:\$\w|\$\{\w)", expression(target.part)))


RULES = (
    balanced, known_metrics, windows, rated_counters, fitting_units, same_grouping, time_filter, selected,
)  # fmt: skip
