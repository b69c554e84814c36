"""``pushvar config diff``: two configurations, files or trees, compared item by item."""

from __future__ import annotations

import json

import click

from pushvar.cli import exit_codes
from pushvar.cli.config_sides import side_of

_SCHEMA = 1
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}

_EPILOG = """\b
Examples:
  pushvar config diff pushvar.yml ssm:/pushvar/prod
  pushvar config diff ssm:/pushvar/dev ssm:/pushvar/prod --json

Items are compared by what they mean: spelling, comments and the order of items make no difference.
Exit code 1: they differ."""


@click.command("diff", epilog=_EPILOG)
@click.argument("before", metavar="FILE|ssm:/PATH")
@click.argument("after", metavar="FILE|ssm:/PATH")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(before: str, after: str, as_json: bool) -> int:  # noqa: FBT001 - a click flag
    """Show what leads from one configuration to another; nothing when they are equal."""
    from pushvar.config.diff import differences

    found = differences(side_of(before), side_of(after))
    if as_json:
        items = [{"item": one.item, "change": one.change, "diff": list(one.lines)} for one in found]
        whole = {"schema": _SCHEMA, "before": before, "after": after, "equal": not found}
        click.echo(json.dumps({**whole, "items": items}))
    else:
        for line in (line for one in found for line in one.lines):
            click.secho(line, fg=_COLOURS.get(line[:1]), bold=line.startswith(("+++", "---")))
    return exit_codes.FINDINGS if found else exit_codes.FINE
