"""The dictionary as a page for people: core set, a table for each area, thresholds, levels, ready sets."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from pushvar.catalogue.core import CORE
from pushvar.catalogue.metrics import AREAS
from pushvar.catalogue.thresholds import THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pushvar.kit.dictionary.entries import Entry, ReadyEntry
    from pushvar.kit.settings import KitSettings

_HEAD = """\
# Metrics dictionary

Made by `pushvar kit dictionary`: change the tables in `pushvar/catalogue/`, not this page. Beside it,
`metrics.json` and `metrics.csv` say the same to programs.

All series have the labels of their target: `job`, `instance`, `customer_id`, `service_domain`, `sla_tier`
and what the configuration adds. The column *labels* has the others. A **counter** only grows, ask for its
`rate`; a **gauge** is worth its value now; a **histogram** counts observations below each bound `le`, ask it
for quantiles; a **summary** has quantiles that the program computed.

Names in **bold** are in the core set; those in *italics* are there only when the program publishes them, or
its page of Prometheus text is fetched.
"""

_AREA_NOTES = {
    "go": "The names of the official Go client. From expvar come those with a `memstats` source; the others"
    " need the program to publish them, or its `/metrics`.",
    "process": "Of the operating system: expvar has none of them. Fetch the program's `/metrics`"
    " (`format: prometheus`) where it has one.",
    "health": "Of every target, up or down, whatever it serves.",
    "own": 'Each shard says them of itself, as `job="pushvar"`. Counters go on over restarts: they are kept'
    " in the state store.",
    "gateway": "Of every group that a batch job pushed, beside what the job itself says.",
    "batch": "Said by `pushvar job run`, by the Python API, or by any client that pushes the same names.",
    "audit": "Said by `pushvar audit`, which looks at every target of a registry.",
    "sql": "Made of `sql.DBStats` wherever a program publishes it in its document.",
    "service": "Our rules and dashboards know them by these names. A service that calls them otherwise can"
    " be mapped.",
}


def page(entries: Sequence[Entry], ready: Sequence[ReadyEntry], settings: KitSettings) -> str:
    """The whole page."""
    parts = [_HEAD, *_contents(), *_core()]
    for area, found in groupby(entries, key=lambda one: one.area):
        parts.append(f"## {AREAS[area]}\n\n{_AREA_NOTES[area]}\n")
        parts.append(_table(_COLUMNS, map(_row, found)))
    return "\n".join([*parts, *_thresholds(), *_levels(settings), *_ready(ready)])


_COLUMNS = ("metric", "type, unit", "labels", "source", "value comes", "meaning", "what an anomaly means",
            "ask", "alerts", "panels")  # fmt: skip


def _row(one: Entry) -> tuple[str, ...]:
    name = f"**`{one.name}`**" if one.core else f"`{one.name}`"
    name = name if one.usual else f"*{name}*"
    kind = f"{one.type}, {one.unit}" if one.unit else one.type
    labels = ", ".join(f"`{label}`" for label in one.labels)
    also = f" OpenTelemetry: `{one.opentelemetry}`." if one.opentelemetry else ""
    users = (", ".join(map(_alert, one.alerts)), ", ".join(one.panels))
    meaning = f"{one.meaning}{also}"
    return (name, kind, labels, one.source, one.sampled, meaning, one.anomaly, f"`{one.query}`", *users)


def _alert(name: str) -> str:
    """A link to the section of an alert, from where the page stands in the repository."""
    page = "batch-alerts" if "BatchJob" in name else "alerts"
    return f"[{name}](../../docs/{page}.md#{name.lower()})"


def _contents() -> Iterator[str]:
    titles = ("Core set", *AREAS.values(), "Thresholds", "Service levels", "Ready rule sets")
    for title in titles:
        anchor = "".join(one for one in title.lower().replace(" ", "-") if one.isalnum() or one == "-")
        yield f"- [{title}](#{anchor})"
    yield ""


def _core() -> Iterator[str]:
    yield "## Core set\n"
    yield "What the gate demands (`pushvar check`), the audit looks for and the dashboards show.\n"
    columns = ("kind", "for example", "there unasked", "in expvar", "asked of", "what is unseen without it")
    rows = (
        (
            one.category,
            f"`{one.families[0]}`" + (f" and {len(one.families) - 1} more" if one.families[1:] else ""),
            "yes" if one.usual else "no",
            "yes" if one.expvar else "no",
            ", ".join(one.tiers) or "every tier",
            one.impact,
        )
        for one in CORE
    )
    yield _table(columns, rows)


def _thresholds() -> Iterator[str]:
    yield "## Thresholds\n"
    yield "From where on dashboards colour a number (look) and alerts speak of it (act).\n"
    rows = (
        (name.replace("_", " "), f"{one.warn:g}", f"{one.bad:g}", "low" if one.falling else "high", one.why)
        for name, one in THRESHOLDS.items()
    )
    yield _table(("number", "look", "act", "bad is", "because"), rows)


def _levels(settings: KitSettings) -> Iterator[str]:
    yield "## Service levels\n"
    yield f"What `tenancy.tiers` promises, and what may go wrong in {settings.period_days} days.\n"
    rows = (
        (
            one.tier,
            f"{one.latency_s * 1000:g} ms",
            f"{one.availability * 100:.6g} %",
            f"{one.error_budget * settings.period_days * 24 * 60:.3g} min",
        )
        for one in settings.objectives
    )
    yield _table(("tier", "95th percentile of latency", "availability", "error budget"), rows)


def _ready(ready: Sequence[ReadyEntry]) -> Iterator[str]:
    yield "## Ready rule sets\n"
    yield "What `mappings: [name]` makes of documents of known programs. Words in braces are from the path.\n"
    for mapping, found in groupby(ready, key=lambda one: one.mapping):
        yield f"### {mapping}\n"
        rows = (
            (f"`{one.name}`", one.type, ", ".join(f"`{label}`" for label in one.labels), f"`{one.source}`")
            for one in found
        )
        yield _table(("metric", "type", "labels", "from"), rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar inside a cell would end it."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
