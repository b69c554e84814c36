"""``pushvar demo``: the main job in front of your eyes: a real Go program, a receiver with a page."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli import exit_codes
from pushvar.cli.values import DURATION, PACE, PORT

if TYPE_CHECKING:
    from pushvar.app.forwarder import Forwarder
    from pushvar.model import Report
    from pushvar.receiver.server import Receiver

_TENANTS = (("acme", "gold"), ("globex", "silver"))
_EPILOG = """\b
Examples:
  pushvar demo             until Ctrl-C
  pushvar demo --for 20s   ends by itself, with a summary and an exit code"""


@click.command("demo", epilog=_EPILOG)
@click.option("--for", "for_s", type=DURATION, metavar="TIME", help="End after this time (20s).")
@click.option("--every", type=PACE, default="2s", show_default=True, help="How often it is fetched.")
@click.option("--port", type=PORT, default=9_109, show_default=True, help="The page's port.")
def command(for_s: float | None, every: float, port: int) -> int:
    """Start a Go program, forward its expvar to a local receiver, and show both."""
    from pushvar.cli.program import Program, build

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pushvar-demo-")))
        click.echo("building examples/orders with Go (the first time takes a while)", err=True)
        program = build(folder)
        programs = [stack.enter_context(Program(program)) for _ in _TENANTS]
        receiver = _receiver(stack, port)
        forwarder = _forwarder(folder, [one.address for one in programs], receiver.write_url, every, stop)
        stack.callback(forwarder.close)
        reports = _run(forwarder, receiver, stop, for_s)
        return _summary(receiver, reports)


def _receiver(stack: ExitStack, port: int) -> Receiver:
    """On the wanted port, or on a free one when that is taken."""
    from pushvar.errors import ConfigError
    from pushvar.receiver.server import Receiver

    try:
        return stack.enter_context(Receiver(port=port))
    except ConfigError:
        return stack.enter_context(Receiver(port=0))


def _forwarder(
    folder: Path, addresses: list[str], write_url: str, every_s: float, stop: threading.Event
) -> Forwarder:
    from pushvar.app.forwarder import Forwarder
    from pushvar.app.world import real_world
    from pushvar.collect.registry import open_registry
    from pushvar.state import open_state

    groups = "\n".join(
        f"      - {{targets: ['{address}'], labels: {{customer_id: {customer}, sla_tier: {tier}}}}}"
        for address, (customer, tier) in zip(addresses, _TENANTS, strict=True)
    )
    every = f"{int(every_s * 1000)}ms"
    config = folder / "demo.yml"
    config.write_text(
        f"global: {{scrape_interval: {every}, scrape_timeout: {every}}}\n"
        f"scrape_configs:\n  - job_name: orders\n    static_configs:\n{groups}\n"
        f"remote_write:\n  - {{name: receiver, url: '{write_url}'}}\n",
        encoding="utf-8",
    )
    state = open_state(f"sqlite:{folder / 'state.db'}")
    return Forwarder(open_registry(str(config)), state, real_world(sleep=stop.wait), owner="demo")


def _run(
    forwarder: Forwarder, receiver: Receiver, stop: threading.Event, for_s: float | None
) -> list[Report]:
    end_s = time.monotonic() + for_s if for_s else float("inf")
    last: list[Report] = []

    def stopped() -> bool:
        return stop.is_set() or time.monotonic() >= end_s

    with _screen(receiver.url) as screen:

        def report(cycle: Report) -> None:
            last[:] = [cycle]
            screen.cycle(cycle)

        forwarder.run(report, stopped)
    return last


def _screen(page: str) -> Any:
    """A live table on a terminal, lines elsewhere."""
    if sys.stdout.isatty():
        from pushvar.cli.live import LiveTable

        return LiveTable(page)
    from pushvar.cli.reporting import Lines

    click.echo(f"page  {page}/")
    return nullcontext(Lines())


def _summary(receiver: Receiver, last: list[Report]) -> int:
    totals = receiver.totals()
    click.echo(
        f"received {totals.samples:,} samples of {totals.series} series in {totals.requests} requests, "
        f"{totals.bytes:,} bytes; {totals.violations} violations"
    )
    for found in receiver.violations():
        click.secho(f"  {found.rule}  {found.series}  {found.detail}  ({found.count}x)", fg="red")
    if not last:
        return exit_codes.DELIVERY_FAILED
    return exit_codes.of_cycle(last[0]) or (exit_codes.FINDINGS if totals.violations else exit_codes.FINE)
