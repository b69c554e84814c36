"""The options that commands about jobs share."""

from __future__ import annotations

from contextlib import suppress

import click

from pushvar.app.jobs import PATIENCE_S
from pushvar.cli.values import DURATION, LABEL

VARIABLE = "PUSHVAR_PUSH_URL"

to_option = click.option(
    "--to", metavar="URL", help=f"The gateway or Pushgateway, without /metrics. [env: {VARIABLE}]"
)
job_option = click.option("--job", "job", required=True, metavar="NAME", help="What the job is called.")
label_option = click.option(
    "--label", "labels", type=LABEL, multiple=True, metavar="NAME=VALUE", help="A further label of its group."
)
ttl_option = click.option(
    "--ttl", type=DURATION, metavar="TIME", help="How long a gateway of pushvar's keeps the group."
)
patience_option = click.option(
    "--patience", type=DURATION, default=f"{PATIENCE_S:g}s", show_default=True, metavar="TIME",
    help="How long pushing may take at the end, all in all.",
)  # fmt: skip


def word(text: str) -> None:
    """A line for a person, on standard error; never an error, though that may be closed or full."""
    with suppress(Exception):
        click.secho(f"pushvar: {text}", err=True, fg="yellow")
