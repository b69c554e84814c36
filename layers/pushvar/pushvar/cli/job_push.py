"""``pushvar job push``: a document of numbers into the group of a job."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pushvar.app.jobs_groups import FORMATS, Groups, document
from pushvar.app.world import real_world
from pushvar.cli.exit_codes import FINE
from pushvar.cli.job_options import job_option, label_option, patience_option, to_option, ttl_option
from pushvar.cli.tables import counted
from pushvar.errors import ConfigError
from pushvar.jobs.run import Declared

_EPILOG = """\b
Examples:
  pushvar job push metrics.prom --job import --to http://pushgateway:9091
  curl -s http://localhost:6060/debug/vars | pushvar job push - --job import --label shard=3
  pushvar job push metrics.prom --job import --method PUT     the group is this and nothing else

\b
POST replaces the metrics of the same names, PUT the whole group with all that a job run said of itself.
Exit codes: 0 pushed, 2 a bad document or wrong usage, 4 not delivered."""


@click.command("push", epilog=_EPILOG)
@click.argument("file")
@job_option
@label_option
@to_option
@click.option("--method", type=click.Choice(["PUT", "POST"]), default="POST", show_default=True)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True,
    help="What FILE holds; auto: what its content says.",
)  # fmt: skip
@ttl_option
@patience_option
def command(  # noqa: PLR0913 - click hands over each option by its name
    *,
    file: str,
    job: str,
    labels: tuple[tuple[str, str], ...],
    to: str | None,
    method: str,
    form: str,
    ttl: float | None,
    patience: float,
) -> int:
    """Push FILE (- for standard input): Prometheus text, OpenMetrics or an expvar document."""
    groups = Groups(to, real_world(), patience)
    said = document("stdin" if file == "-" else file, _read(file), form)
    address, answer = groups.push(Declared(job, labels, ttl_s=ttl or 0.0), method, said)
    click.echo(f"pushed {counted(said.samples, 'sample')} to {address}: {answer}")
    return FINE


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigError("FILE", f"{file}: {error.strerror}", hint="give a file, or -") from None
