"""``make bench``: every benchmark in one run, ratios of what ran side by side."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from pushvar.errors import ComponentMissing
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import (
    cold_start,
    conversion,
    encode,
    encode_v2,
    gateway,
    lambda_forward,
    lambda_init,
    measure,
    outage,
    report,
    servers,
    target_cycle,
    text_parse,
    workload,
)
from benchmarks.series import Different

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTH = 140  # of tables that no terminal bounds


@dataclass(frozen=True, slots=True)
class Effort:
    """How many rounds each benchmark has, and how many targets are served."""

    cold_starts: int
    inits: int
    encodings: int
    conversions: int
    cycles: int
    targets: int
    outage_cycles: int
    gateway_sizes: tuple[int, ...]
    gateway_s: float
    gateway_rounds: int


FULL = Effort(
    cold_starts=11, inits=11, encodings=20, conversions=11, cycles=15, targets=workload.TARGETS,
    outage_cycles=outage.CYCLES, gateway_sizes=gateway.SIZES, gateway_s=gateway.SECONDS,
    gateway_rounds=gateway.ROUNDS,
)  # fmt: skip
QUICK = Effort(
    cold_starts=3, inits=3, encodings=4, conversions=3, cycles=3, targets=200, outage_cycles=5,
    gateway_sizes=(0, 500), gateway_s=1.0, gateway_rounds=1,
)  # fmt: skip


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Few rounds and 200 targets: figures scatter more.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@click.option("--markdown", is_flag=True, help="Tables as docs/performance.md has them.")
def main(*, quick: bool, as_json: bool, markdown: bool) -> None:
    """Run all benchmarks. They report and judge nothing.

    It takes some minutes, most of them for the Pushgateway with 10,000 groups; a quick run takes one or two.
    """
    try:
        results = run(quick=quick)
    except (Different, servers.Failed, ComponentMissing) as error:
        raise click.ClickException(f"nothing was measured: {error}") from None
    if as_json:
        click.echo(json.dumps(results.as_object(), ensure_ascii=False))
        return
    console = Console()
    if markdown or not console.is_terminal:
        console = Console(width=_WIDTH, soft_wrap=True)
    report.show(results, console, markdown=markdown)


def run(*, quick: bool) -> report.Results:
    """Measure everything, with progress on standard error."""
    effort = QUICK if quick else FULL
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with (
        TemporaryDirectory(prefix="pushvar-bench-") as cache,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        environment = measure.with_bytecode(Path(cache))

        def task(name: str, rounds: int) -> Callable[[], None]:
            number = progress.add_task(name, total=rounds)
            return lambda: progress.advance(number)

        started = cold_start.run(
            effort.cold_starts, environment, task("cold start", effort.cold_starts)
        )  # first: it fills the folder of bytecode for the clients below
        begun = lambda_init.run(effort.inits, task("Lambda init", effort.inits))
        fetched = lambda_forward.run(effort.inits, task("Lambda forward", 3 * effort.inits))
        encoded = encode.run(workload.TARGETS, effort.encodings, task("encoding", effort.encodings))
        encoded_2 = encode_v2.run(workload.TARGETS, effort.encodings, task("encoding 2.0", effort.encodings))
        parsed = text_parse.run(effort.encodings, task("text", effort.encodings))
        converted = conversion.run(effort.conversions, environment, task("conversion", effort.conversions))
        cycled = target_cycle.run(
            effort.targets, effort.cycles, environment, task("target cycles", effort.cycles)
        )
        ended = task("outage", 1)
        away = outage.run(cycles=effort.outage_cycles)
        ended()
        pushed = gateway.run(
            effort.gateway_sizes, effort.gateway_s, effort.gateway_rounds,
            task("gateways", len(effort.gateway_sizes)),
        )  # fmt: skip
    return report.Results(
        measure.machine(),
        quick,
        started,
        begun,
        encoded,
        cycled,
        parsed,
        converted,
        encoded_2,
        away,
        pushed,
        fetched,
    )


if __name__ == "__main__":
    main()
