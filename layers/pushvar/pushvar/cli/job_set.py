"""``pushvar job set``: numbers that a job says of itself, from within."""

from __future__ import annotations

import click

from pushvar.app.jobs_records import note
from pushvar.app.world import real_world
from pushvar.cli.exit_codes import FINE
from pushvar.cli.job_options import word
from pushvar.errors import ConfigError
from pushvar.jobs.records import assignment, metric_of

_EPILOG = """\b
Examples:
  pushvar job set records_processed=1042 records_failed=3
  pushvar job set size=73400320 --unit bytes          becomes batch_job_size_bytes
  pushvar job set rows+=500                           adds; any number of processes may do so

\b
It writes a line to the file that PUSHVAR_JOB_RECORDS names, and pushes nothing: the wrapper does, with
its next heartbeat and at the end. Outside of pushvar job run it says so and does nothing, with exit
code 0: a job that runs alone is a good job."""


@click.command("set", epilog=_EPILOG)
@click.argument("numbers", nargs=-1, required=True, metavar="NAME=NUMBER...")
@click.option("--unit", metavar="UNIT", default="", help="The end of their names: bytes, seconds, rows.")
def command(numbers: tuple[str, ...], unit: str) -> int:
    """Set numbers of the job that this runs in: NAME becomes the metric batch_job_NAME."""
    lines = []
    for text in numbers:
        try:
            name, operator, _ = assignment(text)
            lines.append(f"{metric_of(name, unit)}{operator}{text.partition('=')[2].strip()}")
        except ConfigError as error:
            raise ConfigError("NAME=NUMBER", error.problem, hint=error.hint) from None
    note(real_world().environment, lines, word)
    return FINE
