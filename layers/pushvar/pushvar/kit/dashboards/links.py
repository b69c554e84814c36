"""Links from one dashboard to the next, and down to Explore: they carry all choices and the time range."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from pushvar.kit.dashboards.words import uid_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pushvar.kit.dashboards.words import Panel

TAG = "pushvar"
"""All dashboards have it: the menu of links finds them by it."""

SERIES, CELL = "${__field.labels.%s}", "${__data.fields.%s}"
"""A label of the series, a field of the table's line, that somebody clicked on."""

_KEPT = re.compile(r"\$\{[^}]*\}")
_LEGEND_LABEL = re.compile(r"\{\{(\w+)\}\}")


class Further(NamedTuple):
    """A link of one's own, to logs, traces, a topology: ``${__field.labels.instance}`` is filled in."""

    title: str
    url: str


class Way(NamedTuple):
    """From where links lead: a dashboard with choices by ``labels``.

    ``choices`` are the labels of each dashboard that they may lead to.
    """

    labels: tuple[str, ...]
    choices: Mapping[str, tuple[str, ...]]
    further: tuple[Further, ...]

    def to(self, name: str, shown: Iterable[str], source: str) -> dict[str, Any]:
        """A link to another dashboard; choices that are ``shown`` come from what was clicked on."""
        there, seen = self.choices[name], set(shown)
        clicked = [f"var-{label}={source % label}" for label in there if label in seen]
        kept = (label for label in self.labels if label in there and label not in seen)
        carried = [f"${{{label}:queryparam}}" for label in ("datasource", *kept)]
        url = f"/d/{uid_of(name)}?" + "&".join((*clicked, *carried, "${__url_time_range}"))
        return {"title": f"Open {name.replace('-', ' ')}", "url": url, "targetBlank": False}


def menu() -> list[dict[str, Any]]:
    """The links at the top of each dashboard."""
    return [
        {
            "asDropdown": True, "icon": "external link", "includeVars": True, "keepTime": True,
            "tags": [TAG], "targetBlank": False, "title": "pushvar", "tooltip": "The other dashboards",
            "type": "dashboards", "url": "",
        }
    ]  # fmt: skip


def series_links(panel: Panel, way: Way) -> list[dict[str, Any]]:
    """What a click on a series offers; in tables the columns have links of their own."""
    found = []
    if panel.opens and panel.kind != "table":
        shown = (label for query in panel.queries for label in _LEGEND_LABEL.findall(query.legend))
        found.append(way.to(panel.opens, shown, SERIES))
    if panel.explore:
        own = ({"title": one.title, "url": one.url, "targetBlank": True} for one in way.further)
        found += [_to_explore(panel.explore), *own]
    return found


def _to_explore(expr: str) -> dict[str, Any]:
    """To Explore, with an expression over the same time range."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    pane = {
        "datasource": "${datasource}",
        "queries": [{"refId": "A", "expr": expr, "datasource": source}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    text = json.dumps({"a": pane}, separators=(",", ":"))
    parts = re.split(f"({_KEPT.pattern})", text)  # what Grafana fills in stays as it is
    panes = "".join(part if _KEPT.fullmatch(part) else quote(part, safe="") for part in parts)
    return {
        "title": "Look closer in Explore",
        "url": f"/explore?schemaVersion=1&panes={panes}",
        "targetBlank": False,
    }
