"""Tables: the answers of several queries side by side, and how each column looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.kit.dashboards import look
from pushvar.kit.dashboards.links import CELL

if TYPE_CHECKING:
    from pushvar.kit.dashboards.links import Way
    from pushvar.kit.dashboards.words import Column, Panel


def transformations(panel: Panel) -> list[dict[str, Any]]:
    """Answers with the same labels become one line; values get the names of their queries."""
    if panel.kind != "table":
        return []
    if len(panel.queries) == 1:
        named = {"Value": panel.queries[0].column}
    else:
        named = {f"Value #{chr(ord('A') + index)}": query.column for index, query in enumerate(panel.queries)}
    shown = [column.name for column in panel.columns if column.name not in named.values()]
    organize = {
        "excludeByName": dict.fromkeys(panel.hidden, True),
        "includeByName": {},
        "indexByName": {name: index for index, name in enumerate((*shown, *named))},
        "renameByName": named,
    }
    merged = [{"id": "merge", "options": {}}] if len(panel.queries) > 1 else []
    return [*merged, {"id": "organize", "options": organize}]


def columns(panel: Panel, way: Way) -> list[dict[str, Any]]:
    """How each column looks, where it is not the table's own way."""
    beside = tuple(column.name for column in panel.columns)
    found = []
    for column in panel.columns:
        listed = [{"id": name, "value": value} for name, value in _properties(column, beside, way).items()]
        if listed:
            found.append({"matcher": {"id": "byName", "options": column.name}, "properties": listed})
    return found


def _properties(column: Column, beside: tuple[str, ...], way: Way) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if column.unit:
        found["unit"] = column.unit
    if column.threshold is not None:
        found["thresholds"] = look.steps(column.threshold)
    if column.states:
        found["mappings"] = look.mappings(column.states)
    if column.threshold is not None or column.states:
        found["custom.cellOptions"] = {"type": "color-text"}
    if column.opens:
        found["links"] = [way.to(column.opens, beside, CELL)]
    return found
