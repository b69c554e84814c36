"""Figures as words, and tables of them for a terminal or a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import MARKDOWN, SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from benchmarks.measure import Spread

_WIDTH = 140  # of tables that no terminal bounds
_ENDLESS = 1_000  # a row of Markdown is one line

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


def markdown_of(section: Section) -> str:
    """A section as Markdown: title, table, note; no line ends in spaces."""
    console = Console(width=_ENDLESS, soft_wrap=True, no_color=True)
    with console.capture() as captured:
        console.print(table_of(section, markdown=True))
    table = "\n".join(line.rstrip() for line in captured.get().strip().splitlines())
    return "\n\n".join(part for part in (f"### {section.title}", table, section.note) if part) + "\n"


def show(section: Section, console: Console, *, markdown: bool) -> None:
    """Print a section under its title."""
    if markdown:
        console.print(markdown_of(section), markup=False, highlight=False)
        return
    console.print(f"\n[bold]{section.title}[/bold]")
    console.print(table_of(section, markdown=False))
    if section.note:
        console.print(section.note, highlight=False)


def console_for(*, markdown: bool) -> Console:
    """The terminal; without one, and for a document, tables are as wide as they are."""
    console = Console()
    if markdown or not console.is_terminal:
        return Console(width=_ENDLESS if markdown else _WIDTH, soft_wrap=True)
    return console


def whole(figure: float) -> str:
    """Without decimals, thousands set apart."""
    return f"{figure:,.0f}"


def ms(cpu: Spread) -> str:
    """A median in ms."""
    return f"{cpu.median:.1f}"


def least_to_most(cpu: Spread) -> str:
    """Both ends; from a hundred on without decimals."""
    digits = 0 if cpu.low >= 100 else 1
    return f"{cpu.low:.{digits}f}-{cpu.high:.{digits}f}"


def times(ratio: Spread) -> str:
    """A ratio, with both ends where they differ from one; the smaller, the more digits."""
    if ratio.low == ratio.high == 1:
        return "1x"
    digits = 0 if ratio.median >= 20 else 1 if ratio.median >= 3 else 2
    return f"{ratio.median:.{digits}f}x ({ratio.low:.{digits}f}-{ratio.high:.{digits}f})"
