"""Grafana dashboards: what is seen (``boards``), its JSON (``build``), its faults (``lint``).

A dashboard is a file of ``boards``; it is found by its name, and loaded when it is wanted.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from pushvar.kit.dashboards import boards

if TYPE_CHECKING:
    from pushvar.kit.dashboards.words import Board
    from pushvar.kit.settings import KitSettings


@cache
def names() -> tuple[str, ...]:
    """The names of the dashboards, as commands and files have them."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(boards.__path__)))


def board_of(name: str, settings: KitSettings) -> Board:
    """The dashboard of that name, one of ``names``, for these intervals and service levels."""
    module = import_module(f"{boards.__name__}.{name.replace('-', '_')}")
    board: Board = module.board(settings)
    return board
