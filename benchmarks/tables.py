"""Figures as words, and tables of them for a terminal or a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import MARKDOWN, SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from benchmarks.measure import Spread

_LEFT = 1  # columns that hold words; the others hold numbers


@dataclass(frozen=True, slots=True)
class Section:
    """One table: words in the first column, numbers in the others, and a line below it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def table_of(section: Section, *, markdown: bool) -> Table:
    """What rich prints of a section."""
    table = Table(box=MARKDOWN if markdown else SIMPLE_HEAD, pad_edge=markdown)
    for position, column in enumerate(section.columns):
        numbers = position >= _LEFT and len(section.columns) > _LEFT + 1
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in section.rows:
        table.add_row(*row)
    return table


def ms(cpu: Spread) -> str:
    """A median in ms."""
    return f"{cpu.median:.1f}"


def least_to_most(cpu: Spread) -> str:
    """Both ends."""
    return f"{cpu.low:.1f}-{cpu.high:.1f}"


def times(ratio: Spread) -> str:
    """A ratio, with both ends where they differ."""
    if ratio.low == ratio.high == 1:
        return "1x"
    digits = 0 if ratio.median >= 20 else 1
    return f"{ratio.median:.{digits}f}x ({ratio.low:.{digits}f}-{ratio.high:.{digits}f})"
