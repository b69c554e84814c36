"""One benchmark by itself: ``python -m benchmarks.<name> [--quick] [--markdown]`` prints its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from pushvar.errors import ComponentMissing
from rich.console import Console

from benchmarks import servers
from benchmarks.series import Different
from benchmarks.tables import table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.tables import Section

_WIDTH = 140  # of tables that no terminal bounds


def command(measured: Callable[[bool], Sequence[Section]], doc: str) -> click.Command:
    """The command of a benchmark; ``measured`` is told whether the run is to be a quick one."""

    @click.command(help=doc, context_settings={"help_option_names": ["-h", "--help"]})
    @click.option("--quick", is_flag=True, help="Fewer rounds and smaller sizes: figures scatter more.")
    @click.option("--markdown", is_flag=True, help="Tables as docs/performance.md has them.")
    def main(*, quick: bool, markdown: bool) -> None:
        try:
            sections = measured(quick)
        except (Different, servers.Failed, ComponentMissing) as error:
            raise click.ClickException(f"nothing was measured: {error}") from None
        console = Console()
        if markdown or not console.is_terminal:
            console = Console(width=_WIDTH, soft_wrap=True)
        for section in sections:
            console.print(f"\n### {section.title}\n" if markdown else f"\n[bold]{section.title}[/bold]")
            console.print(table_of(section, markdown=markdown))
            console.print(section.note, highlight=False)

    return main
