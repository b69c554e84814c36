"""``docs/scaling.md``: how far one deployment goes, simulated from what the real code takes here.

``python -m benchmarks.scaling`` measures (half an hour), compares the simulation with a real run of 10,000
targets, and writes the tables and the plot anew; ``--saved`` starts from the measurements of the last time.
It fails, and writes nothing, when the simulation is off by more than a fifth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
from rich.console import Console

from benchmarks import measure, scaling_measure
from benchmarks.scaling_model import (
    DEFAULT_CONCURRENCY,
    LATE_S,
    MEMORY_MB,
    MOST_CONCURRENCY,
    TOLERANCE,
    agreements,
    limits,
    size_of,
)
from benchmarks.scaling_plot import Line, plot
from benchmarks.tables import Section, table_of
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.scaling_measure import Measured
    from benchmarks.scaling_model import Agreement, Limit, Size

SIZES = (1_000, 10_000, 100_000, 1_000_000)
CURVE = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
LARGER_SHARDS = 400
PLANNED = (1_000, 10_000, 50_000)

PAGE = REPOSITORY / "docs" / "scaling.md"
PLOT = REPOSITORY / "docs" / "scaling.svg"
SAVED = scaling_measure.Saved(REPOSITORY / "benchmarks" / "scaling_measured.json")
_WIDTH = 200


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--saved", is_flag=True, help="Measure nothing, start from the last measurements.")
@click.option("--dry-run", is_flag=True, help="Print the tables, write nothing.")
def main(*, saved: bool, dry_run: bool) -> None:
    """Renew docs/scaling.md."""
    measured = SAVED.load() if saved else measure_all()
    if not saved and not dry_run:
        SAVED.store(measured)
    tables = {name: rendered(section) for name, section in sections(measured).items()}
    if dry_run:
        click.echo("\n".join(tables.values()))
    demand_agreement(agreements(measured))
    if not dry_run:
        PAGE.write_text(renewed(PAGE.read_text("utf-8"), tables), "utf-8")
        PLOT.write_text(drawn(measured), "utf-8")


def measure_all() -> Measured:
    """Everything that is measured, one after the other."""
    click.echo("10,000 targets", err=True)
    large = scaling_measure.large()
    click.echo("shards alone", err=True)
    first, anew, known = scaling_measure.shards()
    alone, rss_mb, idle_mb = scaling_measure.alone()
    plans = []
    for targets in PLANNED:
        click.echo(f"plan of {targets:,} targets", err=True)
        plans.append(scaling_measure.plan(targets))
    return scaling_measure.Measured(
        first, anew, known, alone, rss_mb, idle_mb, large, plans, measure.machine()
    )


def demand_agreement(rows: Sequence[Agreement]) -> None:
    """Raise ClickException unless every simulated cycle is as long as the real one, within a fifth."""
    wrong = [f"{row.what}: {row.off:+.0%}" for row in rows if abs(row.off) > TOLERANCE]
    if wrong:
        raise click.ClickException(f"the simulation does not agree with the real run: {'; '.join(wrong)}")


def sections(measured: Measured) -> dict[str, Section]:
    """All tables of the page by their names."""
    larger = size_of(SIZES[-1], measured, wanted=SIZES[-1] // LARGER_SHARDS)
    sizes = [*(size_of(targets, measured) for targets in SIZES), larger]
    return {
        "machine": Section("", ("what", "version"), tuple(measured.machine.items())),
        "shard": _shard(measured),
        "plan": _plan(measured),
        "large": _large(measured),
        "agreement": _agreement(agreements(measured)),
        "sizes": _sizes(sizes),
        "limits": _limits(limits(measured)),
    }


def _shard(measured: Measured) -> Section:
    rows = [
        (name, f"{one.cpu_s * 1e3:.0f}", f"{one.served_s * 1e3:.0f}", f"{one.wait_s * 1e3:.0f}")
        for name, one in (
            ("never seen: its series are remembered, the backend learns them", measured.first),
            ("new to its environment", measured.anew),
            ("known to its environment", measured.known),
        )
    ]
    rows += [
        (f"known, {targets} targets, the only shard there is", f"{cpu_s * 1e3:.0f}", "", "")
        for targets, cpu_s in measured.alone.items()
    ]
    return Section(
        "", ("a shard of 100 targets", "its CPU, ms", "others' CPU, ms", "waiting, ms"), tuple(rows)
    )


def _plan(measured: Measured) -> Section:
    rows = tuple(
        (
            f"{one.targets:,}", f"{one.parameters:,}", f"{one.cold_s:.1f}", f"{one.cold_cpu_s:.1f}",
            f"{sum(one.cold_calls.values()):,}", f"{one.warm_s * 1e3:.0f}", f"{one.warm_cpu_s * 1e3:.0f}",
            f"{sum(one.warm_calls.values()):,}", f"{one.rss_mb:.0f}",
        )
        for one in measured.plans
    )  # fmt: skip
    columns = (
        "targets", "parameters", "new tree, s", "CPU, s", "calls", "no change, ms", "CPU, ms", "calls",
        "RSS, MB",
    )  # fmt: skip
    return Section("", columns, rows)


def _large(measured: Measured) -> Section:
    one = measured.large
    times = (one.first_s, one.second_s, one.staggered_s)
    names = ("first, all messages there", "second, all messages there", "third, staggered, plan included")
    rows = tuple(
        (name, f"{wall_s:.1f}", f"{cpu_us:.0f}", f"{cores:.2f}")
        for name, wall_s, cpu_us, cores in zip(names, times, one.cpu_us, one.cores, strict=True)
    )
    return Section("", ("cycle", "s", "CPU a target, µs", "cores left for it"), rows)


def _agreement(rows: Sequence[Agreement]) -> Section:
    shown = tuple(
        (row.what, f"{row.real_s:.1f}", f"{row.simulated_s:.1f}", f"{row.off:+.0%}") for row in rows
    )
    return Section("", ("cycle of 10,000 targets", "real, s", "simulated, s", "off by"), shown)


def _sizes(sizes: Sequence[Size]) -> Section:
    rows = (
        ("shards, and messages a minute", [f"{one.shards:,}" for one in sizes]),
        ("parameters", [f"{one.parameters:,}" for one in sizes]),
        ("plan without change, s", [f"{one.plan_s:.1f}" for one in sizes]),
        ("plan of a new tree, s", [f"{one.new_plan_s:,.0f}" for one in sizes]),
        ("memory of plan, MB", [f"{one.plan_mb:,.0f}" for one in sizes]),
        (f"cycle, at most {DEFAULT_CONCURRENCY} at once, s", [_time(one.default.wall_s) for one in sizes]),
        ("environments at once", [f"{one.default.busiest:,}" for one in sizes]),
        (f"cycle, at most {MOST_CONCURRENCY:,} at once, s", [_time(one.most.wall_s) for one in sizes]),
        ("environments at once ", [f"{one.most.busiest:,}" for one in sizes]),
        ("a message waits at most, s", [f"{one.most.queued_s:.1f}" for one in sizes]),
        ("samples a second", [f"{one.samples_per_s:,.0f}" for one in sizes]),
        ("pushvar, $ a month", [f"{one.own_usd:,.0f}" for one in sizes]),
        ("with the backend, $ a month", [f"{one.usd:,.0f}" for one in sizes]),
    )
    heads = [f"{one.targets:,}" for one in sizes[:-1]] + [f"{sizes[-1].targets:,}, {LARGER_SHARDS} a shard"]
    return Section("", ("targets", *heads), tuple((name, *values) for name, values in rows))


def _time(wall_s: float) -> str:
    return f"{wall_s:.0f}" + (" (late)" if wall_s > LATE_S else "")


def _limits(rows: Sequence[Limit]) -> Section:
    shown = tuple((f"{_round(row.targets):,}", row.what, row.limit, row.remedy) for row in rows)
    return Section("", ("from about, targets", "what", "limit", "way out"), shown)


def _round(number: int) -> int:
    """Two digits: more would be a lie."""
    return round(number, 2 - len(str(number)))


def drawn(measured: Measured) -> str:
    """The plot of times by targets."""
    sizes = [size_of(targets, measured) for targets in CURVE]
    lines = (
        Line(f"cycle, at most {DEFAULT_CONCURRENCY} environments at once",
             tuple((one.targets, one.default.wall_s) for one in sizes)),
        Line(f"cycle, at most {MOST_CONCURRENCY:,} at once",
             tuple((one.targets, one.most.wall_s) for one in sizes)),
        Line("plan without change", tuple((one.targets, one.plan_s) for one in sizes)),
        Line("plan of a new tree", tuple((one.targets, one.new_plan_s) for one in sizes)),
    )  # fmt: skip
    title = f"Seconds by targets, functions of {MEMORY_MB} MB"
    return plot(
        title, "targets", "seconds", lines, (LATE_S, "60 s: the next plan is made, what comes later is late")
    )


def rendered(section: Section) -> str:
    """A table as Markdown."""
    console = Console(width=_WIDTH, soft_wrap=True, no_color=True)
    with console.capture() as captured:
        console.print(table_of(section, markdown=True))
    return "\n".join(line.rstrip() for line in captured.get().strip().splitlines()) + "\n"


def renewed(page: str, tables: dict[str, str]) -> str:
    """The page with each table in its place. Raises ClickException when a place is missing."""
    for name, table in tables.items():
        place = re.search(rf"<!-- table: {name} -->\n(.*?)<!-- end -->", page, re.DOTALL)
        if place is None:
            raise click.ClickException(f"{PAGE.name} has no place for the table {name}")
        page = page[: place.start(1)] + table + page[place.end(1) :]
    return page


if __name__ == "__main__":
    main()
