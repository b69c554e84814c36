"""``pushvar run``: the forwarder, once for cron or in a loop."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pushvar.cli import exit_codes
from pushvar.cli.registries import VARIABLE
from pushvar.cli.values import PACE
from pushvar.net.limits import raise_open_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pushvar.app.forwarder import Forwarder
    from pushvar.app.sender import Sender
    from pushvar.app.stop import Stop
    from pushvar.app.world import World
    from pushvar.cli.reporting import Reporter
    from pushvar.model import Report

_SILENCE_S = 3.0
"""How long a person is left without a word."""
_PATIENCE_S = 0.5
"""What a cycle waits for lists of targets; one that comes later is taken by the next cycle."""

_EPILOG = """\b
Examples:
  pushvar run --config pushvar.yml                 the intervals of the configuration, until Ctrl-C
  pushvar run --config pushvar.yml --every 15s     every target every 15 s
  * * * * * pushvar run --config pushvar.yml --once    from cron; overlapping runs are harmless
  pushvar run --registry ssm:/pushvar/prod         the configuration in Parameter Store

\b
Without a configuration, one target to one backend (its series alone: no metrics of pushvar's own,
and, unless --state names a file, what is undelivered is kept in memory only):
  pushvar run --target http://10.0.1.5:8080/metrics --remote-write http://10.0.1.9:9090/api/v1/write \\
              --job shop --every 15s

\b
SIGTERM and SIGINT end a run within 10 s: fetches are cut and say nothing of their targets, what was
fetched is delivered or kept for the next run, and the exit code is 0 (with --once that of the cycle,
at least 3 when targets are missing). A second signal ends it at once. SIGHUP: the configuration is
looked at now and not before the next cycle. One that may not be used, also at the start, is named,
and the last good one works on."""

_MESSAGES = ("prometheus.WriteRequest", "io.prometheus.write.v2.Request", "auto")
_MEMORY = "memory:"
_INTERVAL_S = 15.0
"""How often a target without a configuration is fetched."""


@click.command("run", epilog=_EPILOG)
@click.option("--config", "-c", "config", metavar="FILE", help="The configuration, in a file.")
@click.option(
    "--registry",
    "-r",
    metavar="REF",
    help=f"The configuration elsewhere: ssm:/pushvar/<stage>. [env: {VARIABLE}]",
)
@click.option("--target", metavar="URL", help="Without a configuration: the one target, expvar or text.")
@click.option("--remote-write", metavar="URL", help="Without a configuration: the one backend.")
@click.option("--job", metavar="NAME", help="The job of --target. [default: pushvar]")
@click.option(
    "--message", type=click.Choice(_MESSAGES), help="What --remote-write is sent. [default: the first]"
)
@click.option("--once", is_flag=True, help="One cycle, then end with an exit code.")
@click.option("--every", type=PACE, metavar="TIME", help="Pace for all jobs (15s), instead of theirs.")
@click.option(
    "--state", metavar="sqlite:FILE", help="Where state is kept. [default: the user's state folder]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each cycle.")
def command(  # noqa: PLR0913 - click hands over each option by its name
    *,
    config: str | None,
    registry: str | None,
    target: str | None,
    remote_write: str | None,
    job: str | None,
    message: str | None,
    once: bool,
    every: float | None,
    state: str | None,
    as_json: bool,
) -> int:
    """Fetch the targets of a configuration and push their series to its backends."""
    if once and every:
        raise click.UsageError("--once and --every exclude each other")
    from pushvar.app.stop import Stop
    from pushvar.app.world import real_world
    from pushvar.cli.parting import exit_at_once
    from pushvar.cli.reporting import reporter

    raise_open_files()  # a connection to each target stays open
    stop = Stop()
    stop.listen()
    world = real_world(stop.sleep, stop.until_s)
    sender = _sender(target, remote_write, job, message, every)
    if sender is None:
        forwarder = _forwarder(_reference(config, registry, world.environment), state, world)
    elif config or registry:
        raise click.UsageError("--target stands for a configuration: give one or the other")
    else:
        state = state or _MEMORY
        forwarder = _plain(sender, state, world)
    show = reporter(as_json=as_json, durable=state != _MEMORY)
    code = _once(forwarder, show, stop) if once else _loop(forwarder, show, stop, every)
    exit_at_once(code)
    return code


def _once(forwarder: Forwarder, show: Reporter, stop: Stop) -> int:
    """One cycle; targets that an interrupted one leaves out count as failed."""
    show.problems(forwarder.problems)
    with _ended(forwarder, stop):
        with _note_of_patience(forwarder.interval_s):
            last = forwarder.cycle()
        show.problems(forwarder.problems)
        show.cycle(last)
        show.parting(last, forwarder.engine.config)
        missing = stop.asked() and len(last.scrapes) < len(forwarder.engine.targets)
    return exit_codes.of_cycle(last) or (exit_codes.TARGETS_FAILED if missing else exit_codes.FINE)


def _loop(forwarder: Forwarder, show: Reporter, stop: Stop, every: float | None) -> int:
    """Cycles until somebody asks for the end."""
    last: list[Report] = []

    def tell(report: Report) -> None:
        show.problems(forwarder.problems)
        show.cycle(report)
        sys.stdout.flush()
        last[:] = [report]

    def looked() -> None:
        show.problems(forwarder.problems)
        click.echo(f"looked at the configuration: version {forwarder.version} is used", err=True)

    show.problems(forwarder.problems)
    with _ended(forwarder, stop):
        forwarder.run(tell, stop.asked, every_s=every, look=stop.look, looked=looked, rest=stop.rest)
        for report in last:
            show.parting(report, forwarder.engine.config)
    return exit_codes.FINE


@contextmanager
def _ended(forwarder: Forwarder, stop: Stop) -> Iterator[None]:
    try:
        yield
    finally:
        forwarder.close()
        stop.close()


def _sender(
    target: str | None, remote_write: str | None, job: str | None, message: str | None, every: float | None
) -> Sender | None:
    """The plain sender that the options describe; None when they do not."""
    given = {"--target": target, "--remote-write": remote_write, "--job": job, "--message": message}
    if not any(value is not None for value in given.values()):
        return None
    missing = [option for option in ("--target", "--remote-write") if given[option] is None]
    if missing:
        raise click.UsageError(f"{' and '.join(missing)} is missing: --target and --remote-write go together")
    from pushvar.app.sender import Sender

    assert target is not None
    assert remote_write is not None
    return Sender(target, remote_write, job or "pushvar", message or _MESSAGES[0], every or _INTERVAL_S)


def _plain(sender: Sender, state: str, world: World) -> Forwarder:
    from pushvar.app.forwarder import Forwarder
    from pushvar.state import open_state

    return Forwarder(sender.registry(), open_state(state), world, owner=_owner())


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
    from pushvar.app.forwarder import Forwarder
    from pushvar.app.last_good import LastGood
    from pushvar.app.usable import usable_in
    from pushvar.app.world import default_state, means_of, state_name
    from pushvar.collect.registry import open_registry
    from pushvar.state import open_state

    registry = open_registry(reference, means_of(world, patience_s=_PATIENCE_S))
    store = open_state(state or default_state(world, state_name(reference)))
    # it may be out of reach just now, or somebody is at work on it: what was good is in the state store
    good = LastGood(registry, store, world.now_ms, usable_in(world))
    return Forwarder(good, store, world, owner=_owner())


def _owner() -> str:
    return f"{os.uname().nodename}/{os.getpid()}"


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
