"""Rules on panels: what they ask, where they stand, what they say of themselves."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from pushvar.kit.dashboards.build import COLUMNS
from pushvar.kit.dashboards.lint.findings import Finding, all_panels, panels, parts, targets, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.dashboards.lint.findings import Placed, Reading

_OLD = {
    "graph": "timeseries", "singlestat": "stat", "table-old": "table", "grafana-piechart-panel": "piechart",
    "grafana-worldmap-panel": "geomap", "natel-discrete-panel": "state-timeline",
}  # fmt: skip
_NO_UNIT = ("logs", "nodeGraph", "traces")
_SIDES = ("x", "y", "w", "h")


def datasources(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """The same object everywhere: a name or nothing is the default of whoever opens it."""
    asking = [*panels(dashboard), *(target for _, target in targets(dashboard))]
    asking += [one for one in variables(dashboard) if one.part.get("type") == "query"]
    for one in asking:
        source = one.part.get("datasource")
        if isinstance(source, dict) and source.get("uid"):
            continue
        problem = {type(None): "has no data source", str: f"names its data source {source!r}"}
        yield Finding(one.place, "datasource", problem.get(type(source), "has a data source without uid"),
                      'write {"type": "prometheus", "uid": "${datasource}"}')  # fmt: skip


def described(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """Who is woken at night does not know the panel."""
    for one in panels(dashboard):
        missing = [key for key in ("title", "description") if not one.part.get(key)]
        if missing:
            yield Finding(one.place, "panel-description", f"has no {' and no '.join(missing)}",
                          "say what is shown and what to look for")  # fmt: skip


def asking(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """A panel without a query shows nothing."""
    for one in panels(dashboard):
        if not parts(one.part.get("targets")):
            yield Finding(one.place, "panel-targets", "asks nothing", "add a query, or take it out")


def current_kinds(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """Angular panels are gone from Grafana 12."""
    for one in all_panels(dashboard):
        kind = str(one.part.get("type"))
        if kind in _OLD:
            yield Finding(
                one.place, "panel-type", f"is a {kind}, which Grafana has no more", f"use {_OLD[kind]}"
            )


def unique_ids(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """Links and alerts name a panel by its id."""
    ids = Counter(str(one.part.get("id")) for one in all_panels(dashboard))
    for one in all_panels(dashboard):
        number = one.part.get("id")
        if not isinstance(number, int) or ids[str(number)] > 1:
            yield Finding(
                one.place, "panel-id", "has an id that is missing or another's", "number all panels"
            )


def ref_ids(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """Grafana tells the answers of a panel apart by them."""
    for one in panels(dashboard):
        refs = [target.get("refId") for target in parts(one.part.get("targets"))]
        named = Counter(ref for ref in refs if isinstance(ref, str) and ref)
        if named.total() < len(refs):
            yield Finding(one.place, "ref-id", "has a target without refId", "name them A, B, C ...")
        for ref, count in named.items():
            if count > 1:
                yield Finding(one.place, "ref-id", f"has {count} targets {ref!r}", "name them A, B, C ...")


def placed(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """Every panel has a place of its own in the grid."""
    known: list[tuple[Placed, tuple[int, ...]]] = []
    for one in all_panels(dashboard):
        sides = _sides(one.part.get("gridPos"))
        if not sides:
            yield Finding(one.place, "panel-place", "has no gridPos", "give x, y, w and h")
        elif sides[0] + sides[2] > COLUMNS or not sides[2] * sides[3]:
            yield Finding(one.place, "panel-place", f"does not fit {COLUMNS} columns", "make it smaller")
        else:
            known.append((one, sides))
    if any(one.part.get("type") == "row" and one.part.get("collapsed") for one, _ in known):
        return  # what lies in collapsed rows has places of another time
    for (one, first), (other, second) in combinations(known, 2):
        if _overlap(first, second):
            yield Finding(other.place, "panel-place", f"lies on {one.place}", "move one of them")


def _sides(grid: Any) -> tuple[int, ...]:
    """x, y, w, h; nothing when one of them is missing."""
    found = [grid.get(side) for side in _SIDES] if isinstance(grid, dict) else []
    numbers = tuple(side for side in found if isinstance(side, int) and side >= 0)
    return numbers if len(numbers) == len(_SIDES) else ()


def _overlap(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    return all(
        first[at] < second[at] + second[at + 2] and second[at] < first[at] + first[at + 2] for at in (0, 1)
    )


def thresholds(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """Grafana takes the first step that fits from below: disorder shows the wrong colour."""
    for one in panels(dashboard):
        for found in _thresholds(one.part):
            steps = [step.get("value") for step in parts(found.get("steps"))]
            numbers = [value for value in steps[1:] if isinstance(value, (int, float))]
            rising = all(low < high for low, high in pairwise(numbers))
            good = steps and steps[0] is None and len(numbers) == len(steps) - 1 and rising
            if not good or found.get("mode") != "absolute":
                yield Finding(one.place, "thresholds", f"has the {found.get('mode')} steps {steps}",
                              "begin with null, then rising absolute values")  # fmt: skip


def _thresholds(panel: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the panel, and those of single columns."""
    config = panel.get("fieldConfig")
    if not isinstance(config, dict):
        return []
    defaults = config.get("defaults")
    found = [defaults.get("thresholds")] if isinstance(defaults, dict) else []
    for override in parts(config.get("overrides")):
        values = parts(override.get("properties"))
        found += [one.get("value") for one in values if one.get("id") == "thresholds"]
    return parts(found)


def units(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """A number without a unit is read as the wrong one."""
    for one in panels(dashboard):
        if one.part.get("type") not in _NO_UNIT and not unit_of(one.part):
            yield Finding(one.place, "panel-unit", "has no unit", "set one; short for plain numbers")


def unit_of(panel: dict[str, Any]) -> str:
    """The unit of a panel, "" when it has none."""
    config = panel.get("fieldConfig")
    defaults = config.get("defaults") if isinstance(config, dict) else None
    return str(defaults.get("unit") or "") if isinstance(defaults, dict) else ""


RULES = (
    datasources, described, asking, current_kinds, unique_ids, ref_ids, placed, thresholds, units,
)  # fmt: skip
