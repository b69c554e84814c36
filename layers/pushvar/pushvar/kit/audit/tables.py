"""The tables of a report: the same ones on a terminal, in Markdown and on the page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pushvar.kit.audit.report import CHANGES
from pushvar.kit.audit.sums import DIMENSIONS, cut, share
from pushvar.kit.plain import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushvar.kit.audit.audit import Change
    from pushvar.kit.audit.finding import Finding
    from pushvar.kit.audit.report import Report
    from pushvar.kit.audit.sums import Count, Group

_Row = TypeVar("_Row")


class Table(NamedTuple):
    """``rows`` are all there are to show, ``more`` how many are left out; ``right`` are columns of numbers.

    ``note`` says of what; it may be empty.
    """

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    right: frozenset[int] = frozenset()
    more: int = 0
    note: str = ""


def moment(time_ms: int) -> str:
    """A time as people write it, in UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def part(number: int, whole: int) -> str:
    """A count with its share beside it: ``78  39.0%``."""
    return f"{number:,} {share(number, whole):>6}"


def headline(report: Report) -> str:
    """The audit in one sentence."""
    count = report.total.count
    if not count.registered:
        return "no target is registered: nothing was audited"
    numbers = (
        ("give series", count.usable),
        ("have the Go runtime", count.runtime),
        ("are covered", count.covered),
    )
    words = (f"{share(number, count.registered)} {what} ({number:,})" for what, number in numbers)
    return f"{counted(count.registered, 'target')}: {', '.join(words)}"


def trend_line(report: Report) -> str:
    """What changed in one sentence; empty without an earlier audit."""
    found, before = report.trend, report.total.before
    if found is None or before is None:
        return ""
    numbers = ", ".join(f"{len(getattr(found, kind)):,} {kind}" for kind in CHANGES)
    was = f"{share(before.covered, before.registered)} of {counted(before.registered, 'target')}"
    now = share(report.total.count.covered, report.total.count.registered)
    registry = found.since.registry
    of = "" if registry == report.audit.registry else f" ({registry})"
    return f"since {moment(found.since.time_ms)}{of}: covered {was} before, {now} now; {numbers}"


def tables(report: Report, limit: int) -> Iterator[Table]:
    """All tables that have rows, each with ``limit`` rows at most (0: all)."""
    for dimension, groups in report.groups.items():
        if len(groups) > 1:  # one alone says what the headline says
            yield groups_table(report, dimension, limit)
    yield from (one for one in (causes_table(report, limit), missing_table(report, limit)) if one.rows)
    if report.trend is not None:
        changes = [changes_table(report, kind, limit) for kind in CHANGES]
        yield from (one for one in changes if one.rows)
    if report.worst:
        yield worst_table(report, limit)


def groups_table(report: Report, dimension: str, limit: int) -> Table:
    """The groups of one dimension, those with most to mend first, and all of them in the last row."""
    groups, compared = report.groups[dimension], report.trend is not None
    head = (DIMENSIONS[dimension], "targets", "reachable", "give series", "Go runtime", "covered")
    rows = [_group(one, compared=compared) for one in (*cut(groups, limit), report.total)]
    title = f"by {DIMENSIONS[dimension]}"
    columns = (*head, "covered before") if compared else head
    return Table(title, columns, rows, frozenset(range(1, len(columns))))


def causes_table(report: Report, limit: int) -> Table:
    """Why targets are not covered."""
    rows = [(one.state, one.why, f"{one.targets:,}", one.hint) for one in report.causes]
    return _table("why not covered", ("state", "why", "targets", "next step"), rows, limit, right=(2,))


def missing_table(report: Report, limit: int) -> Table:
    """The kinds of numbers that targets lack which give series, and what nobody sees without them."""
    rows = [(one.category, f"{one.targets:,}", _names(one.names), one.impact) for one in report.missing]
    head = ("kind", "targets", "metrics", "not to be seen")
    note = "of targets that give series"
    return _table("missing core metrics", head, rows, limit, right=(1,), note=note)


def worst_table(report: Report, limit: int) -> Table:
    """The targets that are worst off."""
    head = ("state", "why", "target", "job", "tier", "customer", "team", "detail")
    return _table("worst targets", head, [_target(one) for one in report.worst], limit)


def changes_table(report: Report, kind: str, limit: int) -> Table:
    """The targets that changed in one way."""
    changes = getattr(report.trend, kind)
    head = ("before", "now", "target", "job", "why")
    return _table(CHANGES[kind], head, [_change(one) for one in changes], limit)


def _table(
    title: str,
    head: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    limit: int,
    *,
    right: tuple[int, ...] = (),
    note: str = "",
) -> Table:
    shown = _first(rows, limit)
    return Table(title, head, shown, frozenset(right), len(rows) - len(shown), note)


def _names(names: Sequence[tuple[str, int]]) -> str:
    """The name that most targets lack, for all of its kind."""
    more = len(names) - 1
    return f"{names[0][0]} and {more} more" if more else names[0][0]


def _first(rows: Sequence[_Row], limit: int) -> Sequence[_Row]:
    return rows[:limit] if limit else rows


def _group(group: Group, *, compared: bool) -> tuple[str, ...]:
    return (group.name, *_counts(group.count), *((_covered(group.before),) if compared else ()))


def _counts(count: Count) -> tuple[str, ...]:
    whole = count.registered
    numbers = (count.reachable, count.usable, count.runtime, count.covered)
    return (f"{whole:,}", *(part(number, whole) for number in numbers))


def _covered(count: Count | None) -> str:
    return part(count.covered, count.registered) if count else "-"


def _target(one: Finding) -> tuple[str, ...]:
    return (one.state, one.why, one.name, one.job, one.sla_tier, one.customer_id, one.team or "-", one.detail)


def _change(change: Change) -> tuple[str, ...]:
    before, after, target = change.before, change.after, change.target
    return (
        before.state if before else "-",
        after.state if after else "-",
        target.name,
        target.job,
        target.why,
    )
