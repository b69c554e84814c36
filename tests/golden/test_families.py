"""Every payload family becomes what an expert of that program would have written."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING

import pytest
from pushvar.config.programs import ready_names
from pushvar.convert.converter import Converter
from pushvar.convert.mapping.conventions import convention
from pushvar.convert.mapping.rules import SHAPE_ERROR
from pushvar.model import MetricType

from tests.golden.families import (
    FAMILIES,
    OWN,
    STAMP,
    PayloadFamily,
    canonical,
    converted,
    exposition,
    reasons,
    series,
)
from tests.programs.expvar_zoo import SOURCE

if TYPE_CHECKING:
    from tests.programs.servers import Server

FEWEST = 15
PUBLISHED = re.compile(r'^\t"(\w+)": +\w+,$', re.MULTILINE)


def test_there_are_enough_families() -> None:
    """At least fifteen families, each one that the Go program publishes, and none of another source."""
    published = PUBLISHED.findall((SOURCE / "main.go").read_text())
    assert sorted(published) == FAMILIES
    assert len(FAMILIES) >= FEWEST


@pytest.mark.parametrize("name", FAMILIES)
def test_family(name: str) -> None:
    """Names, types, labels, units and values are the expert's; a difference is shown as one."""
    family = PayloadFamily(name)
    ours = canonical(exposition(converted(family.payload, family.rules)))
    expected = canonical(family.expected)
    difference = "\n".join(difflib.unified_diff(expected, ours, "expected", "ours", lineterm="", n=0))
    assert not difference, f"{name}:\n{difference}"


@pytest.mark.parametrize("name", FAMILIES)
def test_no_rule_meets_a_wrong_shape(name: str) -> None:
    """No series comes twice, no rule takes what it cannot use, no name has two types."""
    family = PayloadFamily(name)
    done = converted(family.payload, family.rules)
    assert reasons(done, (SHAPE_ERROR, "duplicate", "type conflict")) == []
    found = series(exposition(done))
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", FAMILIES)
def test_payload_is_what_go_prints(name: str, expvar_zoo: Server) -> None:
    """The file is what the Go program serves, byte for byte."""
    assert expvar_zoo.text(f"/{name}/debug/vars") == PayloadFamily(name).payload.decode()


def test_runtime_metrics_have_the_types_that_go_says(expvar_zoo: Server) -> None:
    """What runtime/metrics calls cumulative is a counter, all else a gauge, in the Go of this machine."""
    grows = json.loads(expvar_zoo.text("/runtime_metrics_that_grow"))
    assert len(grows) > 50
    kinds = {name: convention((name,)).type for name in grows}
    assert kinds == {
        name: MetricType.COUNTER if cumulative else MetricType.GAUGE for name, cumulative in grows.items()
    }


def test_no_secret_of_a_payload_is_expected() -> None:
    """Command lines, configurations and people's names stand in the payloads and nowhere else."""
    for secret in ("s3cret", "anna@example.org"):
        assert any(secret in PayloadFamily(name).payload.decode() for name in FAMILIES)
        assert not any(secret in PayloadFamily(name).expected for name in FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_next_fetch_is_read_by_what_was_compiled(name: str) -> None:
    """A second body of the same structure takes the warm path and gives the same samples."""
    family = PayloadFamily(name)
    converter, rules = Converter(), family.rules
    first = converter.convert(STAMP, family.payload, rules)
    second = converter.convert(STAMP, family.payload, rules)
    assert second.values == first.values
    assert second.plan is first.plan


@pytest.mark.parametrize("name", sorted(ready_names()))
def test_each_rule_of_a_ready_set_is_shown(name: str) -> None:
    """Every rule of a ready set takes something in the payload of some family that uses the set."""
    users = [family for family in map(PayloadFamily, FAMILIES) if name in family.mappings]
    assert users, f"no family uses the ready set {name}"
    dead = [set(converted(one.payload, one.rules).plan.shape.dead_rules) for one in users]
    assert {rule for rule in set.intersection(*dead) if rule.startswith(f"{name}[")} == set()


@pytest.mark.parametrize("name", [name for name in FAMILIES if OWN in PayloadFamily(name).mappings])
def test_own_rules_are_all_needed(name: str) -> None:
    """Rules written for one payload all take something in it."""
    family = PayloadFamily(name)
    dead = converted(family.payload, family.rules).plan.shape.dead_rules
    assert [rule for rule in dead if rule.startswith(f"{OWN}[")] == []
