"""The configuration of Alertmanager. Secrets stand in files beside it; no receiver has one in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.kit.routing import tree
from pushvar.kit.rule_files import yaml_text

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = (
    "Made by `pushvar kit routing alertmanager`. Receivers are placeholders: put your own channels there.",
    "Secrets are read from the files that are named; paths are relative to this one.",
    "",
    "amtool check-config alertmanager.yml",
    "amtool config routes test --config.file=alertmanager.yml tier=infra priority=P1 severity=critical",
)
_TITLE = "{{ .CommonLabels.priority }} {{ .CommonLabels.alertname }} ({{ .Status }})"
_TEXT = (
    "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.description }}\n"
    "{{ .Annotations.runbook_url }}\n{{ end }}"
)


def alertmanager_file(teams: Sequence[str]) -> str:
    """The file's text."""
    document = {
        "global": {"slack_api_url_file": "secrets/slack_url"},
        **tree.as_tree(teams),
        "receivers": [{"name": name, **_configs(name, teams)} for name in tree.receivers(teams)],
    }
    return yaml_text(_HEAD, document)


def _configs(name: str, teams: Sequence[str]) -> dict[str, Any]:
    if name in {tree.PAGER, tree.INFRA}:
        key = f"secrets/{name}_routing_key"
        described = {"routing_key_file": key, "severity": "{{ .CommonLabels.severity }}"}
        return {"pagerduty_configs": [{**described, "description": _TITLE}]}
    if name == tree.HEARTBEAT:
        whose = {"authorization": {"credentials_file": "secrets/heartbeat_token"}}
        url = "https://heartbeat.example.org/pushvar"
        return {"webhook_configs": [{"url": url, "send_resolved": False, "http_config": whose}]}
    own = {tree.team_receiver(team): f"#{team}-alerts" for team in teams}
    channel = "#{{ .CommonLabels.team }}-alerts" if name == tree.TEAMS else own.get(name, f"#{name}")
    told = {"channel": channel, "send_resolved": True, "title": _TITLE, "text": _TEXT}
    return {"slack_configs": [told]}
