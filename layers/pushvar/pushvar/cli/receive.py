"""``pushvar receive``: the strict local receiver, for trying a sender against."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from pushvar.cli import exit_codes
from pushvar.cli.values import DURATION, PORT

_EPILOG = """\b
Examples:
  pushvar receive                                   keeps everything in memory of this run
  pushvar receive --port 9201 --database seen.db    keeps it in a file

Point a sender's remote_write at the address that it prints; what breaks a rule of the
specification is answered with the rule, and listed on the page."""


@click.command("receive", epilog=_EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=9_109, show_default=True, help="0: a free one.")
@click.option("--database", metavar="FILE", help="Keep what was received here. [default: a temporary file]")
@click.option("--retention", type=DURATION, default="6h", show_default=True, help="How long it is kept.")
def command(host: str, port: int, database: str | None, retention: float) -> int:
    """Receive remote write 1.0 and 2.0 strictly, and show what came on a page."""
    from pushvar.receiver.server import Receiver

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Receiver(host, port, Path(database) if database else None, retention) as receiver:
        click.echo(f"page          {receiver.url}/")
        click.echo(f"remote write  {receiver.write_url}")
        stop.wait()
        totals = receiver.totals()
        click.echo(f"{totals.samples} samples in {totals.requests} requests, {totals.violations} violations")
    return exit_codes.FINDINGS if totals.violations else exit_codes.FINE
