"""``pushvar config``: what is done with a configuration as a whole. Each command has a file of its own."""

from __future__ import annotations

from importlib import import_module

import click

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


class _Commands(click.Group):
    """Only the command that runs is loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, loaded now."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"pushvar.cli.{_COMMANDS[cmd_name]}").command
        return command


@click.command("config", cls=_Commands)
def command() -> None:
    """Check a configuration, bring it in, move and compare it."""
