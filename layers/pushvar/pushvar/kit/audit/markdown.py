"""The audit as Markdown, for a wiki or a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.audit import AUDIT_STATES
from pushvar.kit.audit.sums import WORST_FIRST
from pushvar.kit.audit.tables import headline, moment, tables, trend_line
from pushvar.kit.plain import markdown_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.audit.report import Report
    from pushvar.kit.audit.tables import Table

LIMIT = 50
"""Rows of a table: who wants all targets has the CSV."""


def markdown_text(report: Report, limit: int = LIMIT) -> str:
    """The whole report; each table has ``limit`` rows at most (0: all) and says what it leaves out."""
    return "\n".join(_lines(report, limit)) + "\n"


def _lines(report: Report, limit: int) -> Iterator[str]:
    audit = report.audit
    yield "# Coverage audit"
    yield ""
    yield f"{headline(report)}."
    yield ""
    if report.trend is not None:
        yield f"{markdown_cell(trend_line(report))}."
        yield ""
    yield f"Registry {markdown_cell(audit.registry)}, {moment(audit.time_ms)}."
    yield ""
    for state in reversed(WORST_FIRST):
        yield f"- **{state.replace('_', ' ')}**: {AUDIT_STATES[state]}"
    for table in tables(report, limit):
        yield from _table(table)
    if audit.problems:
        yield from ("", "## Problems of the registry", "")
        yield from (f"- {markdown_cell(one)}" for one in audit.problems)


def _table(table: Table) -> Iterator[str]:
    note = f" ({table.note})" if table.note else ""
    yield from ("", f"## {table.title.capitalize()}{note}", "")
    yield _row(table.head)
    yield _row(tuple("---:" if place in table.right else "---" for place in range(len(table.head))))
    yield from (_row(tuple(map(markdown_cell, row))) for row in table.rows)
    if table.more:
        yield from ("", f"{table.more:,} more are not shown here.")


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
