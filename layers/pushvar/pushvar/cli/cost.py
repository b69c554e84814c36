"""``pushvar cost``: what a deployment on AWS costs a month, with everything that the estimate rests on."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli import exit_codes
from pushvar.cli.tables import show_table
from pushvar.collect.shards import MOST_TARGETS_PER_SHARD, TARGETS_PER_SHARD, shard_count
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.kit.cost import Estimate, Lever
    from pushvar.kit.cost_figures import Figures
    from pushvar.kit.cost_prices import Prices
    from pushvar.kit.cost_usage import Fleet

_SCHEMA = 1
_FUNCTION_S = 58  # the template's timeout
_SHORTEST_S = 10  # on AWS, see the documentation of the schedule
_NOT_COUNTED = (
    "outages and their replay, NAT and endpoints of a VPC, data transfer, KMS, Secrets Manager, taxes"
)

_EPILOG = """\b
Examples:
  pushvar cost --targets 1000
  pushvar cost --targets 10000 --series 60 --interval 30 --no-free-tier
  pushvar cost --targets 400 --memory 1024 --targets-per-shard 200 --json
  pushvar cost --print-prices > prices.yml      then edit it, and
  pushvar cost --targets 1000 --prices prices.yml

\b
Prices come from the table alone; the one inside pushvar was recalled and not checked, and says so. Everything
is for a month of 30 days in which nothing goes wrong."""


@click.command("cost", epilog=_EPILOG)
@click.option("--targets", type=click.IntRange(1), metavar="N", help="How many are fetched.")
@click.option(
    "--series",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    metavar="M",
    help="What each of them has, the five health series among them.",
)
@click.option(
    "--interval",
    "interval_s",
    type=click.FloatRange(_SHORTEST_S),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How often each is fetched.",
)
@click.option(
    "--memory",
    "memory_mb",
    type=click.IntRange(128, 10240),
    default=512,
    show_default=True,
    metavar="MB",
    help="Of the functions forward and gateway.",
)
@click.option(
    "--targets-per-shard",
    type=click.IntRange(1, MOST_TARGETS_PER_SHARD),
    metavar="K",
    help=f"[default: as the deployment itself does it, {TARGETS_PER_SHARD}]",
)
@click.option(
    "--duration-s",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="What a cycle of one shard takes, from your own logs. [default: by our measurements]",
)
@click.option(
    "--gateway",
    "pushes",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Pushes of batch jobs in a month.",
)
@click.option(
    "--free-tier/--no-free-tier", default=True, show_default=True, help="What AWS gives for nothing."
)
@click.option("--prices", metavar="FILE", help="A price table of your own.")
@click.option("--print-prices", is_flag=True, help="Print the price table and do nothing else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
def command(**given: Any) -> int:
    """Estimate what a deployment on AWS costs a month."""
    from pushvar.kit.cost import estimate, levers
    from pushvar.kit.cost_figures import Figures
    from pushvar.kit.cost_prices import standard_text

    if given["print_prices"]:
        click.echo(standard_text(), nl=False)
        return exit_codes.FINE
    if given["targets"] is None:
        raise click.UsageError("--targets is missing: how many endpoints are fetched?")
    prices, figures, free_tier = _prices(given["prices"]), Figures(), given["free_tier"]
    found = estimate(_fleet(given), prices, figures, free_tier=free_tier)
    pulled = levers(found, prices, figures, free_tier=free_tier, most_targets=MOST_TARGETS_PER_SHARD)
    if given["as_json"]:
        click.echo(json.dumps(_as_object(found, pulled, prices, figures, free_tier=free_tier), indent=2))
    else:
        _show(found, pulled, prices, figures, free_tier=free_tier)
    return exit_codes.FINE


def _fleet(given: dict[str, Any]) -> Fleet:
    from pushvar.kit.cost_usage import Fleet

    per_shard = given["targets_per_shard"]
    wanted = -(-given["targets"] // per_shard) if per_shard else 0
    asked = {
        name: given[name] for name in ("targets", "series", "interval_s", "memory_mb", "pushes", "duration_s")
    }
    return Fleet(shards=shard_count(given["targets"], wanted), **asked)


def _prices(path: str | None) -> Prices:
    from pushvar.kit.cost import ITEMS
    from pushvar.kit.cost_prices import read_prices, standard_text

    if path is None:
        return read_prices(standard_text(), source="prices.yml", needed=ITEMS)
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(
            "--prices", f"{path}: {error.strerror}", hint="give a file, see --print-prices"
        ) from None
    return read_prices(text, source=path, needed=ITEMS)


def _show(
    found: Estimate, pulled: tuple[Lever, ...], prices: Prices, figures: Figures, *, free_tier: bool
) -> None:
    rows = [("service", "what", "a month", "free", prices.currency, "how it comes about")]
    for use, free, price in found.lines:
        unit = prices.items[use.item].unit
        rows.append((use.service, unit, _number(use.quantity), _number(free), f"{price:,.2f}", use.how))
    rows.append(("", "", "", "", f"{found.without_backend:,.2f}", "without the backend"))
    rows.append(("total", "", "", "", f"{found.total:,.2f}", "" if free_tier else "no free tier"))
    show_table(rows, right=(2, 3, 4), colours=["bright_black", *[None] * (len(rows) - 2), "green"])
    click.echo()
    for line in _rests_on(found.fleet, prices, figures):
        click.echo(line)
    if pulled:
        click.echo("\nwhat would save most:")
        lines = [(f"  {one.change}", f"{one.saves:,.2f}", f"then {one.total:,.2f}") for one in pulled]
        show_table(lines, right=(1,))


def _rests_on(fleet: Fleet, prices: Prices, figures: Figures) -> list[str]:
    from pushvar.kit.cost_usage import containers, cycle_s, invocation_s, plan_s

    lines = [
        f"prices of {prices.date}: {' '.join(prices.source.split())}",
        (
            f"{fleet.shards:,} shards of {fleet.targets / fleet.shards:.0f} targets;"
            f" {_measured(fleet)} {cycle_s(fleet, figures):.2f} s a cycle at {fleet.memory_mb} MB,"
            f" {containers(fleet, figures):,} at once; a plan {plan_s(fleet, figures):.2f} s"
        ),
        (
            f"assumed: the slowest target of a shard answers within {figures.target_wait_s:g} s, the backend"
            f" takes a request in {figures.request_wait_s:g} s, DynamoDB a call in {figures.table_wait_s:g}"
            f" s; {figures.changes_per_day} new configurations and {figures.new_series_per_target_day} new"
            f" set of series of each target a day; one start in {1 / figures.cold_starts_share:.0f} is cold"
        ),
        f"not counted: {_NOT_COUNTED}",
    ]
    if invocation_s(fleet, figures) > _FUNCTION_S:
        lines.append(
            f"warning: an invocation takes {invocation_s(fleet, figures):.0f} s, more than the function's"
            f" {_FUNCTION_S} s: make shards smaller or give more memory"
        )
    return lines


def _measured(fleet: Fleet) -> str:
    return "given:" if fleet.duration_s is not None else "by our measurements"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.2f}"  # noqa: PLR2004 - digits


def _as_object(
    found: Estimate, pulled: tuple[Lever, ...], prices: Prices, figures: Figures, *, free_tier: bool
) -> dict[str, Any]:
    from pushvar.kit.cost_usage import containers, cycle_s, invocation_s, plan_s

    fleet = found.fleet
    derived = {
        "shard_cycle_s": cycle_s(fleet, figures),
        "invocation_s": invocation_s(fleet, figures),
        "plan_s": plan_s(fleet, figures),
        "containers": containers(fleet, figures),
    }
    lines = [{**use._asdict(), "free": free, "price": price} for use, free, price in found.lines]
    return {
        "schema": _SCHEMA,
        "fleet": {**asdict(fleet), **derived},
        "free_tier": free_tier,
        "prices": {
            "date": prices.date,
            "source": " ".join(prices.source.split()),
            "currency": prices.currency,
        },
        "assumptions": {one.name: getattr(figures, one.name) for one in fields(figures)},
        "lines": lines,
        "total": found.total,
        "total_without_backend": found.without_backend,
        "levers": [one._asdict() for one in pulled],
    }
