"""The simulation behind docs/scaling.md: cases that can be worked out by hand, and a page that is whole."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections import OrderedDict

import click
import pytest

from benchmarks import scaling, scaling_model, workload
from benchmarks.scaling_plot import Line, plot
from benchmarks.scaling_simulation import Cost, Environment, Place, cycle

CORE = Place(cores=1, share=1, concurrency=4, growth_per_s=0, most=4, init_s=0)
LAMBDA = Place(cores=math.inf, share=0.5, concurrency=2, growth_per_s=0, most=2, init_s=3)
MEASURED = scaling.SAVED.load()


def environments(count: int) -> list[Environment]:
    """Give warm environments that know no shard."""
    return [Environment() for _ in range(count)]


@pytest.mark.parametrize(
    ("cores", "count", "shards", "cpu_s", "wait_s", "expected_s"),
    [
        (1, 1, 10, 0.5, 0, 5),  # one after the other
        (1, 4, 8, 0.5, 0, 4),  # four share a core: nothing is won
        (2, 4, 8, 0.5, 0, 2),  # two cores are twice as fast
        (8, 4, 8, 0.5, 0, 1),  # nobody has more than one core
        (1, 4, 8, 0, 2, 4),  # waiting needs no core
        (1, 2, 2, 0.5, 2, 3),  # first they wait, then they share
        (1.5, 3, 3, 1, 0, 2),  # what others leave of a core counts
    ],
)
def test_work_on_shared_cores(
    cores: float, count: int, shards: int, cpu_s: float, wait_s: float, expected_s: float
) -> None:
    """As long as the work and the cores say."""
    place = Place(cores, 1, count, 0, count, 0)
    found = cycle([0.0] * shards, lambda _known: Cost(cpu_s, wait_s), place, environments(count))
    assert found.wall_s == pytest.approx(expected_s)
    assert (found.busiest, found.cold_starts) == (count, 0)


def test_on_lambda_nobody_shares() -> None:
    """Each has its share of a core; who starts cold takes its init; others wait for one of the two."""
    fleet: list[Environment] = []
    found = cycle([0.0] * 4, lambda _known: Cost(1, 0.5), LAMBDA, fleet)
    assert found.wall_s == pytest.approx(3 + 2.5 + 2.5)
    assert found.queued_s == pytest.approx(5.5)
    assert (found.cold_starts, len(fleet)) == (2, 2)
    again = cycle([0.0] * 4, lambda _known: Cost(1, 0.5), LAMBDA, fleet)
    assert again.wall_s == pytest.approx(5)
    assert again.cold_starts == 0


def test_environments_come_as_fast_as_they_may() -> None:
    """One at first and one more each second: four jobs begin at 0, 1, 2 and 3, a fifth waits."""
    place = Place(math.inf, 1, 1, 1, 4, 0)
    found = cycle([0.0] * 4, lambda _known: Cost(0, 10), place, [])
    assert (found.wall_s, found.queued_s) == pytest.approx((13, 3))
    assert found.busiest == 4
    bounded = cycle([0.0] * 5, lambda _known: Cost(0, 10), place, [])
    assert (bounded.wall_s, bounded.busiest) == pytest.approx((20, 4))


def test_messages_come_when_they_come() -> None:
    """Nothing begins before its message, and a queue that is empty in between is no end."""
    found = cycle([0.0, 5.0, 20.0], lambda _known: Cost(1, 0), CORE, environments(1))
    assert (found.wall_s, found.queued_s, found.busiest) == (21, 0, 1)


def test_an_environment_keeps_only_so_many_shards() -> None:
    """What it has compiled is cheap the next time; the one that it used longest ago makes room."""
    place = Place(1, 1, 1, 0, 1, 0, kept=2)
    fleet, seen = environments(1), []

    def cost(known: bool) -> Cost:  # noqa: FBT001 - the simulation asks so
        seen.append(known)
        return Cost(1, 0)

    cycle([0.0, 1.0], cost, place, fleet)
    cycle([0.0, 1.0, 2.0], cost, place, fleet)
    assert seen == [False, False, True, True, False]
    assert fleet[0].known == OrderedDict.fromkeys([1, 2])


def test_the_page_is_what_was_measured() -> None:
    """Tables and plot are those that the saved measurements give, and the simulation agrees with the run."""
    scaling.demand_agreement(scaling_model.agreements(MEASURED))
    tables = {name: scaling.rendered(one) for name, one in scaling.sections(MEASURED).items()}
    page = scaling.PAGE.read_text("utf-8")
    assert scaling.renewed(page, tables) == page
    assert scaling.PLOT.read_text("utf-8") == scaling.drawn(MEASURED)


def test_the_estimate_of_costs_has_the_measured_figures() -> None:
    """CPU of a shard that its environment knows, and of one that it has to make anew."""
    figures = scaling_model.FIGURES
    known_s = figures.shard_cpu(100, workload.SERIES)
    assert known_s == pytest.approx(MEASURED.known.cpu_s, rel=0.1)
    assert known_s + 100 * figures.rebuild_cpu_s == pytest.approx(MEASURED.anew.cpu_s, rel=0.1)


def test_a_simulation_that_is_off_stops_the_page() -> None:
    """More than a fifth in either direction is told, and which cycle."""
    right = scaling_model.Agreement("one", 10, 11.9)
    scaling.demand_agreement([right])
    for simulated_s in (12.1, 7.9):
        with pytest.raises(click.ClickException, match=r"two: [+-]21%"):
            scaling.demand_agreement([right, scaling_model.Agreement("two", 10, simulated_s)])


def test_a_page_without_a_place_for_a_table() -> None:
    """Is told, not left without it."""
    page = "<!-- table: a -->\nold\n<!-- end -->\nrest"
    assert scaling.renewed(page, {"a": "new\n"}) == "<!-- table: a -->\nnew\n<!-- end -->\nrest"
    with pytest.raises(click.ClickException, match="no place for the table b"):
        scaling.renewed(page, {"b": ""})


def test_limits_come_in_order() -> None:
    """The first that is hit stands first, and each is where its value passes the limit."""
    found = scaling_model.limits(MEASURED)
    assert [one.targets for one in found] == sorted(one.targets for one in found)
    by_name = {one.what: one.targets for one in found}
    assert by_name["samples a second into one workspace"] == pytest.approx(70_000, rel=0.03)
    assert by_name["active series of one workspace"] == pytest.approx(10_000_000 / 60, rel=0.03)
    assert by_name["shards that the parameter Shards takes"] == pytest.approx(1_000_000, rel=0.03)


def test_a_plot_is_a_picture() -> None:
    """Well-formed, with every line, its name, and points where the logarithm puts them."""
    lines = (Line("one & two", ((1, 1), (100, 10))), Line("three", ((10, 100),)))
    root = ET.fromstring(plot("t", "x", "y", lines, (10, "level")))  # noqa: S314 - our own text
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"one & two", "three", "level", "x", "y", "1", "10", "100"} <= set(texts)
    paths = [one.attrib["d"] for one in root.iter("{http://www.w3.org/2000/svg}path")]
    assert "M70.0 310.0L720.0 165.0" in paths
