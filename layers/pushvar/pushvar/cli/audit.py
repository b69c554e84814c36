"""``pushvar audit``: what a whole registry shows of itself, target by target, and what to mend first."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from pushvar.cli import exit_codes
from pushvar.cli.registries import VARIABLE
from pushvar.cli.report_files import STDOUT, check_folders, read_file, write_files
from pushvar.cli.tables import counted, show_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pushvar.kit.audit.report import Report
    from pushvar.kit.audit.tables import Table
    from pushvar.model import Delivery

_EPILOG = """\b
Examples:
  pushvar audit --config pushvar.yml
  pushvar audit --registry ssm:/pushvar/prod --html audit.html --csv audit.csv
  pushvar audit -c pushvar.yml --save today.json --compare last-week.json
  pushvar audit -c pushvar.yml --fail-under 90          in a pipeline
  pushvar audit -c pushvar.yml --metrics /var/lib/node_exporter/pushvar_audit.prom
  pushvar audit -c pushvar.yml --push                   to its own backends
  pushvar audit --source ./services                     Go source instead of a registry

\b
Each target is exactly one of these:
  covered       it answers, and has the whole core set of its service level
  partial       some of the core set are missing
  no_runtime    series, but none of the Go runtime
  no_format     an answer that is neither expvar nor Prometheus text
  unreachable   no usable answer
Targets that are not covered are what an audit is for: they are no failure of it.

\b
Exit codes: 0 the audit is made; 1 coverage is below --fail-under, or --source found something;
2 wrong usage or configuration; 4 --push did not deliver."""

_COLOURS = {"covered": "green", "partial": "yellow", "no_runtime": "yellow"}
_FILES = ("csv", "markdown", "html", "save", "metrics")


@click.command("audit", epilog=_EPILOG)
@click.option(
    "--config",
    "-c",
    "--registry",
    "-r",
    "reference",
    envvar=VARIABLE,
    show_envvar=True,
    metavar="REF",
    help="The configuration whose targets are audited: a file, or ssm:/pushvar/<stage>.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@click.option("--csv", metavar="FILE", help="A line for each target.")
@click.option("--markdown", metavar="FILE", help="The tables, for a wiki or a pull request.")
@click.option("--html", metavar="FILE", help="One page with charts and a table that can be sorted.")
@click.option("--save", metavar="FILE", help="This audit, to compare the next one with.")
@click.option("--compare", metavar="FILE", help="An audit that --save wrote before: what has changed since?")
@click.option(
    "--metrics", metavar="FILE", help="Prometheus text, for the node exporter's textfile collector."
)
@click.option("--push", is_flag=True, help="Push the metrics to the backends of the configuration.")
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit with 1 when fewer targets are covered.",
)
@click.option(
    "--worst",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    metavar="N",
    help="Rows of each table at most; 0 for all.",
)
@click.option("--source", metavar="FOLDER", help="Look for services without metrics in Go source instead.")
def command(**given: Any) -> int:  # fmt: skip
    """Find out which targets of a registry have the metrics that they should have.

    Every target is fetched once, as a cycle would fetch it, and nothing is forwarded.
    """
    if given["source"] is not None:
        from pushvar.cli.audit_source import audit_source

        return audit_source(given)
    if given["reference"] is None:
        raise click.UsageError("--config is missing: which registry is to be audited?")
    files = {f"--{name}": given[name] for name in _FILES}
    if [*files.values(), STDOUT if given["as_json"] else None].count(STDOUT) > 1:
        raise click.UsageError("only one report can go to standard output")
    check_folders(files)
    return _audit(given, files)


def _audit(given: dict[str, Any], files: dict[str, str | None]) -> int:
    from pushvar.app.audited import audited, snapshot_of
    from pushvar.app.world import real_world
    from pushvar.kit.audit.audit import read_audit
    from pushvar.kit.audit.report import report_of

    world, compare = real_world(), given["compare"]
    before = read_audit(read_file("--compare", compare), compare) if compare else None
    snapshot = snapshot_of(given["reference"], world)
    with ExitStack() as stack:
        push = None
        if given["push"]:
            from pushvar.app.audit_push import AuditPush

            push = AuditPush(snapshot.config, world)
            stack.callback(push.close)
        with ExitStack() as bar:
            audit = audited(given["reference"], snapshot, world, _progress(bar))
        report = report_of(audit, before)
        _tell(report, given, files)
        delivered = push is None or _told(push.push(audit))
    if not delivered:
        return exit_codes.DELIVERY_FAILED
    percent = given["fail_under"]
    if percent is not None and report.below(percent):
        click.secho(f"coverage is below {percent:g} %", err=True, fg="red")
        return exit_codes.FINDINGS
    return exit_codes.FINE


def _progress(stack: ExitStack) -> Callable[[int, int], None] | None:
    """What shows a bar to a person; nothing elsewhere."""
    if not sys.stderr.isatty():
        return None
    bars: list[Any] = []

    def show(done: int, total: int) -> None:
        if not bars:
            bar = click.progressbar(length=total, label="fetching", file=sys.stderr, show_pos=True)
            bars.append(stack.enter_context(bar))
        bars[0].update(done - bars[0].pos)

    return show


def _tell(report: Report, given: dict[str, Any], files: dict[str, str | None]) -> None:
    """The report in every form that is wanted."""
    write_files(files, _texts(report))
    if given["as_json"]:
        click.echo(_json(report), nl=False)
    elif STDOUT not in files.values():
        _show(report, given["worst"])
    for problem in report.audit.problems:
        click.secho(f"problem: {problem}", err=True, fg="yellow")


def _texts(report: Report) -> dict[str, Callable[[], str | bytes]]:
    from pushvar.kit.audit.csv_report import csv_text
    from pushvar.kit.audit.markdown import markdown_text
    from pushvar.kit.audit.metrics import metrics_text
    from pushvar.kit.audit.page import page

    return {
        "--csv": lambda: csv_text(report),
        "--markdown": lambda: markdown_text(report),
        "--html": lambda: page(report),
        "--save": lambda: _json(report),
        "--metrics": lambda: metrics_text(report.audit),
    }


def _json(report: Report) -> str:
    from pushvar.kit.audit.report import as_object

    return json.dumps(as_object(report), indent=2) + "\n"


def _show(report: Report, limit: int) -> None:
    from pushvar.kit.audit.tables import headline, tables, trend_line

    click.secho(headline(report), bold=True)
    if report.trend is not None:
        click.echo(trend_line(report))
    if report.audit.dropped:
        click.echo(f"{counted(report.audit.dropped, 'target')} dropped by relabel_configs, not audited")
    for table in tables(report, limit) if report.audit.targets else ():
        _show_table(table)


def _show_table(table: Table) -> None:
    click.echo()
    click.secho(table.title + (f", {table.note}" if table.note else ""), bold=True)
    colours: Sequence[str | None] = ["bright_black", *map(_colour, table.rows)]
    show_table([table.head, *table.rows], right=table.right, colours=colours)
    if table.more:
        click.secho(f"and {table.more:,} more (--worst 0 shows all)", dim=True)


def _colour(row: Iterable[str]) -> str | None:
    """By the state that a row begins with."""
    first = next(iter(row))
    return _COLOURS.get(first, "red" if first in ("unreachable", "no_format") else None)


def _told(deliveries: Iterable[Delivery]) -> bool:
    """Say what became of the push; whether all of it arrived."""
    arrived = True
    for one in deliveries:
        if one.failed or one.error:
            arrived = False
            why = one.error or "; ".join(one.notes) or "refused"
            click.secho(f"not delivered to {one.backend}: {why}; run the audit again", err=True, fg="red")
        else:
            click.echo(f"pushed {counted(one.sent, 'sample')} to {one.backend}", err=True)
    return arrived
