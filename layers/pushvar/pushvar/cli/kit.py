"""``pushvar kit``: what operators take over. Each command has a file of its own."""

from __future__ import annotations

import click

from pushvar.cli.late import LateGroup

_COMMANDS = {
    "rules": "kit_rules",
    "routing": "kit_routing",
    "dashboards": "kit_dashboards",
    "dictionary": "kit_dictionary",
    "checklist": "kit_checklist",
    "snippet": "kit_snippet",
}
"""Command -> its file beside this one."""


@click.command("kit", cls=LateGroup, files=_COMMANDS)
def command() -> None:
    """Alert rules, dashboards and a dictionary for those who operate what pushvar sends."""
