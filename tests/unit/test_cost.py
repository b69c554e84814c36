"""``pushvar cost``: arithmetic by hand, tables of one's own, words and codes of the command."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pushvar.errors import ConfigError
from pushvar.kit.cost import ITEMS, estimate, levers
from pushvar.kit.cost_figures import CORE_MB, Figures, share
from pushvar.kit.cost_prices import Price, Tier, read_prices, standard_text
from pushvar.kit.cost_usage import Fleet, containers, cycle_s, invocation_s, uses

from tests.programs.commands import run_pushvar

if TYPE_CHECKING:
    from pathlib import Path

FIGURES = Figures()
PRICES = read_prices(standard_text(), source="prices.yml", needed=ITEMS)
THOUSAND = Fleet(targets=1_000, series=60, interval_s=60, shards=10)
PLANS = 30 * 24 * 60
TIERED = Price("units", 10, (Tier(3.0, 100), Tier(2.0, 1_000), Tier(1.0)), free=50)


def used(fleet: Fleet, item: str, figures: Figures = FIGURES) -> float:
    """How much of an item."""
    (found,) = (use.quantity for use in uses(fleet, figures) if use.item == item)
    return found


def table(**changes: Any) -> str:
    """The standard table with other items, or other keys."""
    written = yaml.safe_load(standard_text())
    return yaml.safe_dump({**written, **changes})


@pytest.mark.parametrize(
    ("quantity", "free_tier", "expected"),
    [
        (0, False, 0),
        (100, False, 30),
        (101, False, 30.2),
        (1_000, False, 30 + 180),
        (1_010, False, 30 + 180 + 1),
        (50, True, 0),
        (30, True, 0),
        (150, True, 30),
        (1_060, True, 30 + 180 + 1),
    ],
)
def test_a_price_by_tiers(quantity: float, free_tier: bool, expected: float) -> None:  # noqa: FBT001
    """Free units go first, then each tier takes what it has room for."""
    assert TIERED.of(quantity, free_tier=free_tier) == pytest.approx(expected)


def test_a_thousand_targets_by_hand() -> None:
    """What is counted follows from schedule, shards and targets."""
    assert used(THOUSAND, "lambda_requests") == PLANS * 11
    assert used(THOUSAND, "scheduler_events") == PLANS
    assert used(THOUSAND, "sqs_requests") == PLANS * (1 + 20) + PLANS * FIGURES.idle_polls_per_minute
    assert used(THOUSAND, "backend_samples") == PLANS * (60_000 + 10 * FIGURES.own_series)
    renewed = 30 * 1_000 * 2 * 2  # of 1,110 bytes each, in a transaction
    assert used(THOUSAND, "dynamodb_writes") == pytest.approx(PLANS * (10 * 2 + 2) + renewed)
    second_s = cycle_s(replace(THOUSAND, memory_mb=int(CORE_MB)), FIGURES)
    assert second_s == pytest.approx(0.01 + 100 * (0.00062 + 60 * 0.0000014) + 0.1 + 0.02 + 3 * 0.03)


def test_backend_price_by_hand() -> None:
    """2 G samples at 0.90 and the rest at 0.35 for each 10 M."""
    found = estimate(THOUSAND, PRICES, FIGURES, free_tier=True)
    (line,) = (line for line in found.lines if line.use.item == "backend_samples")
    assert line.price == pytest.approx(180 + (line.use.quantity - 2e9) / 1e7 * 0.35)
    assert found.total == pytest.approx(sum(one.price for one in found.lines))
    assert found.total - found.without_backend == pytest.approx(
        sum(one.price for one in found.lines if one.use.service == "backend")
    )


def test_the_free_tier_can_be_left_out() -> None:
    """Nothing gets cheaper by that, and a small fleet pays for Lambda then."""
    small = Fleet(targets=10, series=60, interval_s=60, shards=1)
    free, full = (estimate(small, PRICES, FIGURES, free_tier=given) for given in (True, False))
    assert all(a.price <= b.price for a, b in zip(free.lines, full.lines, strict=True))
    assert {line.use.item for line in full.lines if line.price > 0} >= {
        "lambda_requests",
        "lambda_gb_seconds",
    }
    assert {line.price for line in free.lines if line.use.service == "Lambda"} == {0}


def test_intervals_below_a_minute_are_rounds() -> None:
    """One invocation has them all and is paid while it waits; a longer interval wakes it less often."""
    fast, slow = replace(THOUSAND, interval_s=15), replace(THOUSAND, interval_s=150)
    assert (fast.rounds, fast.plans, fast.scrapes) == (4, PLANS, PLANS * 4)
    assert invocation_s(fast, FIGURES) == pytest.approx(45 + cycle_s(fast, FIGURES))
    assert used(fast, "lambda_requests") == used(THOUSAND, "lambda_requests")
    assert (slow.rounds, slow.plans, slow.scrapes) == (1, PLANS / 2, PLANS / 2.5)


def test_a_given_duration_wins() -> None:
    """It is what people measured, at whatever memory."""
    given, longer = (replace(THOUSAND, duration_s=one, memory_mb=2_048) for one in (1.5, 2.5))
    assert cycle_s(given, FIGURES) == 1.5
    more = used(longer, "lambda_gb_seconds") - used(given, "lambda_gb_seconds")
    assert more == pytest.approx(PLANS * 10 * 2)


def test_shards_that_no_environment_keeps_cost_more() -> None:
    """Beyond what an environment keeps, documents are read and plans made anew."""
    few, many = (Fleet(100 * shards, 60, 60, shards) for shards in (FIGURES.kept_targets // 100, 10_000))
    assert cycle_s(many, FIGURES) - cycle_s(few, FIGURES) == pytest.approx(
        (1 - FIGURES.kept_targets / 1_000_000) * 100 * FIGURES.rebuild_cpu_s / share(512)
    )
    assert containers(many, FIGURES) > containers(few, FIGURES) > 1


def test_levers_are_counted_anew() -> None:
    """Each is what another fleet costs, the one that saves most first; useless ones are left out."""
    now = estimate(THOUSAND, PRICES, FIGURES, free_tier=False)
    found = levers(now, PRICES, FIGURES, free_tier=False, most_targets=500)
    half = estimate(replace(THOUSAND, series=30), PRICES, FIGURES, free_tier=False)
    by_change = {one.change: one for one in found}
    assert by_change["send half the series (30 a target)"].total == half.total
    assert [one.saves for one in found] == sorted((one.saves for one in found), reverse=True)
    assert all(one.saves == pytest.approx(now.total - one.total) and one.saves > 0 for one in found)
    assert "make shards twice as large (5 shards)" in by_change
    full = replace(THOUSAND, shards=2)
    crowded = levers(
        estimate(full, PRICES, FIGURES, free_tier=False), PRICES, FIGURES, free_tier=False, most_targets=500
    )
    assert not any("twice as large" in one.change for one in crowded)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("items: [", "p.yml: while parsing"),
        ("[]", "p.yml: Expected `object`, got `array`"),
        (table(schema=2), "p.yml: schema 2, this pushvar reads 1"),
        (table(colour="red"), "p.yml: Object contains unknown field `colour`"),
        (table(items={}), "p.yml: items: no price for alarms, backend_samples"),
        (
            table(items={**yaml.safe_load(standard_text())["items"], "coffee": {}}),
            "p.yml: items: nothing is counted as coffee",
        ),
        (
            table(
                items={
                    **yaml.safe_load(standard_text())["items"],
                    "alarms": {"unit": "a", "per": 0, "tiers": []},
                }
            ),
            "p.yml: items.alarms: Expected `float` > 0.0 - at `$.per`",
        ),
        (
            table(
                items={
                    **yaml.safe_load(standard_text())["items"],
                    "alarms": {"unit": "a", "per": 1, "tiers": [{"price": 1, "upto": 5}]},
                }
            ),
            "p.yml: items.alarms.tiers: each but the last has an upto, and they rise",
        ),
    ],
)
def test_a_table_that_is_wrong(text: str, said: str) -> None:
    """The key is named, and where a right table is to be seen."""
    with pytest.raises(ConfigError) as refused:
        read_prices(text, source="p.yml", needed=ITEMS)
    assert said in str(refused.value)
    assert str(refused.value).endswith("pushvar cost --print-prices shows a table to begin with")


def test_the_command_shows_what_it_rests_on() -> None:
    """Lines, totals, prices' date and doubts, assumptions, and what saves most at the end."""
    done = run_pushvar("cost", "--targets", "1000")
    assert (done.returncode, done.stderr) == (0, "")
    found = estimate(THOUSAND, PRICES, FIGURES, free_tier=True)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert lines[0].split() == ["service", "what", "a", "month", "free", "USD", "how", "it", "comes", "about"]
    assert f"total {found.total:,.2f}" in [" ".join(line.split()) for line in lines]
    assert "NOT checked against the live price pages" in done.stdout
    assert "10 shards of 100 targets; by our measurements 0.49 s a cycle at 512 MB" in done.stdout
    assert "assumed: the slowest target of a shard answers within 0.1 s" in done.stdout
    assert "not counted: outages" in done.stdout
    assert "scrape half as often (every 120 s)" in lines[lines.index("what would save most:") + 1]


def test_json_has_everything() -> None:
    """One object with a schema: the fleet, all figures, all lines and levers."""
    arguments = (
        "--targets",
        "1234",
        "--targets-per-shard",
        "200",
        "--interval",
        "30",
        "--no-free-tier",
        "--json",
    )
    done = run_pushvar("cost", *arguments)
    said = json.loads(done.stdout)
    fleet = Fleet(targets=1_234, series=60, interval_s=30, shards=7)
    found = estimate(fleet, PRICES, FIGURES, free_tier=False)
    assert (said["schema"], said["free_tier"], said["total"]) == (1, False, found.total)
    assert said["assumptions"] == asdict(FIGURES)
    assert said["fleet"].items() >= {**asdict(fleet), "shard_cycle_s": cycle_s(fleet, FIGURES)}.items()
    assert {line["item"] for line in said["lines"]} == ITEMS
    assert said["levers"][0].keys() == {"change", "total", "saves"}


def test_prices_of_ones_own(tmp_path: Path) -> None:
    """The printed table is the one in use, and a copy with other prices is used instead."""
    printed = run_pushvar("cost", "--print-prices")
    assert (printed.returncode, printed.stdout) == (0, standard_text())
    path = tmp_path / "prices.yml"
    path.write_text(
        printed.stdout.replace("currency: USD", "currency: EUR").replace("price: 0.625", "price: 1000")
    )
    said = json.loads(run_pushvar("cost", "--targets", "50", "--prices", path, "--json").stdout)
    (writes,) = (line for line in said["lines"] if line["item"] == "dynamodb_writes")
    assert writes["price"] == pytest.approx(writes["quantity"] / 1000)
    assert said["prices"]["currency"] == "EUR"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--targets is missing: how many endpoints are fetched?"),
        (("--targets", "0"), "0 is not in the range x>=1"),
        (("--targets", "9", "--interval", "5"), "5.0 is not in the range x>=10"),
        (("--targets", "9", "--targets-per-shard", "501"), "501 is not in the range 1<=x<=500"),
        (("--targets", "9", "--prices", "none.yml"), "--prices: none.yml: No such file or directory"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """Is exit code 2 and says what to write."""
    done = run_pushvar("cost", *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_an_invocation_that_does_not_fit_is_told() -> None:
    """A shard that takes longer than the function may is no plan."""
    done = run_pushvar("cost", "--targets", "100", "--duration-s", "59")
    assert "warning: an invocation takes 59 s, more than the function's 58 s" in done.stdout
    assert "given: 59.00 s a cycle" in done.stdout
