"""A board as the JSON that Grafana provisions: ids, places, targets, descriptions.

Ids and places follow from the order of the panels, so the same board gives the same bytes. The schema is that
of Grafana 11 and later; older schemas are migrated by Grafana itself and newer ones take this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.catalogue.metrics import every_metric
from pushvar.catalogue.service import DEPLOYED
from pushvar.kit.dashboards import look
from pushvar.kit.dashboards.expressions import Scope
from pushvar.kit.dashboards.links import TAG, Way, menu, series_links
from pushvar.kit.dashboards.tables import columns, transformations
from pushvar.kit.dashboards.words import Panel
from pushvar.kit.series_names import families

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pushvar.catalogue.thresholds import Threshold
    from pushvar.kit.dashboards.links import Further
    from pushvar.kit.dashboards.words import Board, Query, Row, Variable

SCHEMA_VERSION = 41
"""Of the dashboards' JSON."""

COLUMNS = 24
"""Of Grafana's grid."""

DATASOURCE: dict[str, str] = {"type": "prometheus", "uid": "${datasource}"}
"""What panels, targets and variables ask: the choice at the top."""

_ON_TIME_RANGE = 2  # when Grafana asks for the values of a variable again


def dashboard(
    board: Board, choices: Mapping[str, tuple[str, ...]], further: tuple[Further, ...] = ()
) -> dict[str, Any]:
    """The JSON of a board. ``choices`` are the labels that each dashboard has variables for, by its name.

    ``further`` are links of one's own, for panels that show single instances.
    """
    labels = tuple(one.label for one in board.variables)
    way = Way(labels, choices, further)
    return {
        "id": None,
        "uid": board.uid,
        "title": board.title,
        "description": board.text,
        "tags": [TAG],
        "timezone": "browser",
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "refresh": "1m",
        "time": {"from": board.since, "to": "now"},
        "timepicker": {},
        "fiscalYearStartMonth": 0,
        "weekStart": "",
        "templating": {"list": list(_variables(board.variables))},
        "annotations": {"list": _deploys(labels) if board.deploys else []},
        "links": menu(),
        "panels": [
            _panel(what, place, way) if isinstance(what, Panel) else _row(what, place)
            for what, place in _layout(board.rows)
        ],
    }


def _layout(rows: tuple[Row, ...]) -> Iterator[tuple[Row | Panel, dict[str, Any]]]:
    """Each row and panel with its id and place: from left to right, a new line where there is no room."""
    y = number = 0
    for row in rows:
        number, x, high = number + 1, 0, 0
        yield row, {"id": number, "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}}
        y += 1
        for panel in row.panels:
            wide, tall = panel.size
            if x + wide > COLUMNS:
                x, y, high = 0, y + high, 0
            number += 1
            yield panel, {"id": number, "gridPos": {"x": x, "y": y, "w": wide, "h": tall}}
            x, high = x + wide, max(high, tall)
        y += high


def _row(row: Row, place: dict[str, Any]) -> dict[str, Any]:
    return {"type": "row", "title": row.title, **place, "collapsed": False, "panels": []}


def _panel(panel: Panel, place: dict[str, Any], way: Way) -> dict[str, Any]:
    defaults = {
        "unit": panel.unit,
        "color": look.colour(panel),
        "thresholds": look.steps(panel.threshold),
        "mappings": look.mappings(panel.states),
        "custom": look.custom(panel),
        "links": series_links(panel, way),
        **({} if panel.limits is None else dict(zip(("min", "max"), panel.limits, strict=True))),
        **({"noValue": panel.empty} if panel.empty else {}),
    }
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": describe(panel),
        **place,
        "datasource": DATASOURCE,
        "targets": [_target(query, ref_id(index)) for index, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": defaults, "overrides": columns(panel, way)},
        "options": look.options(panel),
        "transformations": transformations(panel),
    }


def ref_id(index: int) -> str:
    """A to Z, then AA, AB and so on."""
    first, last = divmod(index, 26)
    return (ref_id(first - 1) if first else "") + chr(ord("A") + last)


def describe(panel: Panel) -> str:
    """What to look for, then each metric with its help and what movement deserves a look."""
    known = {metric.family.name: metric for metric in every_metric()}
    used = families("\n".join(query.expr for query in panel.queries))
    told = (f"- `{name}`: {known[name].family.help} Look at: {known[name].anomaly}." for name in used)
    return "\n\n".join(filter(None, (panel.text, _colours(panel.threshold), "\n".join(told))))


def _colours(limit: Threshold | None) -> str:
    return "" if limit is None else f"Coloured {look.edges(limit)}: {limit.why}."


def _target(query: Query, ref: str) -> dict[str, Any]:
    return {
        "refId": ref,
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
        "format": query.form,
        "editorMode": "code",
        "instant": query.at_once,
        "range": not query.at_once,
    }


def datasource_variable() -> dict[str, Any]:
    """The choice of a data source, which every other one is asked from."""
    return {
        "type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus",
        "refresh": 1, "regex": "", "hide": 0, "includeAll": False, "multi": False, "options": [],
        "current": {},
    }  # fmt: skip


def _variables(chosen: tuple[Variable, ...]) -> Iterator[dict[str, Any]]:
    """The data source, then each label's values among those that the choices before it leave."""
    yield datasource_variable()
    for index, one in enumerate(chosen):
        before = Scope(tuple(other.label for other in chosen[:index] if other.metric == one.metric))
        query = f"label_values({before(one.metric) if before.labels else one.metric}, {one.label})"
        yield {
            "type": "query", "name": one.label, "label": one.title, "datasource": DATASOURCE,
            "query": {"query": query, "refId": one.label}, "definition": query, "refresh": _ON_TIME_RANGE,
            "sort": 1, "regex": "", "hide": 0, "includeAll": True, "allValue": ".*", "multi": True,
            "options": [],
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }  # fmt: skip


def _deploys(labels: tuple[str, ...]) -> list[dict[str, Any]]:
    """A mark at each deployment that services tell of."""
    chosen = Scope(labels)
    return [
        {
            "name": "Deployments", "datasource": DATASOURCE, "enable": True, "hide": False,
            "iconColor": "blue",
            "expr": f"{chosen(DEPLOYED.family.name)} * 1000", "useValueForTime": "on", "step": "60s",
            "titleFormat": "{{job}} {{version}}", "tagKeys": "customer_id,job,instance",
        }
    ]  # fmt: skip
