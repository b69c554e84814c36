"""Files for Grafana's provisioning: where dashboards lie, and the data source that they ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.kit.settings import span

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

_HEAD = "# Made by `pushvar kit dashboards`: change pushvar/kit/dashboards, not this file.\n"


def provider_file() -> str:
    """For /etc/grafana/provisioning/dashboards. The folder must not have the import flavour in it."""
    return f"""{_HEAD}\
# Put it into Grafana's provisioning/dashboards, and this folder's *.json (not those of import/) into path.
apiVersion: 1
providers:
  - name: pushvar
    folder: pushvar
    type: file
    allowUiUpdates: false
    updateIntervalSeconds: 30
    options:
      path: /var/lib/grafana/dashboards/pushvar
"""


def datasource_file(settings: KitSettings) -> str:
    """For /etc/grafana/provisioning/datasources; ``timeInterval`` is what $__rate_interval is made of."""
    return f"""{_HEAD}\
# Put it into Grafana's provisioning/datasources. timeInterval has to be the interval of your configuration:
# $__rate_interval is made of it, and a window of less than four intervals has holes, or nothing.
# Nobody should look in without a name: set GF_AUTH_ANONYMOUS_ENABLED=false and GF_SECURITY_ADMIN_PASSWORD.
apiVersion: 1
datasources:
  - name: Prometheus
    uid: prometheus
    type: prometheus
    access: proxy
    url: $PROMETHEUS_URL
    jsonData:
      httpMethod: POST
      timeInterval: {span(round(settings.interval_s))}
"""
