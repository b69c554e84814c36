"""``pushvar run``: the forwarder, once for cron or in a loop."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pushvar.app import Forwarder, real_world
from pushvar.app.world import default_state
from pushvar.cli import exit_codes
from pushvar.cli.reporting import reporter
from pushvar.cli.values import PACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.model import Report

_SILENCE_S = 3.0
"""How long a person is left without a word."""

_EPILOG = """\b
Examples:
  pushvar run --config pushvar.yml                 the intervals of the configuration, until Ctrl-C
  pushvar run --config pushvar.yml --every 15s     every target every 15 s
  * * * * * pushvar run --config pushvar.yml --once    from cron; overlapping runs are harmless"""


@click.command("run", epilog=_EPILOG)
@click.option("--config", "-c", "config", required=True, metavar="FILE", help="The configuration.")
@click.option("--once", is_flag=True, help="One cycle, then end with an exit code.")
@click.option("--every", type=PACE, metavar="TIME", help="Pace for all jobs (15s), instead of theirs.")
@click.option(
    "--state", metavar="sqlite:FILE", help="Where state is kept. [default: the user's state folder]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each cycle.")
def command(config: str, once: bool, every: float | None, state: str | None, as_json: bool) -> int:  # noqa: FBT001
    """Fetch the targets of a configuration and push their series to its backends."""
    from pushvar.collect.registry import open_registry
    from pushvar.state import open_state

    if once and every:
        raise click.UsageError("--once and --every exclude each other")
    stop = threading.Event()
    world = real_world(sleep=stop.wait)
    name = f"{Path(config).stem}-{hashlib.sha256(str(Path(config).resolve()).encode()).hexdigest()[:8]}"
    store = open_state(state or default_state(world, name))
    forwarder = Forwarder(open_registry(config), store, world, owner=f"{os.uname().nodename}/{os.getpid()}")
    show = reporter(as_json=as_json)
    show.problems(forwarder.problems)

    def tell(report: Report) -> None:
        show.problems(forwarder.problems)
        show.cycle(report)

    try:
        if once:
            with _note_of_patience(forwarder.interval_s):
                last = forwarder.cycle()
            tell(last)
            return exit_codes.of_cycle(last)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        forwarder.run(tell, stop.is_set, every_s=every)
    finally:
        forwarder.close()
    return exit_codes.FINE


@contextmanager
def _note_of_patience(interval_s: float) -> Iterator[None]:
    """Tell a person at a terminal why nothing happens for a while: a backend is being retried."""
    note = f"still pushing; a backend that does not answer is retried for up to {interval_s:g} s"
    timer = threading.Timer(_SILENCE_S, click.secho, [note], {"err": True, "fg": "yellow"})
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
