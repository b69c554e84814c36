"""A door loads what it needs: a budget of modules for each, and modules that it must not load at all.

Time is no test, for machines differ; ``python -m benchmarks.doors`` tells it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from benchmarks.doors import DOORS, HELP, ONCE, PUSH, counted, house

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.doors import House


@pytest.fixture(scope="module")
def at() -> Iterator[House]:
    """Give somebody who answers as target, backend and gateway."""
    with house(os.environ) as opened:
        yield opened


@pytest.fixture(scope="module")
def bare(at: House) -> frozenset[str]:
    """Give what the interpreter loads by itself."""
    return frozenset(at.modules(None))


@pytest.mark.parametrize("name", DOORS)
def test_a_door_loads_what_it_needs(name: str, at: House, bare: frozenset[str]) -> None:
    """No more modules than its budget has, beside Python's own, and none of the forbidden ones."""
    door = DOORS[name]
    loaded = {module: taken for module, taken in at.modules(door).items() if module not in bare}
    assert door.forbidden & loaded.keys() == set()
    assert len(counted(loaded)) <= door.modules, counted(loaded)


def test_a_budget_is_no_gift(at: House, bare: frozenset[str]) -> None:
    """A budget that far more modules than there are would fit into guards nothing."""
    for door in (DOORS[HELP], DOORS[ONCE]):
        loaded = {module: taken for module, taken in at.modules(door).items() if module not in bare}
        assert len(counted(loaded)) > door.modules * 0.7


def test_what_is_forbidden_elsewhere_is_found_where_it_is_needed(at: House) -> None:
    """A cycle that pushes does load the push client: the test above sees what is loaded."""
    assert at.modules(DOORS[ONCE]).keys() > PUSH
