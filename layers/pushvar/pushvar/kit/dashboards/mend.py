"""What can be mended in a dashboard without knowing what it is for: ids, refIds, data sources, refreshes.

A data source may be written as text (a name or uid of one Grafana), as an object without uid, or not at all
(the default of whoever opens it); all of them become the choice at the top.
"""

from __future__ import annotations

import copy
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

from pushvar.kit.dashboards.build import DATASOURCE, datasource_variable, ref_id
from pushvar.kit.dashboards.lint.findings import all_panels, panels, parts, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

_ON_TIME_RANGE = 2


def mended(dashboard: dict[str, Any]) -> dict[str, Any]:
    """The dashboard with those faults mended; what is right, or nobody can know, stays as it is."""
    made = copy.deepcopy(dashboard)
    made |= {"id": None, "editable": False, "timezone": "browser"}
    _number_panels(made)
    for one in panels(made):
        _name_targets(parts(one.part.get("targets")))
    for part in _asking(made):
        source = part.get("datasource")
        if not (isinstance(source, dict) and source.get("uid")):
            part["datasource"] = dict(DATASOURCE)
    for one in variables(made):
        if one.part.get("type") == "query":
            one.part["refresh"] = _ON_TIME_RANGE
    _offer_choice(made)
    return made


def _asking(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Whatever asks a data source."""
    for one in panels(dashboard):
        yield one.part
        yield from parts(one.part.get("targets"))
    for one in variables(dashboard):
        if one.part.get("type") == "query":
            yield one.part


def _number_panels(dashboard: dict[str, Any]) -> None:
    """Give numbers of their own to panels without one, or with that of another before them."""
    seen: set[int] = set()
    taken = {one.part["id"] for one in all_panels(dashboard) if isinstance(one.part.get("id"), int)}
    free = (number for number in count(1) if number not in taken)
    for one in all_panels(dashboard):
        number = one.part.get("id")
        if not isinstance(number, int) or number in seen:
            one.part["id"] = number = next(free)
        seen.add(number)


def _name_targets(targets: list[dict[str, Any]]) -> None:
    """Keep the first of each refId, and give the others letters that are free."""
    used = Counter(target.get("refId") for target in targets if isinstance(target.get("refId"), str))
    free = (ref for ref in map(ref_id, count()) if ref not in used)
    seen: set[str] = set()
    for target in targets:
        ref = target.get("refId")
        if not isinstance(ref, str) or not ref or ref in seen:
            target["refId"] = ref = next(free)
        seen.add(ref)


def _offer_choice(dashboard: dict[str, Any]) -> None:
    """Add the variable that data sources name now, unless it is there."""
    if any(one.part.get("type") == "datasource" for one in variables(dashboard)):
        return
    templating = dashboard.get("templating")
    listed = templating.get("list") if isinstance(templating, dict) else None
    dashboard["templating"] = {"list": [datasource_variable(), *parts(listed)]}
