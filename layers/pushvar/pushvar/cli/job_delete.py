"""``pushvar job delete``: a job's group, removed."""

from __future__ import annotations

import click

from pushvar.app.jobs_groups import Groups
from pushvar.app.world import real_world
from pushvar.cli.exit_codes import FINE
from pushvar.cli.job_options import job_option, label_option, patience_option, to_option
from pushvar.jobs.run import Declared

_EPILOG = """\b
Examples:
  pushvar job delete --job nightly
  pushvar job delete --job import --label region=eu --to http://pushgateway:9091

\b
The labels have to be all of the group's: pushvar job list shows them. A group that is not there is
no error. Exit codes: 0 asked for, 2 wrong usage, 4 not delivered."""


@click.command("delete", epilog=_EPILOG)
@job_option
@label_option
@to_option
@patience_option
def command(job: str, labels: tuple[tuple[str, str], ...], to: str | None, patience: float) -> int:
    """Remove the group of a job from the gateway."""
    address, answer = Groups(to, real_world(), patience).delete(Declared(job, labels))
    click.echo(f"deleted {address}: {answer}")
    return FINE
