"""Who is woken by what: one tree of routes (``tree``), written for Alertmanager, AMP and Grafana."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.kit.routing.alertmanager import alertmanager_file
from pushvar.kit.routing.amp import amp_definition, amp_template
from pushvar.kit.routing.grafana import grafana_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.kit.settings import KitSettings


def routing_files(settings: KitSettings, teams: Sequence[str] = ()) -> dict[str, str]:
    """Path -> text. ``teams`` are those with a receiver of their own; the others share one."""
    return {
        "alertmanager/alertmanager.yml": alertmanager_file(teams),
        "amp/alertmanager.yml": amp_definition(teams),
        "amp/template.yaml": amp_template(settings, teams),
        "grafana/alerting.json": grafana_file(teams),
    }
