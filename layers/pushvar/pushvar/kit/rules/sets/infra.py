"""P1: targets that are down or gone, and everything that keeps pushvar from delivering what it fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.thresholds import THRESHOLDS
from pushvar.kit.rule_files import Recording, RuleGroup
from pushvar.kit.rules.expressions import DAY_S, MINUTE_S, OWN, OWNER, TARGETS, Pieces, number
from pushvar.kit.rules.words import COUNT, INSTANCE, JOB, PERCENT, RUNBOOKS, TIME, Row, RuleSet, alerts, head

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

__all__ = ["RUNBOOKS", "rule_set"]

UP, REGISTERED = "tenant:up:sum", "tenant:up:count"
"""Targets of a job that answer, and all of them."""
LAPSED = "target:lapsed_timestamp_seconds:last"
"""When the last sample of a target came whose data stopped without a stale marker."""

_JOB_DARK = f"{UP} == 0\nand\n{REGISTERED} > 1\n"
_LOOKBACK_S = 300
_SILENT_AFTER = 3  # intervals
_FEW_SAMPLES = 100  # of growth: a small target that doubles costs nothing
_ROUTE = "{{ $labels.instance }} to {{ $labels.backend }}"


def rule_set(settings: KitSettings, runbooks: str) -> RuleSet:
    """The set."""
    pieces = Pieces(settings)
    rows = (*_targets(pieces), *_fetches(pieces), *_deliveries(pieces), *_losses(pieces), *_own(pieces))
    about = "Targets, fetches and deliveries: what keeps numbers from arriving."
    group = RuleGroup("pushvar-infra", "1m", (*_recordings(pieces), *alerts("infra", runbooks, rows)))
    return RuleSet("infra", head("infra", about), (group,))


def _lapses(settings: KitSettings) -> bool:
    """Whether queries look back far enough to tell data that stopped from a series that was ended."""
    return (_SILENT_AFTER + 1) * settings.interval_s < _LOOKBACK_S


def _recordings(pieces: Pieces) -> tuple[Recording, ...]:
    up = pieces.now(f"up{{{TARGETS}}}")
    counted = (
        Recording(UP, f"sum by ({OWNER}) ({up})"),
        Recording(REGISTERED, f"count by ({OWNER}) ({up})"),
    )
    if not _lapses(pieces.settings):
        return counted
    age = number(_SILENT_AFTER * pieces.settings.interval_s)
    lapsed = f"timestamp(up) < time() - {age}\nor\n({LAPSED} > time() - {DAY_S} unless up)\n"
    return (*counted, Recording(LAPSED, lapsed))


def _targets(pieces: Pieces) -> tuple[Row, ...]:
    down = f"{pieces.now(f'up{{{TARGETS}}}')} == 0\nunless on ({OWNER})\n({_JOB_DARK.strip()})\n"
    holds = pieces.holds(2 * MINUTE_S)
    gone = f"max_over_time({REGISTERED}[1d])\nunless\n{REGISTERED}\n"
    rows = (
        Row("TargetDown", down, holds, f"{INSTANCE} is down",
            "Fetches fail, others of its job answer. Run pushvar triage --config pushvar.yml"
            " {{ $labels.instance }}: it says why and what to do."),
        Row("JobDown", _JOB_DARK, holds, f"All targets of {JOB} are down",
            "Not one of them answers: look for what they share (a release, the network, credentials) before"
            " you look at one. pushvar triage names the cause."),
        Row("JobVanished", gone, pieces.holds(5 * MINUTE_S), f"{JOB} has no targets any more",
            "It had {{ $value }} within the last day. If nobody removed them, the registry or its source lost"
            " them: pushvar targets list. If somebody did, silence this; it ends by itself after a day."),
    )  # fmt: skip
    if not _lapses(pieces.settings):
        return rows
    silent = Row(
        "TargetSilent", f"time() - {LAPSED}", "2m", f"Data of {INSTANCE} stopped",
        f"Nothing came for {TIME}, and its series were not ended, as they are when a target is removed or"
        " fails: its shard does not run, or cannot deliver.",
    )  # fmt: skip
    return (*rows, silent)


def _fetches(pieces: Pieces) -> tuple[Row, ...]:
    limit = THRESHOLDS["scrape_of_timeout"].bad * pieces.settings.timeout_s
    day = pieces.window(1800)
    samples = "scrape_samples_scraped"
    now, before = (f"avg_over_time({samples}[{day}]{offset})" for offset in ("", " offset 1d"))
    growth = THRESHOLDS["samples_growth"].bad
    grown = f"{now} / ({before} > 0) - 1 > {number(growth)}\nand\n{now} - {before} > {_FEW_SAMPLES}\n"
    return (
        Row("FetchNearTimeout", pieces.sustained(f"scrape_duration_seconds{{{TARGETS}}}", number(limit)),
            pieces.holds(5 * MINUTE_S), f"Fetching {INSTANCE} takes long",
            f"{TIME} at least, of {pieces.settings.timeout_s:g} s. Soon it fails and the target looks down:"
            " see what makes it slow, or raise scrape_timeout.", priority="P2"),
        Row("SamplesGrow", grown, pieces.holds(15 * MINUTE_S),
            f"{INSTANCE} publishes far more than yesterday",
            f"{PERCENT} more samples. Most often a release put ids into keys or labels:"
            " pushvar show with its URL lists them.", priority="P2"),
        Row("SeriesShed", pieces.grown(f"pushvar_series_shed_total{{{OWN}}}", 15 * MINUTE_S), "0s",
            "Shard {{ $labels.instance }} leaves out series over a budget",
            f"{COUNT} in the last minutes, reason {{{{ $labels.reason }}}}. Mend the program that publishes"
            " them, or raise its budget; pushvar show --explain names the series.", priority="P2"),
    )  # fmt: skip


def _deliveries(pieces: Pieces) -> tuple[Row, ...]:
    until = pieces.now(f"pushvar_delivered_until_timestamp_seconds{{{OWN}}}")
    late = THRESHOLDS["data_age_s"].bad + pieces.settings.interval_s
    spool, window = f"pushvar_spool_samples{{{OWN}}}", pieces.window(15 * MINUTE_S)
    grows = f"delta({spool}[{window}]) > 0\nand\nmin_over_time({spool}[{window}]) > 0\n"
    return (
        Row("DataLate", f"time() - {until} > {number(late)}\n", "2m", f"Data of {_ROUTE} is late",
            f"The oldest sample that waits is {TIME} old. The backend is away, limits the rate, or the shard"
            " stands still: see pushvar's log and retries."),
        Row("SpoolGrows", grows, pieces.holds(5 * MINUTE_S), f"Undelivered data of {_ROUTE} grows",
            f"{COUNT} samples more wait than a quarter of an hour ago. They are lost when sample_age_limit"
            " is over: bring the backend back, or raise the limit in time."),
    )  # fmt: skip


def _losses(pieces: Pieces) -> tuple[Row, ...]:
    dropped = f"pushvar_samples_dropped_total{{{OWN}, reason%s}}"
    refused = '="unauthorized"'
    return (
        Row("SamplesDropped", pieces.grown(dropped % f"!{refused}", 5 * MINUTE_S), "0s",
            f"{_ROUTE} drops samples: {{{{ $labels.reason }}}}",
            f"{COUNT} samples are lost for good. The log names the first series of each reason, pushvar's"
            " page on reliability what each reason means."),
        Row("CredentialsRefused", pieces.grown(dropped % refused, 5 * MINUTE_S), "0s",
            "Backend {{ $labels.backend }} refuses the credentials of {{ $labels.instance }}",
            f"{COUNT} samples are lost by 401 or 403. Renew the secret that the backend's configuration"
            " refers to; it is read again without a restart."),
    )  # fmt: skip


def _own(pieces: Pieces) -> tuple[Row, ...]:
    reload = pieces.now(f"pushvar_config_last_reload_successful{{{OWN}}}")
    return (
        Row("ConfigRefused", f"{reload} == 0\n", "5m",
            "{{ $labels.instance }} does not take the newest configuration",
            "The last good one works on (value {{ $value }}). Run pushvar config validate: it names the"
            " place and the remedy."),
        Row("CyclesLost", pieces.grown(f"pushvar_cycles_lost_total{{{OWN}}}", 15 * MINUTE_S), "0s",
            "Shard {{ $labels.instance }} loses cycles",
            f"{COUNT} began and never ended: the process was killed. Compare its memory with its limit, and"
            " pushvar_cycle_duration_seconds with the function's timeout.", priority="P2"),
    )  # fmt: skip
