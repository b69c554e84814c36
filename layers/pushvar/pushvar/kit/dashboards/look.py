"""How Grafana shows numbers: thresholds, states, colours, and what belongs to each kind of panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.kit.dashboards.panels import BAD, CALM, GOOD, WATCH

if TYPE_CHECKING:
    from pushvar.catalogue.thresholds import Threshold
    from pushvar.kit.dashboards.words import Panel, State

ABOVE_ZERO = 1e-9
"""A threshold that every number above zero crosses."""

_LINE: dict[str, Any] = {
    "drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 5,
    "showPoints": "auto", "spanNulls": False, "axisSoftMin": 0,
    "stacking": {"mode": "none", "group": "A"},
}  # fmt: skip
_LINES: dict[str, Any] = {
    "legend": {"showLegend": True, "displayMode": "table", "placement": "bottom",
               "calcs": ["lastNotNull", "max"], "sortBy": "Max", "sortDesc": True},
    "tooltip": {"mode": "multi", "sort": "desc"},
}  # fmt: skip


def steps(threshold: Threshold | None) -> dict[str, Any]:
    """Absolute steps in rising order, the first without a value: what is low is bad where ``falling``."""
    if threshold is None:
        found: list[tuple[float | None, str]] = [(None, CALM)]
    elif threshold.falling:
        found = [(None, BAD), (threshold.bad, WATCH), (threshold.warn, GOOD)]
    elif threshold.warn == threshold.bad:
        found = [(None, GOOD), (threshold.bad, BAD)]
    else:
        found = [(None, GOOD), (threshold.warn, WATCH), (threshold.bad, BAD)]
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in found]}


def edges(limit: Threshold) -> str:
    """Where the colours of a threshold change, in words."""
    if limit.bad == ABOVE_ZERO:
        return "above 0"
    places = f"{limit.warn:g}" if limit.warn == limit.bad else f"{limit.warn:g} and {limit.bad:g}"
    return f"{'below' if limit.falling else 'from'} {places}"


def mappings(states: tuple[State, ...]) -> list[dict[str, Any]]:
    """Numbers that stand for states, as Grafana's value mappings."""
    if not states:
        return []
    options = {
        str(state.value): {"text": state.text, "color": state.colour, "index": index}
        for index, state in enumerate(states)
    }
    return [{"type": "value", "options": options}]


def custom(panel: Panel) -> dict[str, Any]:
    """What only this kind of panel has under ``fieldConfig.defaults.custom``."""
    if panel.kind == "timeseries":
        style = "dashed" if panel.threshold else "off"
        return {**_LINE, "thresholdsStyle": {"mode": style}}
    own: dict[str, dict[str, Any]] = {
        "state-timeline": {"fillOpacity": 80, "lineWidth": 0},
        "status-history": {"fillOpacity": 80, "lineWidth": 1},
        "table": {"align": "auto", "filterable": True, "cellOptions": {"type": "auto"}},
        "heatmap": {"scaleDistribution": {"type": "linear"}},
    }
    return own.get(panel.kind, {})


def options(panel: Panel) -> dict[str, Any]:
    """What only this kind of panel has under ``options``."""
    return _LINES if panel.kind == "timeseries" else dict(panel.options)


def colour(panel: Panel) -> dict[str, Any]:
    """Lines have colours of their own, all else that of its threshold or state."""
    return {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"}
