"""Questions to the receiver's store, and the typed answers that tests, commands and pages read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushvar.model import MetricType
from pushvar.receiver.decode import Sample
from pushvar.receiver.families import METRIC_TYPES, family_of, is_cumulative
from pushvar.receiver.store import unsigned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.model import Labels
    from pushvar.receiver.store import Store

SILENT_MS = 5 * 60 * 1000
"""After this time without a sample Prometheus takes a series for gone (its lookback)."""

_SERIES = (
    "SELECT series.id, series.labels, series.name, samples.time_ms, samples.bits"
    " FROM series JOIN samples ON samples.series = series.id"
    " AND samples.time_ms = (SELECT max(time_ms) FROM samples WHERE series = series.id)"
)
_FAMILIES = "SELECT name, type, help FROM families"
_HEALTH = ("up", "scrape_duration_seconds", "scrape_samples_scraped")


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """One stored series: its labels, what metadata says of its family, its latest sample."""

    id: int
    name: str
    labels: Labels
    family: str
    type: MetricType
    help: str
    cumulative: bool
    latest: Sample


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """One target as its ``up`` tells it.

    ``health`` is ``up``, ``down``, ``gone`` (marked stale) or ``silent`` (no word for five minutes).
    ``duration_s`` and ``samples`` are None when the last scrape did not report them.
    """

    id: int
    job: str
    instance: str
    health: str
    last_scrape_ms: int
    duration_s: float | None
    samples: int | None
    customer_id: str
    service_domain: str
    sla_tier: str


@dataclass(frozen=True, slots=True)
class ViolationCount:
    """One rule broken by one series: how often, when, and what was seen the last time."""

    rule: str
    series: str
    detail: str
    count: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """One request: ``version`` is 1, 2 or 0 (undecodable), ``samples`` those that are safe here."""

    id: int
    time_ms: int
    status: int
    version: int
    body_bytes: int
    decoded_bytes: int
    series: int
    samples: int
    violations: int
    user_agent: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts since the database was made, except ``series``: those that are kept now."""

    requests: int = 0
    samples: int = 0
    resent: int = 0
    series: int = 0
    bytes: int = 0
    violations: int = 0
    warnings: int = 0


def series(
    store: Store, match: Mapping[str, str] | None = None, words: str = "", number: int | None = None
) -> tuple[SeriesInfo, ...]:
    """The series whose labels have these values and whose text holds all these words, by name.

    ``match`` may name ``__name__``; ``words`` are substrings, in any case, apart by spaces;
    ``number`` asks for the one series of that id.
    """
    match = match or {}
    families = {name: (kind, words) for name, kind, words in store.read(_FAMILIES)}
    types = {name: kind for name, (kind, _) in families.items()}
    conditions: list[tuple[str, Any]] = [
        ("instr(series.search, ?) > 0", word) for word in words.casefold().split()
    ]
    conditions += [("series.name = ?", value) for name, value in match.items() if name == "__name__"]
    conditions += [] if number is None else [("series.id = ?", number)]
    clause = " WHERE " + " AND ".join(condition for condition, _ in conditions) if conditions else ""
    rows = store.read(f"{_SERIES}{clause} ORDER BY series.search", [value for _, value in conditions])
    found = (_info(row, families, types) for row in rows)
    return tuple(one for one in found if match.items() <= dict(one.labels).items())


def _info(row: Any, families: Mapping[str, tuple[str, str]], types: Mapping[str, str]) -> SeriesInfo:
    number, text, name, time_ms, bits = row
    family = family_of(name, types)
    kind, explanation = families.get(family, ("unknown", ""))
    return SeriesInfo(
        id=number,
        name=name,
        labels=tuple(json.loads(text).items()),
        family=family,
        type=METRIC_TYPES.get(kind, MetricType.UNKNOWN),
        help=explanation,
        cumulative=is_cumulative(name, types),
        latest=Sample(time_ms, unsigned(bits)),
    )


def samples(store: Store, series_id: int, since_ms: int = 0) -> tuple[Sample, ...]:
    """The samples of one series from that time on, oldest first."""
    query = "SELECT time_ms, bits FROM samples WHERE series = ? AND time_ms >= ? ORDER BY time_ms"
    return tuple(
        Sample(time_ms, unsigned(bits)) for time_ms, bits in store.read(query, (series_id, since_ms))
    )


def samples_of(store: Store, labels: Mapping[str, str]) -> tuple[Sample, ...]:
    """The samples of the series with exactly these labels, oldest first; none for no such series."""
    text = json.dumps(dict(sorted(labels.items())), ensure_ascii=False, separators=(",", ":"))
    found = store.read("SELECT id FROM series WHERE labels = ?", (text,))
    return samples(store, found[0][0]) if found else ()


def targets(store: Store, now_ms: int) -> tuple[TargetHealth, ...]:
    """Every target that sent an ``up``, by job and instance, the troubled ones first."""
    latest: dict[Labels, dict[str, SeriesInfo]] = {}
    for name in _HEALTH:
        for one in series(store, {"__name__": name}):
            identity = tuple(pair for pair in one.labels if pair[0] != "__name__")
            latest.setdefault(identity, {})[name] = one
    found = [_target(dict(identity), health, now_ms) for identity, health in latest.items() if "up" in health]
    return tuple(sorted(found, key=lambda one: (one.health == "up", one.job, one.instance)))


def _target(labels: dict[str, str], health: dict[str, SeriesInfo], now_ms: int) -> TargetHealth:
    up = health["up"].latest
    state = "gone" if up.is_stale else "up" if up.value == 1 else "down"
    duration_s = _reported(health.get("scrape_duration_seconds"), up.time_ms)
    scraped = _reported(health.get("scrape_samples_scraped"), up.time_ms)
    return TargetHealth(
        id=health["up"].id,
        job=labels.get("job", ""),
        instance=labels.get("instance", ""),
        health=state if up.is_stale or now_ms - up.time_ms <= SILENT_MS else "silent",
        last_scrape_ms=up.time_ms,
        duration_s=duration_s,
        samples=None if scraped is None else int(scraped),
        customer_id=labels.get("customer_id", ""),
        service_domain=labels.get("service_domain", ""),
        sla_tier=labels.get("sla_tier", ""),
    )


def _reported(one: SeriesInfo | None, time_ms: int) -> float | None:
    """The value that came with the latest ``up``; an older one says nothing about this scrape."""
    if (
        one is None
        or one.latest.is_stale
        or one.latest.time_ms != time_ms
        or one.latest.value != one.latest.value
    ):
        return None
    return one.latest.value


def violations(store: Store) -> tuple[ViolationCount, ...]:
    """What was wrong, the latest first."""
    rows = store.read("SELECT * FROM violations ORDER BY last_ms DESC, rule, series")
    return tuple(ViolationCount(*row) for row in rows)


def requests(store: Store, limit: int = 200) -> tuple[RequestInfo, ...]:
    """The last requests, the latest first."""
    rows = store.read("SELECT * FROM requests ORDER BY id DESC LIMIT ?", (limit,))
    return tuple(RequestInfo(*row) for row in rows)


def totals(store: Store) -> Totals:
    """What was counted since the database was made."""
    counted = dict(store.read("SELECT name, value FROM totals"))
    kept = store.read("SELECT count(*) FROM series")[0][0]
    return Totals(series=kept, **counted)
