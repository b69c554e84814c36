"""``pushvar config``: what is done with a configuration as a whole. Each command has a file of its own."""

from __future__ import annotations

import click

from pushvar.cli.late import LateGroup

_COMMANDS = {
    "validate": "config_validate",
    "import": "config_import",
    "push": "config_push",
    "pull": "config_pull",
    "diff": "config_diff",
    "log": "config_log",
    "schema": "config_schema",
}
"""Command -> its file beside this one, in the order in which people need them."""


@click.command("config", cls=LateGroup, files=_COMMANDS)
def command() -> None:
    """Check a configuration, bring it in, move and compare it."""
