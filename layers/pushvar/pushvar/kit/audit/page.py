"""The audit as one page: charts, what to mend, all targets in a table to be sorted. It loads nothing."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from pushvar.catalogue.audit import AUDIT_STATES
from pushvar.kit.audit import tables
from pushvar.kit.audit.elements import Markup, document, el, join
from pushvar.kit.audit.report import CHANGES
from pushvar.kit.audit.sums import DIMENSIONS, RANKS, WORST_FIRST, cut, share

if TYPE_CHECKING:
    from pushvar.kit.audit.finding import Finding
    from pushvar.kit.audit.report import Report
    from pushvar.kit.audit.sums import Count, Group
    from pushvar.kit.audit.tables import Table

LIMIT = 20
"""Rows of a table, but of that of all targets."""

_BEST_FIRST = WORST_FIRST[::-1]
_TARGET_HEAD = ("state", "why", "target", "job", "tier", "customer", "domain", "team", "next step")


def page(report: Report) -> str:
    """The whole page as HTML."""
    body = join(
        _top(report),
        el("div", *(_chart(report, one) for one in DIMENSIONS), class_="panels"),
        *(_table(one) for one in (tables.causes_table(report, LIMIT), tables.missing_table(report, LIMIT))),
        *(_table(tables.changes_table(report, kind, LIMIT)) for kind in CHANGES if report.trend is not None),
        _problems(report),
        _targets(report),
    )
    return document("Coverage audit", _file("page.css"), _file("page.js"), body)


@cache
def _file(name: str) -> str:
    return resources.files("pushvar.kit.audit").joinpath(name).read_text("utf-8")


def _top(report: Report) -> Markup:
    audit, count, trend = report.audit, report.total.count, tables.trend_line(report)
    numbers = (
        ("registered", count.registered),
        ("answer", count.reachable),
        ("give series", count.usable),
        ("have the Go runtime", count.runtime),
        ("covered", count.covered),
    )
    dropped = f", {audit.dropped:,} more dropped by relabel_configs" if audit.dropped else ""
    return join(
        el("h1", "Coverage audit"),
        el("p", f"{tables.headline(report)}."),
        el("p", f"{trend}.") if trend else "",
        el("p", f"{audit.registry}, {tables.moment(audit.time_ms)}{dropped}", class_="dim"),
        el("ul", *(_number(what, number, count.registered) for what, number in numbers), class_="numbers"),
        el("ul", *(_key(state, AUDIT_STATES[state]) for state in _BEST_FIRST), class_="key"),
    )


def _number(what: str, number: int, whole: int) -> Markup:
    beside = what if what == "registered" else f"{what} ({share(number, whole)})"
    return el("li", el("b", f"{number:,}"), el("span", beside))


def _key(state: str, words: str) -> Markup:
    return el("li", el("i", class_=state), el("b", state.replace("_", " ")), f": {words}")


def _chart(report: Report, dimension: str) -> Markup:
    """A bar for each group, one of all below; the numbers stand beside it, so nothing hangs on colours."""
    groups = report.groups[dimension]
    numbers = ("targets", "covered", *(("before",) if report.trend else ()))
    head = _head((DIMENSIONS[dimension], *numbers, "states"), frozenset(range(1, len(numbers) + 1)))
    rows = [_bar_row(report, one) for one in cut(groups, LIMIT)]
    rows.append(_bar_row(report, report.total, "all"))
    return el(
        "section",
        el("h2", f"by {DIMENSIONS[dimension]}"),
        _scrolled(f"by {DIMENSIONS[dimension]}", el("table", head, el("tbody", *rows))),
    )


def _bar_row(report: Report, group: Group, class_: str = "") -> Markup:
    count, before = group.count, group.before
    was = (before.covered, before.registered) if before else (0, 0)
    return el(
        "tr",
        el("td", group.name, class_="name"),
        el("td", f"{count.registered:,}", class_="number"),
        el("td", *_part(count.covered, count.registered), class_="number"),
        el("td", *(_part(*was) if before else ("-",)), class_="number") if report.trend else "",
        el("td", _bar(group.name, count), class_="bar"),
        class_=class_,
    )


def _part(number: int, whole: int) -> tuple[object, ...]:
    return f"{number:,}", " ", el("small", share(number, whole))


def _bar(name: str, count: Count) -> Markup:
    """One stacked bar; a screen reader hears the counts."""
    states = [(state, getattr(count, state)) for state in _BEST_FIRST if getattr(count, state)]
    spoken = ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in states)
    done, pieces = 0, []
    for state, number in states:
        words = el("title", f"{state.replace('_', ' ')}: {number:,} of {count.registered:,}")
        x, width = (f"{100 * one / count.registered:.4f}%" for one in (done, number))
        pieces.append(el("rect", words, class_=state, x=x, width=width, height="100%"))
        done += number
    return el("svg", *pieces, role="img", aria_label=f"{name}: {spoken or 'no targets'}")


def _table(table: Table) -> Markup:
    if not table.rows:
        return Markup()
    cells = [el("tr", *(_cell(table, place, cell) for place, cell in enumerate(row))) for row in table.rows]
    title = f"{table.title}, {table.note}" if table.note else table.title
    whole = el("table", _head(table.head, table.right), el("tbody", *cells))
    return el("section", el("h2", title), _scrolled(title, whole), _more(table.more))


def _cell(table: Table, place: int, cell: str) -> Markup:
    if place in table.right:
        return el("td", cell, class_="number")
    if cell in RANKS:
        return el("td", *_state(cell), class_="state")
    return el("td", cell, class_={"target": "url", "next step": "wide"}.get(table.head[place], "name"))


def _state(state: str) -> tuple[object, ...]:
    return el("i", class_=state), state.replace("_", " ")


def _head(names: tuple[str, ...], right: frozenset[int]) -> Markup:
    cells = (
        el("th", name, scope="col", class_="number" if place in right else "")
        for place, name in enumerate(names)
    )
    return el("thead", el("tr", *cells))


def _scrolled(title: str, table: Markup) -> Markup:
    return el("div", table, class_="scroll", tabindex="0", role="region", aria_label=title)


def _more(number: int) -> Markup:
    return el("p", f"{number:,} more are not shown here", class_="dim") if number > 0 else Markup()


def _problems(report: Report) -> Markup:
    problems = report.audit.problems
    if not problems:
        return Markup()
    listed = el("ul", *(el("li", one) for one in problems), class_="problems")
    return el("section", el("h2", "problems of the registry"), listed)


def _targets(report: Report) -> Markup:
    covered = [one for one in report.audit.targets if one.state == "covered"]
    rows = [_target(one) for one in (*report.worst, *covered)]
    if not rows:
        return Markup()
    whole = el("table", _head(_TARGET_HEAD, frozenset()), el("tbody", *rows), class_="sortable")
    return el("section", el("h2", "all targets"), _scrolled("all targets", whole))


def _target(one: Finding) -> Markup:
    why = f"{one.why}: {one.detail}" if one.detail else one.why
    return el(
        "tr",
        el("td", *_state(one.state), class_="state", data_rank=RANKS[one.state]),
        el("td", why, class_="name"),
        el("td", one.name, class_="url"),
        *(el("td", cell) for cell in (one.job, one.sla_tier, one.customer_id, one.service_domain)),
        el("td", one.team or "-"),
        el("td", one.hint, class_="wide"),
    )
