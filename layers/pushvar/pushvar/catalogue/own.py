"""pushvar's own metrics: what it says of itself, and what to look at when one moves.

A row's ``labels`` are all that its series have beside those of the target ``job="pushvar"``. Counters are
kept in the shard's head, so that ``rate()`` is true although containers come and go.
"""

from __future__ import annotations

from dataclasses import dataclass

from pushvar.model import Family, MetricType

_PREFIX = "pushvar_"
_UNITS = ("bytes", "seconds")


@dataclass(frozen=True, slots=True)
class SelfMetric:
    """One of our own metrics; ``anomaly`` says which movement deserves a look and what it usually means."""

    family: Family
    labels: tuple[str, ...]
    anomaly: str


def _row(name: str, labels: str, text: str, anomaly: str) -> SelfMetric:
    """A counter where the name ends in ``_total``, else a gauge; the unit stands before that ending."""
    kind = MetricType.COUNTER if name.endswith("_total") else MetricType.GAUGE
    stem = name.removesuffix("_total")
    unit = next((unit for unit in _UNITS if stem.endswith(f"_{unit}")), "")
    return SelfMetric(Family(_PREFIX + name, kind, text, unit), tuple(labels.split()), anomaly)


SELF_METRICS: tuple[SelfMetric, ...] = (
    _row("build_info", "python version", "Always 1; the labels say what runs.",
         "two versions for long: a deployment that stopped half way"),
    _row("cycles_total", "", "Cycles that the shard finished.",
         "no increase over three intervals: the schedule, the lease or the state store"),
    _row("cycles_lost_total", "", "Cycles that began and never ended.",
         "any increase: the process was killed; look at its memory and its timeout"),
    _row("cycle_duration_seconds", "", "How long the last finished cycle took.",
         "close to the interval or the function's timeout: slow targets, or a backend that is away"),
    _row("targets", "", "Targets that the last finished cycle scraped.",
         "a drop that nobody planned: a registry that lost entries; intervals that differ make it alternate"),
    _row("groups", "", "Groups of batch jobs that were pushed and have not ended.",
         "a drop that nobody planned: jobs that do not run, or lifetimes that are too short for them"),
    _row("groups_ended_total", "reason", "Groups of batch jobs whose time was over, or that were deleted.",
         "expired grows: a job stopped pushing; its last success says since when"),
    _row("scrapes_total", "reason", "Scrapes by outcome: ok or a failure class.",
         "a reason other than ok that grows: its meaning and the next step stand with the failure classes"),
    _row("samples_scraped_total", "", "Samples that documents of targets, and groups of jobs, gave.",
         "a step up is a program that publishes far more than before: look for ids in keys"),
    _row("leaves_skipped_total", "reason", "Values of documents that gave no series, once for each scrape.",
         "wrong_shape or duplicate after a release: the program changed; pushvar show --explain names them"),
    _row("dead_rules", "", "Mapping rules that took nothing in any document of the last finished cycle.",
         "above 0 for long: a key was renamed, or the rule was never right; try pushvar mapping test"),
    _row("repairs_total", "kind", "Things mended, or left out, so that a document could be read.",
         "a new kind after a release: the program writes what is no JSON, or text with a fault"),
    _row("metric_relabel_outcomes_total", "outcome", "What metric relabelling did to series.",
         "guarded: a step tries to change a tenant's labels; duplicate: a step removed too many labels"),
    _row("labels_renamed_total", "", "Labels of documents that became exported_*, once for each scrape.",
         "growth: a program sets labels that belong to the target, such as job or customer_id"),
    _row("series_shed_total", "reason", "Series that budgets left out, once for each scrape.",
         "any increase: a program publishes too many series or values of a label; look for ids in keys"),
    _row("targets_over_budget", "", "Targets of the last finished cycle that a budget cost series.",
         "above 0: pushvar show --explain names the series; raise the budget or mend the program"),
    _row("config_last_reload_successful", "", "1 when the newest configuration is in use, 0 when not.",
         "0: the new version is refused, the last good one works on; the log names what is wrong with it"),
    _row("config_last_reload_success_timestamp_seconds", "",
         "When the configuration in use was taken: by this process, on AWS by the first plan that had it.",
         "older than the last change of the configuration: nobody reads it, or it is refused"),
    _row("samples_sent_total", "backend", "Samples that the backend took in the cycle that scraped them.",
         "flat while samples_scraped_total grows: the backend takes nothing"),
    _row("samples_replayed_total", "backend", "Samples that the backend took from the spool.",
         "growth is a recovery; growth that does not end is a backend that is too slow"),
    _row("samples_spooled_total", "backend", "Samples stored for a later cycle.",
         "growth: the backend is away or asks to wait; its last error stands in the log"),
    _row("samples_dropped_total", "backend reason", "Samples given up, by reason.",
         "any increase is a gap in somebody's graphs; the log names the first series of each reason"),
    _row("requests_total", "backend", "Requests sent to the backend, retries among them.",
         "a step up with equal samples: batches are split, or one tenant has become many"),
    _row("retries_total", "backend", "Requests that were sent again.",
         "steady growth: the backend is overloaded or limits the rate"),
    _row("wire_bytes_total", "backend", "Bytes of request bodies that the backend took, as they were sent.",
         "what ingestion and egress are paid by"),
    _row("spool_samples", "backend", "Samples that wait for the backend.",
         "not back at 0 minutes after an outage: the replay is slower than what arrives"),
    _row("delivered_until_timestamp_seconds", "backend",
         "Time of the oldest sample that waits for the backend; the last cycle's while none waits.",
         "time() minus it over 5 minutes: the backend is away, or this shard stands still"),
    _row("last_success_timestamp_seconds", "backend", "Time of the last cycle that delivered a sample.",
         "time() minus it over three intervals: nothing arrives; see samples_dropped_total for the reason"),
)  # fmt: skip

SELF_FAMILIES: dict[str, Family] = {row.family.name: row.family for row in SELF_METRICS}
"""Their families by name: what backends are told as metadata."""
