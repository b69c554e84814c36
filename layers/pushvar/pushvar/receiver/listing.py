"""The series of the overview: a filter, and one card per family with a line for every series."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from pushvar.receiver import plot, queries
from pushvar.receiver.frame import View, state
from pushvar.receiver.markup import Markup, el, text
from pushvar.receiver.naming import ShortName, order, short_names
from pushvar.receiver.units import age_text, exact, humanise, humanise_rate, unit_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.receiver.decode import Sample
    from pushvar.receiver.queries import SeriesInfo, TargetHealth

MAX_SERIES = 240
SPARK_MS = 15 * 60 * 1000


def series_section(
    view: View, found: Sequence[SeriesInfo], targets: Sequence[TargetHealth], chosen: TargetHealth | None
) -> Markup:
    """The filter and the series it leaves, in cards; ``chosen`` is the target that is filtered by."""
    shown = sorted(found, key=order)[:MAX_SERIES]
    count = f"{len(found):,} series"
    if len(shown) < len(found):
        count += f", the first {len(shown)} are shown: narrow them with the filter"
    start_ms = view.now_ms - SPARK_MS
    drawn = [(one, queries.samples(view.store, one.id, start_ms)) for one in shown]
    span_ms = (min((row[0].time_ms for _, row in drawn if row), default=start_ms), view.now_ms)
    cards = [_family(list(rows), span_ms) for _, rows in groupby(drawn, key=lambda pair: pair[0].family)]
    length = age_text(view.now_ms - span_ms[0]).removesuffix(" ago")
    note = f"{count}. The lines show {length}; for counters they show the rate."
    empty = el(
        "p", "No series here", " with these words." if view.parameters.get("q") else ".", class_="empty"
    )
    return el(
        "section",
        el("h2", "Series"),
        _filter(view, targets, chosen),
        el("p", note, class_="dim") if cards else empty,
        el("div", *cards, class_="families"),
        id="series",
    )


def _filter(view: View, targets: Sequence[TargetHealth], chosen: TargetHealth | None) -> Markup:
    options = [
        el("option", f"{one.job} {one.instance}", value=one.id, selected=one is chosen) for one in targets
    ]
    words = view.parameters.get("q", "")
    refresh = view.parameters.get("refresh")
    return el(
        "form",
        el(
            "label",
            "Name or label",
            el("input", type="search", name="q", value=words, placeholder="go_memstats gold"),
        ),
        el("label", "Target", el("select", el("option", "all", value=""), *options, name="target")),
        el("input", type="hidden", name="refresh", value=refresh) if refresh else None,
        el("button", "Filter", type="submit"),
        el("a", "clear", href="/#series") if words or chosen else None,
        method="get",
        action="/#series",
        role="search",
    )


def _family(rows: list[tuple[SeriesInfo, tuple[Sample, ...]]], span_ms: tuple[float, float]) -> Markup:
    first = rows[0][0]
    kind = el("span", first.type.value, class_="type")
    head = el("h3", el("code", first.family), " ", kind, title=first.help or None)
    names = short_names([one for one, _ in rows])
    items = [_row(one, kept, name, span_ms) for (one, kept), name in zip(rows, names, strict=True)]
    return el("article", head, el("ul", *items), class_="family")


def _row(one: SeriesInfo, kept: tuple[Sample, ...], name: ShortName, span_ms: tuple[float, float]) -> Markup:
    unit = unit_of(one.name)
    pieces = plot.segments(kept)
    lines = plot.rates(pieces) if one.cumulative else pieces
    rate = None
    if one.cumulative and lines and not one.latest.is_stale:
        rate = humanise_rate(lines[-1][-1][1], unit)
    latest = state("ended", "calm") if one.latest.is_stale else text(humanise(one.latest.value, unit))
    spoken = f"{' '.join(name)}, {f'{rate or str()} rate over time' if one.cumulative else 'value over time'}"
    labels = ", ".join(f"{label}={value}" for label, value in one.labels)
    words = [el("span", part) for part in name if part] or [el("span", one.name)]
    return el(
        "li",
        el("a", *words, href=f"/series?id={one.id}", title=labels),
        plot.sparkline(lines, span_ms, spoken),
        el(
            "span", latest, el("small", rate) if rate else None, class_="value", title=exact(one.latest.value)
        ),
    )
