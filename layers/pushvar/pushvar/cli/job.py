"""``pushvar job``: batch jobs, run and told of. Each command has a file of its own."""

from __future__ import annotations

import click

from pushvar.cli.late import LateGroup

_COMMANDS = {
    "run": "job_run",
    "set": "job_set",
    "push": "job_push",
    "list": "job_list",
    "delete": "job_delete",
}
"""Command -> its file beside this one, in the order in which people need them."""

_EPILOG = """\b
Examples:
  pushvar job run --job nightly --every 24h -- ./backup.sh    from cron, in a container, anywhere
  pushvar job set records_processed=1042                      within the job
  pushvar job push vars.json --job import                     numbers of a job that is over
  pushvar job list                                            what the gateway holds
  pushvar job delete --job nightly

\b
Where to: --to URL or PUSHVAR_PUSH_URL, a gateway of pushvar's or a Pushgateway. Credentials are never
on the command line: PUSHVAR_PUSH_TOKEN, or PUSHVAR_PUSH_USERNAME and PUSHVAR_PUSH_PASSWORD, hold them,
or say where they are (env:NAME, file:PATH, ssm:/PATH, secretsmanager:NAME#KEY). A Lambda Function URL
is signed with the AWS credentials of the environment when there are no others."""


@click.command("job", cls=LateGroup, files=_COMMANDS, epilog=_EPILOG)
def command() -> None:
    """Run batch jobs and push what is known of them."""
