"""The pages behind the overview: one series, and the last requests."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from pushvar.receiver import plot, queries
from pushvar.receiver.envelope import V1, V2
from pushvar.receiver.families import series_text
from pushvar.receiver.frame import View, page, state, table
from pushvar.receiver.markup import Markup, breakable, el
from pushvar.receiver.rules import ACCEPTED
from pushvar.receiver.units import age_text, date_text, exact, humanise, unit_of

if TYPE_CHECKING:
    from pushvar.receiver.decode import Sample
    from pushvar.receiver.queries import RequestInfo, SeriesInfo

MAX_REQUESTS = 200
_MAX_ID_DIGITS = 18
_VERSIONS = {V1: "1.0", V2: "2.0"}


def series_page(view: View) -> str | None:
    """The page at /series?id=N, or None when there is no such series."""
    text = view.parameters.get("id", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < _MAX_ID_DIGITS else 0
    found = queries.series(view.store, number=number)
    if not found:
        return None
    one = found[0]
    kept = queries.samples(view.store, one.id)
    unit = unit_of(one.name)
    pieces = plot.segments(kept)
    plots = [plot.figure(pieces, "Value", unit)]
    if one.cumulative:
        plots.append(plot.figure(plot.rates(pieces), "Rate per second", unit, rate=True))
    return page(
        view,
        one.name,
        el("h1", el("code", one.name), " ", el("span", one.type.value, class_="type")),
        el("p", one.help or "No help text came for this family.", class_="about"),
        _facts(view, one, kept),
        el("div", *plots, class_="plots"),
        el("section", el("h2", "Labels"), _labels(one)),
        el("section", el("h2", "As text"), el("pre", el("code", breakable(series_text(one.labels))))),
    )


def requests_page(view: View) -> str:
    """The page at /requests: the last ones, latest first."""
    heads = (
        "Time",
        "Status",
        "Version",
        "Series",
        "Samples",
        "On the wire",
        "Decoded",
        "Violations",
        "Sender",
    )
    rows = [_request_row(one) for one in queries.requests(view.store, MAX_REQUESTS)]
    numeric = ("Series", "Samples", "On the wire", "Decoded", "Findings")
    content = table(heads, rows, numeric) if rows else el("p", "No request yet.", class_="empty")
    return page(
        view, "Requests", el("h1", "Requests"), el("p", f"The last {MAX_REQUESTS}.", class_="about"), content
    )


def not_found_page(view: View) -> str:
    """The page for an address that is none."""
    back = el("p", "There is nothing at this address. ", el("a", "Back to the overview", href="/"), ".")
    return page(view, "Not found", el("h1", "Not found"), back)


def _facts(view: View, one: SeriesInfo, kept: tuple[Sample, ...]) -> Markup:
    drawable = [sample.value for sample in kept if not sample.is_stale]
    unit = unit_of(one.name)
    ends = sum(sample.is_stale for sample in kept)
    rows: list[tuple[str, Markup | str, str | None]] = [("Samples", f"{len(kept):,}", None)]
    if drawable:
        for name, value in (("Last", drawable[-1]), ("Lowest", min(drawable)), ("Highest", max(drawable))):
            rows.append((name, humanise(value, unit), exact(value)))
    rows.append(("Latest", age_text(view.now_ms - one.latest.time_ms), date_text(one.latest.time_ms)))
    rows.append(
        ("Ended", "never" if not ends else "1 time" if ends == 1 else f"{ends} times", "stale markers")
    )
    if one.latest.is_stale:
        rows.append(("State", state("ended", "calm"), None))
    tiles = [el("div", el("dt", name), el("dd", value, title=more)) for name, value, more in rows]
    return el("dl", *tiles, class_="totals")


def _labels(one: SeriesInfo) -> Markup:
    rows = [
        el("tr", el("th", el("code", name), scope="row"), el("td", el("code", value), class_="long"))
        for name, value in one.labels
    ]
    return table(("Name", "Value"), rows)


def _request_row(one: RequestInfo) -> Markup:
    kind = "good" if one.status == ACCEPTED else "bad"
    ratio = f"{one.decoded_bytes / one.body_bytes:.1f} times smaller compressed" if one.body_bytes else None
    return el(
        "tr",
        el("th", date_text(one.time_ms), scope="row"),
        el("td", state(f"{one.status} {HTTPStatus(one.status).phrase}", kind)),
        el("td", _VERSIONS.get(one.version, "unknown")),
        el("td", f"{one.series:,}", class_="number"),
        el("td", f"{one.samples:,}", class_="number"),
        el("td", humanise(one.body_bytes, "bytes"), class_="number", title=f"{one.body_bytes:,} bytes"),
        el("td", humanise(one.decoded_bytes, "bytes"), class_="number", title=ratio),
        el("td", f"{one.violations:,}", class_="number"),
        el("td", one.user_agent, class_="long"),
    )
