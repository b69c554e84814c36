"""The forwarder itself: is everything fetched, does it arrive, how fresh is it; then what is lost and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushvar.catalogue.thresholds import THRESHOLDS, Threshold
from pushvar.kit.dashboards.choices import variables
from pushvar.kit.dashboards.expressions import Scope
from pushvar.kit.dashboards.look import ABOVE_ZERO
from pushvar.kit.dashboards.panels import BAD, GOOD, lines, number, table, timeline
from pushvar.kit.dashboards.words import Board, Column, Panel, Query, Row, State

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

_I = Scope(("job", "instance"))
_B = Scope(("job", "instance", "backend"))
_FIVE_MINUTES_S, _HOUR_S = 300, 3600
_DROPS = Threshold(ABOVE_ZERO, ABOVE_ZERO, "short", "each one is a gap in somebody's graphs")
_TAKEN = Threshold(1.0, 0.99, "percentunit", "the backend does not take what was scraped", falling=True)
_RELOADED = (State(1, "as configured", GOOD), State(0, "last good one", BAD))
_SHARD, _ROUTE = "{{instance}}", "{{instance}} to {{backend}}"


def board(settings: KitSettings) -> Board:
    """The dashboard."""
    rows = (
        Row("Fetched, delivered, fresh", _trio(settings)),
        Row("Fetches", _fetches()),
        Row("Deliveries", _deliveries(settings)),
        Row("What is lost, and why", _losses(settings)),
        Row("Shards", _shards(settings)),
        Row("Documents", _documents()),
    )
    chosen = (
        *variables("pushvar_cycles_total", ("job", "instance")),
        *variables("pushvar_requests_total", ("backend",)),
    )
    return Board("forwarder", "pushvar itself", "Fetches, deliveries, freshness and losses of the forwarder.",
                 chosen, rows)  # fmt: skip


def _old(settings: KitSettings) -> Threshold:
    """The age of data that deserves a look, or an alert: no less than three and five intervals."""
    usual = THRESHOLDS["data_age_s"]
    warn, bad = (
        max(value, times * settings.interval_s) for value, times in ((usual.warn, 3), (usual.bad, 5))
    )
    return replace(usual, warn=warn, bad=bad)


def _success(by: str, window: str) -> str:
    """Share of scrapes that went well."""
    good = _I.rate("pushvar_scrapes_total", _OK, window=window)
    every = _I.rate("pushvar_scrapes_total", window=window)
    grouped = f"sum by ({by})" if by else "sum"
    return f"({grouped} ({good}) or 0 * {grouped} ({every})) / ({grouped} ({every}) > 0)"


_OK = 'reason="ok"'


def _taken(by: str, window: str) -> str:
    """Samples that a backend took, fresh or from the spool, of those and the ones that were given up."""
    parts = {
        name: f"sum by ({by}) ({_B.rate(f'pushvar_samples_{name}_total', window=window)})"
        for name in ("sent", "replayed", "dropped")
    }
    arrived = f"({parts['sent']} + {parts['replayed']})"
    return f"{arrived} / (({arrived} + ({parts['dropped']} or 0 * {arrived})) > 0)"


def _trio(settings: KitSettings) -> tuple[Panel, ...]:
    window = settings.window(_FIVE_MINUTES_S)
    age = f"max(time() - {_B('pushvar_delivered_until_timestamp_seconds')})"
    taken, lost = _taken("backend", window), _B("pushvar_samples_dropped_total")
    return (
        number(f"Fetches that succeed, {window}", "percentunit", _success("", window),
               threshold=THRESHOLDS["scrape_success"]),
        number(f"Samples taken, {window}", "percentunit", f"min({taken})", threshold=_TAKEN,
               text="By the backend that takes least: of what it was sent, and what was given up."),
        number("Oldest data", "s", age, threshold=_old(settings),
               text="Age of the oldest sample that some backend has not got, or of the last cycle: this is"
               " also how long a push takes at most."),
        number("Waiting", "short", f"sum({_B('pushvar_spool_samples')})",
               text="Samples in the spool."),
        number(f"Given up, {settings.window(_HOUR_S)}", "short",
               f"sum(increase({lost}[{settings.window(_HOUR_S)}]))", threshold=_DROPS,
               empty="0"),
        number("Targets", "short", f"sum({_I('pushvar_targets')})"),
    )  # fmt: skip


def _fetches() -> tuple[Panel, ...]:
    by_reason = f"sum by (reason) ({_I.rate('pushvar_scrapes_total')})"
    failed = f"sum by (reason) ({_I.rate('pushvar_scrapes_total', _NOT_OK)})"
    return (
        lines("Fetches that succeed", "percentunit", Query(_success("instance", "$__rate_interval"), _SHARD),
              threshold=THRESHOLDS["scrape_success"]),
        lines("Fetches by outcome", "ops", Query(by_reason, "{{reason}}")),
        lines("Failures by class", "ops", Query(failed, "{{reason}}"), opens="go-runtime",
              text="pushvar triage TARGET finds the cause of one."),
    )  # fmt: skip


_NOT_OK = 'reason!="ok"'


def _deliveries(settings: KitSettings) -> tuple[Panel, ...]:
    age = f"time() - {_B('pushvar_delivered_until_timestamp_seconds')}"
    since = f"time() - {_B('pushvar_last_success_timestamp_seconds')}"
    retried = f"sum by (backend) ({_B.rate('pushvar_retries_total')})"
    asked = f"sum by (backend) ({_B.rate('pushvar_requests_total')})"
    names = ("sent", "replayed", "spooled")
    moved = tuple(Query(f"sum by (backend) ({_B.rate(f'pushvar_samples_{name}_total')})",
                        f"{{{{backend}}}} {name}") for name in names)  # fmt: skip
    return (
        lines("Age of the oldest data that is missing", "s", Query(age, _ROUTE),
              threshold=_old(settings)),
        lines("Since the last success", "s", Query(since, _ROUTE), threshold=_old(settings)),
        lines("Samples taken", "percentunit", Query(_taken("backend", "$__rate_interval"), "{{backend}}"),
              threshold=_TAKEN),
        lines("Samples", "ops", *moved),
        lines("Requests", "reqps", Query(asked, "{{backend}}"), Query(retried, "{{backend}} again")),
        lines("Bytes", "Bps", Query(f"sum by (backend) ({_B.rate('pushvar_wire_bytes_total')})",
                                    "{{backend}}")),
        lines("Waiting in the spool", "short", Query(_B("pushvar_spool_samples"), _ROUTE), size=(24, 7)),
    )  # fmt: skip


def _losses(settings: KitSettings) -> tuple[Panel, ...]:
    hour = settings.window(_HOUR_S)
    dropped = f"sum by (backend, reason) ({_B.rate('pushvar_samples_dropped_total')})"
    in_all = f"sum by (backend, reason) (increase({_B('pushvar_samples_dropped_total')}[{hour}]))"
    shed = f"sum by (reason) ({_I.rate('pushvar_series_shed_total')})"
    labels = (Column("backend"), Column("reason"))
    return (
        lines("Samples given up", "ops", Query(dropped, "{{backend}} {{reason}}"), threshold=_DROPS,
              text="Empty while none was ever given up."),
        table(f"Samples given up, {hour}", ((Query(in_all), Column("Samples", "short", _DROPS)),),
              labels=labels, hidden=("Time",), text="The log names the first series of each reason."),
        lines("Series over a budget", "ops", Query(shed, "{{reason}}"),
              text="Left out by tenancy.budgets. Empty while none was."),
    )  # fmt: skip


def _shards(settings: KitSettings) -> tuple[Panel, ...]:
    lost = f"increase({_I('pushvar_cycles_lost_total')}[{settings.window(_HOUR_S)}])"
    share = f"{_I('pushvar_cycle_duration_seconds')} / {settings.interval_s:g}"
    reloaded = f"time() - {_I('pushvar_config_last_reload_success_timestamp_seconds')}"
    versions = f"count by (version, python) ({_I('pushvar_build_info')})"
    return (
        lines("Cycles", "ops", Query(_I.rate("pushvar_cycles_total"), _SHARD)),
        lines("Duration of a cycle, of the interval", "percentunit", Query(share, _SHARD),
              threshold=THRESHOLDS["scrape_of_timeout"]),
        lines(f"Cycles that never ended, {settings.window(_HOUR_S)}", "short", Query(lost, _SHARD),
              threshold=_DROPS),
        lines("Targets and groups", "short", Query(_I("pushvar_targets"), "{{instance}} targets"),
              Query(_I("pushvar_groups"), "{{instance}} groups")),
        timeline("Configuration", _I("pushvar_config_last_reload_successful"), _SHARD, _RELOADED),
        lines("Since the configuration was last read well", "s", Query(reloaded, _SHARD)),
        lines("Targets over their budget", "short", Query(_I("pushvar_targets_over_budget"), _SHARD),
              size=(12, 7)),
        lines("Versions", "short", Query(versions, "pushvar {{version}}, Python {{python}}"), size=(12, 7)),
    )  # fmt: skip


def _documents() -> tuple[Panel, ...]:
    def by(label: str, name: str) -> Query:
        return Query(f"sum by ({label}) ({_I.rate(name)})", f"{{{{{label}}}}}")

    scraped = f"sum by (instance) ({_I.rate('pushvar_samples_scraped_total')})"
    renamed = f"sum by (instance) ({_I.rate('pushvar_labels_renamed_total')})"
    return (
        lines("Samples scraped", "ops", Query(scraped, _SHARD)),
        lines("Values without a series", "ops", by("reason", "pushvar_leaves_skipped_total")),
        lines("Repairs", "ops", by("kind", "pushvar_repairs_total"), text="Empty while there was none."),
        lines("What relabelling did", "ops", by("outcome", "pushvar_metric_relabel_outcomes_total"),
              text="Empty while it did nothing."),
        lines("Labels renamed to exported_*", "ops", Query(renamed, _SHARD)),
        lines("Mapping rules that took nothing", "short", Query(_I("pushvar_dead_rules"), _SHARD)),
        lines("Groups that ended", "ops", by("reason", "pushvar_groups_ended_total"), size=(24, 7),
              text="Groups of batch jobs. Empty while none ended."),
    )  # fmt: skip
