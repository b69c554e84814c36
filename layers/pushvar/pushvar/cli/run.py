"""``pushvar run``: the forwarder, once for cron or in a loop."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pushvar.app.forwarder import Forwarder
from pushvar.app.world import default_state, real_world
from pushvar.cli import exit_codes
from pushvar.cli.registries import VARIABLE
from pushvar.cli.reporting import reporter
from pushvar.cli.values import PACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pushvar.app.world import World
    from pushvar.model import Report

_SILENCE_S = 3.0
"""How long a person is left without a word."""

_EPILOG = """\b
Examples:
  pushvar run --config pushvar.yml                 the intervals of the configuration, until Ctrl-C
  pushvar run --config pushvar.yml --every 15s     every target every 15 s
  * * * * * pushvar run --config pushvar.yml --once    from cron; overlapping runs are harmless
  pushvar run --registry ssm:/pushvar/prod         the configuration in Parameter Store"""


@click.command("run", epilog=_EPILOG)
@click.option("--config", "-c", "config", metavar="FILE", help="The configuration, in a file.")
@click.option(
    "--registry",
    "-r",
    metavar="REF",
    help=f"The configuration elsewhere: ssm:/pushvar/<stage>. [env: {VARIABLE}]",
)
@click.option("--once", is_flag=True, help="One cycle, then end with an exit code.")
@click.option("--every", type=PACE, metavar="TIME", help="Pace for all jobs (15s), instead of theirs.")
@click.option(
    "--state", metavar="sqlite:FILE", help="Where state is kept. [default: the user's state folder]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each cycle.")
def command(
    config: str | None,
    registry: str | None,
    once: bool,  # noqa: FBT001
    every: float | None,
    state: str | None,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Fetch the targets of a configuration and push their series to its backends."""
    if once and every:
        raise click.UsageError("--once and --every exclude each other")
    stop = threading.Event()
    world = real_world(sleep=stop.wait)
    forwarder = _forwarder(_reference(config, registry, world.environment), state, world)
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


def _reference(config: str | None, registry: str | None, environment: Mapping[str, str]) -> str:
    """The one configuration that is named; the environment's counts where no option names one."""
    if config is not None and registry is not None:
        raise click.UsageError("--config and --registry exclude each other")
    named = (config, registry, environment.get(VARIABLE))
    reference = next((one for one in named if one is not None), None)
    if reference is None:
        raise click.UsageError(f"give --config FILE or --registry REF, or set {VARIABLE}")
    return reference


def _forwarder(reference: str, state: str | None, world: World) -> Forwarder:
    from pushvar.app.last_good import LastGood
    from pushvar.collect.registry import is_file, open_registry
    from pushvar.state import open_state

    registry = open_registry(reference)
    store = open_state(state or default_state(world, _state_name(reference)))
    owner = f"{os.uname().nodename}/{os.getpid()}"
    if not is_file(reference):  # it may be out of reach just now: what was good is in the state store
        registry = LastGood(registry, store, world.now_ms)
    return Forwarder(registry, store, world, owner=owner)


def _state_name(reference: str) -> str:
    """A name of its own for each configuration: readable, and never that of another."""
    if reference.startswith("ssm:"):
        return f"{re.sub('[^A-Za-z0-9]+', '-', reference)}-{_hash(reference)}"
    path = Path(reference.removeprefix("file:"))
    return f"{path.stem}-{_hash(str(path.resolve()))}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


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
