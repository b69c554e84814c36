"""``pushvar config log``: who changed which parameter of a tree, and when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli import exit_codes
from pushvar.cli.registries import parameter_tree
from pushvar.cli.tables import show_table
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.cli.config_history import Written

_SCHEMA = 1

_EPILOG = """\b
Examples:
  pushvar config log ssm:/pushvar/prod
  pushvar config log ssm:/pushvar/prod scrape_configs/pay      every version of one parameter

It needs ssm:DescribeParameters, or ssm:GetParameterHistory for one parameter."""


@click.command("log", epilog=_EPILOG)
@click.argument("reference", metavar="ssm:/PATH")
@click.argument("item", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(reference: str, item: str | None, as_json: bool) -> int:  # noqa: FBT001 - a click flag
    """List when each parameter of a tree was written last, its version and by whom, the newest first.

    With ITEM (scrape_configs/pay), every version of this one.
    """
    from pushvar.cli.config_history import history, last_changes

    prefix = parameter_tree(reference, "REF", "write ssm:/pushvar/<stage>").prefix
    found = history(prefix, item) if item else sorted(last_changes(prefix), key=lambda one: one.at)[::-1]
    if not found:
        raise ConfigError("", f"{reference}: no configuration there", hint="check the path and the region")
    if as_json:
        whole = {"schema": _SCHEMA, "reference": reference, "parameters": [_object(one) for one in found]}
        click.echo(json.dumps(whole))
    else:
        rows = [(one.at.isoformat(" ", "seconds"), str(one.version), one.name, one.user) for one in found]
        show_table([("written", "version", "parameter", "by"), *rows], right=(1,))
    return exit_codes.FINE


def _object(one: Written) -> dict[str, Any]:
    return {"name": one.name, "version": one.version, "written": one.at.isoformat(), "by": one.user}
