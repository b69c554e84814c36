"""``pushvar config schema``: the configuration as a JSON schema, for editors."""

from __future__ import annotations

import json

import click

from pushvar.cli import exit_codes

_EPILOG = """\b
Example:
  pushvar config schema > pushvar.schema.json

An editor with the YAML language server uses it for a file that begins with
  # yaml-language-server: $schema=pushvar.schema.json"""


@click.command("schema", epilog=_EPILOG)
def command() -> int:
    """Print the JSON schema of a configuration (draft 2020-12)."""
    from pushvar.config.json_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
    return exit_codes.FINE
