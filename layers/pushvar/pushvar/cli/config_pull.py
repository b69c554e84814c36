"""``pushvar config pull``: a tree of parameters as one file."""

from __future__ import annotations

from pathlib import Path

import click

from pushvar.cli import exit_codes
from pushvar.cli.config_sides import tree_of
from pushvar.cli.tables import counted
from pushvar.errors import ConfigError

_HEAD = "# yaml-language-server: $schema=pushvar.schema.json\n"

_EPILOG = """\b
Examples:
  pushvar config pull --from ssm:/pushvar/prod
  pushvar config pull --from ssm:/pushvar/prod -o pushvar.yml

Secrets are references in a tree too: none is read, none is written."""


@click.command("pull", epilog=_EPILOG)
@click.option("--from", "reference", required=True, metavar="ssm:/PATH", help="The tree of parameters.")
@click.option("--output", "-o", metavar="FILE", help="Where to write it. [default: standard output]")
@click.option("--dry-run", is_flag=True, help="Say what is there, and write nothing.")
def command(reference: str, output: str | None, dry_run: bool) -> int:  # noqa: FBT001 - a click flag
    """Write the configuration that a tree of parameters holds, as one file.

    Pushing the file again changes nothing in the tree. Pulling the same tree again gives the same bytes.
    """
    from pushvar.config.pulled import pulled

    found = tree_of(reference)
    text = _HEAD + pulled(found.tree)
    if output and not dry_run:
        try:
            Path(output).write_text(text, "utf-8")
        except OSError as error:
            raise ConfigError("--output", f"{output}: {error.strerror}", hint="give another path") from None
    elif not dry_run:
        click.echo(text, nl=False)
    config = found.tree.config
    backends = len(config.remote_write) + len(config.pushgateways)
    jobs, where = counted(len(config.scrape_configs), "job"), output or "standard output"
    fate = "a dry run: nothing was written" if dry_run else f"written to {where}"
    click.secho(f"{reference}: {jobs}, {counted(backends, 'backend')}; {fate}", err=True, dim=True)
    return exit_codes.FINE
