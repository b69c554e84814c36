"""A group of commands of which only the one that runs is loaded.

The group's help shows a line of each and so loads them all: a command's file imports what only its work
needs when it works.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LateGroup(click.Group):
    """``files`` are the commands in the order in which people need them: name -> its file beside this one."""

    def __init__(self, *arguments: Any, files: Mapping[str, str], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._files = files

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table."""
        return list(self._files)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, loaded now."""
        if cmd_name not in self._files:
            return None
        command: click.Command = import_module(f"pushvar.cli.{self._files[cmd_name]}").command
        return command
