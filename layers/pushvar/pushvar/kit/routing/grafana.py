"""Grafana's own alerting: contact points and a notification policy, as a file that it provisions.

Grafana has no inhibition: there what follows from an outage is sent beside it. Source: Grafana documentation,
"Use configuration files to provision alerting resources"; ``$NAME`` is read from Grafana's environment.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pushvar.kit.routing import tree

if TYPE_CHECKING:
    from collections.abc import Sequence


def grafana_file(teams: Sequence[str]) -> str:
    """The file's text."""
    root = {
        "orgId": 1,
        **_times(tree.ROOT),
        "group_by": list(tree.GROUP_BY),
        "routes": [_route(one) for one in tree.routes(teams)],
    }
    points = [_point(name) for name in tree.receivers(teams)]
    return json.dumps({"apiVersion": 1, "contactPoints": points, "policies": [root]}, indent=2) + "\n"


def _point(name: str) -> dict[str, Any]:
    variable = f"PUSHVAR_{name.replace('-', '_').upper()}"
    settings: dict[str, Any] = {"url": f"${variable}_URL"}
    kind = "webhook"
    if name in {tree.PAGER, tree.INFRA}:
        kind, settings = "pagerduty", {"integrationKey": f"${variable}_KEY"}
    receiver = {"uid": f"pushvar-{name}", "type": kind, "settings": settings, "disableResolveMessage": False}
    return {"orgId": 1, "name": name, "receivers": [receiver]}


def _times(route: tree.Route) -> dict[str, Any]:
    times = {"group_wait": route.wait, "group_interval": route.interval, "repeat_interval": route.repeat}
    return {"receiver": route.receiver, **{name: time for name, time in times.items() if time}}


def _route(route: tree.Route) -> dict[str, Any]:
    matchers = [list(one) for one in route.matchers]
    return {**_times(route), "object_matchers": matchers, "continue": route.onwards}
