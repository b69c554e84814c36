"""Short ways to write a panel, one for each kind that the dashboards use."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pushvar.kit.dashboards.words import Column, Panel, Query, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.catalogue.thresholds import Threshold

GOOD, WATCH, BAD, CALM = "green", "orange", "red", "blue"
"""Colours by what they mean."""

_LAST = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}


def lines(title: str, unit: str, *queries: Query, **more: Any) -> Panel:
    """Courses over time."""
    return Panel("timeseries", title, queries, unit, **more)


def number(
    title: str,
    unit: str,
    expr: str,
    *,
    threshold: Threshold | None = None,
    text: str = "",
    width: int = 4,
    empty: str = "",
) -> Panel:
    """One number, as it is now."""
    options: Mapping[str, Any] = {
        **_LAST, "colorMode": "value" if threshold else "none", "graphMode": "none", "justifyMode": "auto",
        "orientation": "auto", "textMode": "value", "wideLayout": True,
    }  # fmt: skip
    query = (Query(expr, at_once=True),)
    return Panel("stat", title, query, unit, text, threshold, (width, 4), options=options, empty=empty)


def worst(title: str, unit: str, expr: str, legend: str, **more: Any) -> Panel:
    """The highest ones as they are now; ``expr`` chooses how many."""
    options: Mapping[str, Any] = {
        **_LAST, "displayMode": "basic", "orientation": "horizontal", "showUnfilled": True,
        "valueMode": "color", "minVizHeight": 16, "minVizWidth": 8, "namePlacement": "auto", "sizing": "auto",
    }  # fmt: skip
    return Panel("bargauge", title, (Query(expr, legend, at_once=True),), unit, options=options, **more)


def table(title: str, columns: tuple[tuple[Query, Column], ...], **more: Any) -> Panel:
    """A line for each set of labels, a column for each query; a query's column has its name."""
    queries = tuple(
        replace(query, at_once=True, form="table", column=column.name) for query, column in columns
    )
    options: Mapping[str, Any] = {
        "showHeader": True, "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
    }  # fmt: skip
    shown = tuple(column for _, column in columns)
    labelled = more.pop("labels", ())
    return Panel("table", title, queries, "short", columns=(*labelled, *shown), options=options, **more)


def timeline(title: str, expr: str, legend: str, states: tuple[State, ...], **more: Any) -> Panel:
    """One bar for each series, coloured by state over time."""
    options: Mapping[str, Any] = {
        "mergeValues": True, "showValue": "auto", "alignValue": "left", "rowHeight": 0.85,
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "single", "sort": "none"},
    }  # fmt: skip
    query = (Query(expr, legend),)
    return Panel("state-timeline", title, query, "short", states=states, options=options, **more)


def history(title: str, unit: str, expr: str, legend: str, **more: Any) -> Panel:
    """One line of boxes for each series, coloured by its threshold."""
    options: Mapping[str, Any] = {
        "showValue": "auto", "rowHeight": 0.9, "colWidth": 0.9,
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "single", "sort": "none"},
    }  # fmt: skip
    return Panel("status-history", title, (Query(expr, legend),), unit, options=options, **more)


def heat(title: str, unit: str, expr: str, **more: Any) -> Panel:
    """A histogram over time: ``expr`` gives rates of buckets by ``le``."""
    options: Mapping[str, Any] = {
        "calculate": False, "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "fill": "dark-orange",
                  "exponent": 0.5, "scale": "exponential", "reverse": False},
        "yAxis": {"axisPlacement": "left", "unit": unit, "reverse": False},
        "rowsFrame": {"layout": "auto"}, "filterValues": {"le": 1e-9},
        "legend": {"show": True}, "showValue": "never", "tooltip": {"mode": "single", "yHistogram": False},
    }  # fmt: skip
    return Panel("heatmap", title, (Query(expr, "{{le}}", form="heatmap"),), unit, options=options, **more)
