"""The overview: totals, targets with their health, what was wrong, and every series with a small plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.receiver import queries
from pushvar.receiver.frame import DEFAULT_REFRESH_S, View, duration_text, page, plural, state, table
from pushvar.receiver.listing import series_section
from pushvar.receiver.markup import Markup, breakable, el, join
from pushvar.receiver.rules import RULES
from pushvar.receiver.units import age_text, date_text, exact, humanise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.receiver.queries import TargetHealth, Totals, ViolationCount

MAX_OTHERS = 20
_HEALTH_KINDS = {"up": "good", "down": "bad", "silent": "warn", "gone": "calm"}


def home(view: View) -> str:
    """The page at /. Parameters: ``q`` (words), ``target`` (the id of its ``up`` series), ``refresh``."""
    store = view.store
    targets = queries.targets(store, view.now_ms)
    totals = queries.totals(store)
    chosen = next((one for one in targets if str(one.id) == view.parameters.get("target")), None)
    match = {"job": chosen.job, "instance": chosen.instance} if chosen else {}
    found = queries.series(store, match, view.parameters.get("q", ""))
    return page(
        view,
        "Overview",
        _intro(view, totals, targets),
        _targets(view, targets),
        _wrong(view, totals, queries.violations(store)),
        series_section(view, found, targets, chosen),
        default_refresh_s=DEFAULT_REFRESH_S,
    )


def _intro(view: View, totals: Totals, targets: Sequence[TargetHealth]) -> Markup:
    up = sum(one.health == "up" for one in targets)
    tiles = (
        ("Targets up", f"{up} of {len(targets)}", "", up < len(targets)),
        ("Series", f"{totals.series:,}", "kept now", False),
        ("Samples", humanise(totals.samples), f"{totals.samples:,}, and {totals.resent:,} sent again", False),
        ("Requests", f"{totals.requests:,}", "", False),
        ("Received", humanise(totals.bytes, "bytes"), f"{totals.bytes:,} bytes on the wire", False),
        ("Violations", f"{totals.violations:,}", plural(totals.warnings, "warning"), totals.violations > 0),
    )
    rows = [
        el("div", el("dt", name), el("dd", value, title=more or None), class_="bad" if bad else None)
        for name, value, more, bad in tiles
    ]
    about = el(
        "p",
        f"A strict local remote-write receiver. It holds every request to {len(RULES)} rules, names the ones"
        f" that are broken, and keeps the last {duration_text(view.retention_s)}. Send to ",
        el("code", view.write_url),
        ".",
        class_="about",
    )
    return join(el("h1", "What arrives here"), about, el("dl", *rows, class_="totals"))


def _targets(view: View, targets: Sequence[TargetHealth]) -> Markup:
    heads = ("State", "Job", "Instance", "Customer", "Domain", "Tier", "Last scrape", "Duration", "Samples")
    rows = [_target_row(view, one) for one in targets]
    empty = el("p", "No target yet: none has sent the series ", el("code", "up"), ".", class_="empty")
    content = table(heads, rows, numeric=("Duration", "Samples")) if rows else empty
    return el("section", el("h2", "Targets"), content)


def _target_row(view: View, one: TargetHealth) -> Markup:
    link = f"{view.link('/', target=one.id)}#series"
    duration = "" if one.duration_s is None else humanise(one.duration_s, "seconds")
    return el(
        "tr",
        el("td", state(one.health, _HEALTH_KINDS[one.health])),
        el("th", el("a", one.job or "(no job)", href=link), scope="row"),
        el("td", el("code", one.instance)),
        *(el("td", value) for value in (one.customer_id, one.service_domain, one.sla_tier)),
        el("td", age_text(view.now_ms - one.last_scrape_ms), title=date_text(one.last_scrape_ms)),
        el(
            "td",
            duration,
            class_="number",
            title=None if one.duration_s is None else f"{exact(one.duration_s)} s",
        ),
        el("td", "" if one.samples is None else f"{one.samples:,}", class_="number"),
    )


def _wrong(view: View, totals: Totals, found: Sequence[ViolationCount]) -> Markup:
    title = el("h2", "What was wrong")
    if not found:
        words = (
            f"Nothing wrong in {plural(totals.requests, 'request')}."
            if totals.requests
            else "No request yet."
        )
        return el(
            "section", title, el("p", state(words, "good" if totals.requests else "calm"), class_="empty")
        )
    by_rule: dict[str, list[ViolationCount]] = {}
    for one in found:
        by_rule.setdefault(one.rule, []).append(one)
    rows = [_violation_row(view, rule, group) for rule, group in by_rule.items()]
    heads = ("Rule", "Series", "Seen last", "Times", "Last")
    return el("section", title, table(heads, rows, numeric=("Times",), stack=True))


def _violation_row(view: View, rule_id: str, group: Sequence[ViolationCount]) -> Markup:
    """One rule: what it says, the series that broke it last, and the others behind a fold."""
    rule, latest = RULES[rule_id], group[0]
    kind = state("warning", "warn") if rule.is_warning else state("violation", "bad")
    says = el("span", rule.says, class_="says", title=rule.source)
    return el(
        "tr",
        el("th", kind, " ", el("code", rule_id), says, scope="row"),
        el("td", _series_name(latest), _others(group[1:]), class_="long"),
        el("td", latest.detail, class_="long"),
        el("td", f"{sum(one.count for one in group):,}", class_="number"),
        el("td", age_text(view.now_ms - latest.last_ms), title=date_text(latest.last_ms)),
    )


def _others(rest: Sequence[ViolationCount]) -> Markup | None:
    if not rest:
        return None
    items = [el("li", _series_name(one), title=one.detail) for one in rest[:MAX_OTHERS]]
    if len(rest) > MAX_OTHERS:
        items.append(el("li", f"and {len(rest) - MAX_OTHERS:,} more", class_="dim"))
    return el("details", el("summary", f"and {len(rest):,} more series"), el("ul", *items))


def _series_name(one: ViolationCount) -> Markup:
    return el("code", breakable(one.series)) if one.series else el("span", "the request", class_="dim")
