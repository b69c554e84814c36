"""``make bench``: every benchmark in one run, ratios of what ran side by side, and the goals beside them."""

from __future__ import annotations

import json
import time
import traceback
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from pushvar.errors import ComponentMissing
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import measure, plot, report, tables
from benchmarks.parts import FULL, NAMES, PARTS, QUICK, Setting
from benchmarks.series import Different
from benchmarks.servers import Failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.parts import Part

_EXPECTED = (Different, Failed, ComponentMissing)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Few rounds, smaller sizes: figures scatter more.")
@click.option("--only", metavar="NAME[,NAME]", help="These parts alone; --list names all.")
@click.option("--list", "listing", is_flag=True, help="Name the parts, run nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@click.option("--markdown", is_flag=True, help="Tables as docs/performance.md has them.")
@click.option("--docs", is_flag=True, help="The same, and draw the pictures of that page anew.")
def main(
    *,
    quick: bool = False,
    only: str | None = None,
    listing: bool = False,
    as_json: bool = False,
    markdown: bool = False,
    docs: bool = False,
) -> None:
    """Run all benchmarks. No figure fails a run.

    It takes half an hour, and a quick run five minutes. A part that cannot run is told in the report, the
    others go on, and the exit code is 1.
    """
    if listing:
        click.echo("\n".join(f"{part.name:16}{part.words}" for part in PARTS))
        return
    if docs and quick:
        raise click.UsageError("the page is of a whole run: --docs does not go with --quick")
    results = run(chosen(only), quick=quick)
    if as_json:
        click.echo(json.dumps(results.as_object(), ensure_ascii=False))
    else:
        paged = markdown or docs
        report.show(results, tables.console_for(markdown=paged), markdown=paged)
    if docs:
        plot.write(results.found)
    if results.failed:
        raise click.ClickException(f"nothing was measured by {', '.join(results.failed)}")


def chosen(only: str | None) -> Sequence[Part]:
    """The parts of that option, in their own order. Raises BadParameter for a name that is none."""
    if only is None:
        return PARTS
    names = [name.strip() for name in only.split(",")]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise click.BadParameter(
            f"no part is called {', '.join(unknown)}; there are {', '.join(NAMES)}", param_hint="--only"
        )
    return [part for part in PARTS if part.name in names]


def run(parts: Sequence[Part], *, quick: bool) -> report.Results:
    """Run these parts, with progress on standard error."""
    results = report.Results(measure.machine(), quick)
    effort = QUICK if quick else FULL
    with (
        TemporaryDirectory(prefix="pushvar-bench-") as cache,
        Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True)
        ) as progress,
    ):
        environment = measure.with_bytecode(Path(cache))
        for number, part in enumerate(parts, 1):
            words = f"{number}/{len(parts)} {part.name}"
            task = progress.add_task(words, total=part.rounds(effort))
            setting = Setting(effort, environment, partial(progress.advance, task))
            started_s = time.monotonic()
            _measure(part, setting, results)
            taken_s = results.took_s[part.name] = time.monotonic() - started_s
            progress.remove_task(task)
            became = "failed" if part.name in results.failed else "done"
            progress.console.print(f"{words}: {became} after {taken_s:.0f} s", highlight=False)
    return results


def _measure(part: Part, setting: Setting, results: report.Results) -> None:
    """Run one part; whatever stops it is its own affair: the others took their time, too."""
    try:
        results.found[part.name] = part.run(setting)
    except _EXPECTED as error:
        results.failed[part.name] = str(error)
    except Exception as error:  # noqa: BLE001 - half an hour of others' figures is not to be lost
        traceback.print_exc()
        results.failed[part.name] = f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
