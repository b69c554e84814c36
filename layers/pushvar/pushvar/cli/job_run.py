"""``pushvar job run``: a command as it is, and somebody who is told how it went."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import click

from pushvar.app.jobs import HEARTBEAT_S
from pushvar.app.jobs_wrapper import KILL_AFTER_S, Options, Wrapper, run_stage
from pushvar.app.world import real_world
from pushvar.cli.job_options import label_option, patience_option, to_option, ttl_option, word
from pushvar.cli.values import DURATION
from pushvar.jobs.run import Declared

if TYPE_CHECKING:
    from collections.abc import Callable

_Function = TypeVar("_Function", bound="Callable[..., object]")

_EPILOG = """\b
Examples:
  0 3 * * * pushvar job run --job nightly --every 24h --timeout 1h -- ./backup.sh
  pushvar job run --job import --label region=eu -- sh -c 'extract | load'
  pushvar job run --job etl -- sh -c 'pushvar job run --stage extract -- ./extract &&
                                      pushvar job run --stage load -- ./load'
  pushvar job run --job etl --remote-write http://prometheus:9090/api/v1/write -- ./etl

\b
The exit code is the command's own, whatever happens to the metrics: 128+n when signal n ended it, 124
after --timeout, 127 when it was not found, 126 when it could not be executed. With --on-overlap a
run that finds another one at work does not run: skip gives 0, fail gives 75. A usage error gives 2,
and then nothing was run.

\b
The command has standard input, output and error to itself. SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1
and SIGUSR2 are sent on to it. A line on standard error says what could not be pushed.
Within the command, pushvar job set rows=42, or a line rows=42 in the file that PUSHVAR_JOB_RECORDS
names, becomes the metric batch_job_rows."""


def _time(option: str, default: str | None, text: str) -> Callable[[_Function], _Function]:
    """An option that takes a time."""
    name = option.removeprefix("--").replace("-", "_")
    return click.option(
        option,
        name,
        type=DURATION,
        default=default,
        show_default=default is not None,
        metavar="TIME",
        help=text,
    )


@click.command(
    "run", epilog=_EPILOG, context_settings={"allow_interspersed_args": False}, no_args_is_help=True
)
@click.option("--job", metavar="NAME", help="What the job is called.")
@to_option
@click.option("--remote-write", metavar="URL", help="Instead of --to: a database that takes remote write.")
@label_option
@_time(
    "--every", None, "How often it is to run (24h): for alerts on missed runs, and for how long it is kept."
)
@_time("--timeout", None, "End it after this time: SIGTERM, then SIGKILL.")
@_time("--kill-after", f"{KILL_AFTER_S:g}s", "From SIGTERM to SIGKILL.")
@_time("--heartbeat", f"{HEARTBEAT_S:g}s", "How often a long run says that it is there.")
@patience_option
@ttl_option
@click.option("--stage", metavar="NAME", help="What the command is called as a stage of the job around it.")
@click.option("--records", metavar="FILE", help="A file that the command writes: name=value, JSON, or text.")
@click.option("--job-version", metavar="TEXT", help="The version label of batch_job_info.")
@click.option("--schedule", metavar="TEXT", help="Its schedule label. [default: --every]")
@click.option(
    "--on-overlap", type=click.Choice(["run", "skip", "fail"]), default="run", show_default=True,
    help="When another run of the job is at work on this machine.",
)  # fmt: skip
@click.argument("line", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
def command(  # noqa: PLR0913 - click hands over each option by its name
    *,
    job: str | None,
    to: str | None,
    remote_write: str | None,
    labels: tuple[tuple[str, str], ...],
    every: float | None,
    timeout: float | None,
    kill_after: float,
    heartbeat: float,
    patience: float,
    ttl: float | None,
    stage: str | None,
    records: str | None,
    job_version: str | None,
    schedule: str | None,
    on_overlap: str,
    line: tuple[str, ...],
) -> None:
    """Run COMMAND and push when it began, that it runs, and how it ended."""
    if to and remote_write:
        raise click.UsageError("--to and --remote-write exclude each other")
    if not job and not stage:
        raise click.UsageError("give --job NAME, or --stage NAME within a job")
    options = Options(
        to, remote_write, records, stage or "", on_overlap, heartbeat, kill_after, patience
    )  # fmt: skip
    if job:
        declared = Declared(
            job, labels, every or 0.0, timeout or 0.0, ttl or 0.0, job_version or "", schedule or ""
        )
        code = Wrapper(declared, options, real_world(), word).run(line)
    else:
        code = run_stage(line, stage or "", options, timeout or 0.0, real_world(), word)
    with suppress(Exception):  # it may be closed
        sys.stderr.flush()
    os._exit(code)  # a thread that still hangs in the network may not change the code
