"""The forms of a dashboard's file: provisioned or posted, imported by hand, or tied to a data source."""

from __future__ import annotations

import json
from typing import Any

from pushvar.kit.dashboards.build import DATASOURCE

INPUT = "DS_PROMETHEUS"
"""What Grafana asks for when somebody imports a dashboard by hand."""

_GRAFANA = "11.0.0"  # the first whose schema is ours
_KINDS = {
    "timeseries": "Time series", "stat": "Stat", "bargauge": "Bar gauge", "table": "Table",
    "state-timeline": "State timeline", "status-history": "Status history", "heatmap": "Heatmap",
}  # fmt: skip


def pinned(dashboard: dict[str, Any], uid: str) -> dict[str, Any]:
    """The dashboard with a data source of its own in place of the choice at the top."""
    text = json.dumps(dashboard).replace(DATASOURCE["uid"], uid).replace("${datasource:queryparam}&", "")
    found: dict[str, Any] = json.loads(text)
    found["templating"]["list"] = [one for one in found["templating"]["list"] if one["type"] != "datasource"]
    return found


def importable(dashboard: dict[str, Any]) -> dict[str, Any]:
    """The dashboard as grafana.com and "Import" want it: it asks for its data source.

    Never for provisioning or the API: there nobody answers, and the placeholder stays.
    """
    kinds = sorted({one["type"] for one in dashboard["panels"]} - {"row"})
    asked = {
        "name": INPUT, "label": "Prometheus", "description": "The data source that pushvar's backend is.",
        "type": "datasource", "pluginId": "prometheus", "pluginName": "Prometheus",
    }  # fmt: skip
    needed = [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": _GRAFANA},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *({"type": "panel", "id": kind, "name": _KINDS[kind], "version": ""} for kind in kinds),
    ]
    return {"__inputs": [asked], "__requires": needed, **pinned(dashboard, f"${{{INPUT}}}")}


def text_of(dashboard: dict[str, Any]) -> str:
    """The file's text: keys in the order in which they are made, so that a change is a small difference."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
