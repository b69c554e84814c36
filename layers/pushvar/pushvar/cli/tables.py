"""What commands show while and after they work: aligned lines, never cut, and a bar on a terminal."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from pushvar.kit.plain import counted
from pushvar.kit.plain import visible as printable

__all__ = ["Progress", "counted", "printable", "progress_bar", "reading", "show_table"]

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence


def show_table(
    rows: Sequence[Sequence[str]], *, right: Collection[int] = (), colours: Sequence[str | None] = ()
) -> None:
    """Print the rows with columns aligned; ``right`` are those of numbers, ``colours`` one for each row."""
    from rich.cells import cell_len

    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    for row, colour in zip(shown, colours or [None] * len(shown), strict=True):
        cells = []
        for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cell_len(cell))
            cells.append(space + cell if index in right else cell + space)
        click.secho("  ".join(cells).rstrip(), fg=colour)


class Progress(NamedTuple):
    """What to call with what is done and all there is to do, and with the seconds of a pause."""

    done: Callable[[int, int], None] | None
    waits: Callable[[float], None]


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar, where a person looks on; elsewhere one line, if there are pauses."""
    with ExitStack() as stack:
        bars: list[Any] = []
        told: list[float] = []

        def show(done: int, total: int) -> None:
            if not bars:
                bar = click.progressbar(length=total, label="writing", file=sys.stderr, show_pos=True)
                bars.append(stack.enter_context(bar))
            bars[0].label = "writing"
            bars[0].update(done - bars[0].pos)

        def waits(pause_s: float) -> None:
            if bars:
                bars[0].label = f"AWS limits the rate, waiting {pause_s:.0f} s"
                bars[0].render_progress()
            elif not told:
                click.echo("AWS limits the rate of writes: waiting, then going on", err=True)
            told.append(pause_s)

        yield Progress(show if sys.stderr.isatty() else None, waits)


@contextmanager
def reading() -> Iterator[Callable[[int], None] | None]:
    """What to call with how many parameters were read: a line that goes away, where a person looks on."""
    if not sys.stderr.isatty():
        yield None
        return
    try:
        yield lambda number: click.echo(f"\rreading: {counted(number, 'parameter')}", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)
