"""What a fleet uses in a month of 30 days, item by item of the price table. Pure arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from pushvar.kit.cost_figures import Figures, share

DAYS = 30
MINUTES = DAYS * 24 * 60
_TICK_S = 60.0
_BATCH = 10  # entries of one SendMessageBatch, parameters of one page (AWS quotas)
_KB, _READ_KB = 1024, 4096  # of one write unit and one read unit (DynamoDB)
_GB = 1e9
_STAGGER_S, _STAGGER_SHARDS = 20, 5  # shards start spread over 20 s at most, five a second


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is asked for: ``series`` are those of one target, its five health series among them.

    ``pushes`` are those of batch jobs in a month. ``duration_s`` is what one cycle of a shard takes,
    where it was measured; None lets the figures tell.
    """

    targets: int
    series: int
    interval_s: float
    shards: int
    memory_mb: int = 512
    pushes: int = 0
    duration_s: float | None = None

    @property
    def schedule_s(self) -> float:
        """How often plan is woken: the interval in whole minutes, once a minute at least."""
        return max(_TICK_S, self.interval_s // _TICK_S * _TICK_S)

    @property
    def plans(self) -> float:
        """How often in a month."""
        return MINUTES * _TICK_S / self.schedule_s

    @property
    def rounds(self) -> int:
        """How many cycles one invocation has: several, where the interval is shorter than a minute."""
        return max(1, math.ceil(_TICK_S / self.interval_s))

    @property
    def scrapes(self) -> float:
        """How often in a month each target is fetched."""
        return MINUTES * _TICK_S / self.interval_s

    def merged(self) -> Fleet:
        """The same with half as many shards, each twice as large; a duration that was given grows with it."""
        longer = None if self.duration_s is None else self.duration_s * 2
        return replace(self, shards=math.ceil(self.shards / 2), duration_s=longer)


class Use(NamedTuple):
    """So much of one item of the price table, for what, and how that comes about."""

    service: str
    item: str
    quantity: float
    how: str


def cycle_s(fleet: Fleet, figures: Figures) -> float:
    """Seconds that one cycle of a shard takes in a warm container."""
    if fleet.duration_s is not None:
        return fleet.duration_s
    targets = fleet.targets / fleet.shards
    cpu_s = figures.shard_cpu(targets, fleet.series) + _anew(fleet, figures) * figures.rebuild_cpu_s * targets
    return cpu_s / share(fleet.memory_mb) + figures.shard_wait(targets, fleet.series)


def _anew(fleet: Fleet, figures: Figures) -> float:
    """The share of cycles whose shard the environment has to make anew, for it keeps only so many."""
    return max(0.0, 1 - figures.kept_targets / fleet.targets)


def invocation_s(fleet: Fleet, figures: Figures) -> float:
    """Seconds of one invocation of forward: its rounds, and the waits between them, which are paid for."""
    return (fleet.rounds - 1) * fleet.interval_s + cycle_s(fleet, figures)


def plan_s(fleet: Fleet, figures: Figures) -> float:
    """Seconds that a plan without change takes."""
    cpu_s = figures.plan_cpu_s + fleet.shards * figures.plan_shard_cpu_s
    waits_s = math.ceil(fleet.shards / _BATCH) * figures.plan_batch_wait_s
    return cpu_s / share(figures.plan_memory_mb) + waits_s + figures.plan_writes * figures.table_wait_s


def containers(fleet: Fleet, figures: Figures) -> int:
    """How many environments of forward work at once: shards start spread over up to 20 s."""
    window_s = max(1.0, min(_STAGGER_S, fleet.shards // _STAGGER_SHARDS))
    busy = min(1.0, invocation_s(fleet, figures) / window_s)
    return max(1, math.ceil(fleet.shards * busy))


def uses(fleet: Fleet, figures: Figures) -> tuple[Use, ...]:
    """Everything that is counted, in the order in which data flows."""
    return (
        *_compute(fleet, figures),
        *_glue(fleet, figures),
        *_state(fleet, figures),
        *_watching(fleet, figures),
        *_backend(fleet, figures),
    )


def _compute(fleet: Fleet, figures: Figures) -> tuple[Use, ...]:
    cycles, one_s, planning_s = (
        fleet.plans * fleet.shards,
        invocation_s(fleet, figures),
        plan_s(fleet, figures),
    )
    requests = fleet.plans + cycles + fleet.pushes
    pushing_s = fleet.pushes * figures.push_cpu_s / share(fleet.memory_mb)
    cold_s = cycles * figures.cold_starts_share * figures.init_cpu_s
    seconds = (
        (cycles * one_s + pushing_s + cold_s) * fleet.memory_mb
        + fleet.plans * planning_s * figures.plan_memory_mb
    ) / 1024
    shards = f"{cycles:,.0f} shards of {one_s:.2f} s at {fleet.memory_mb} MB"
    gateway = f", {fleet.pushes:,} pushes" if fleet.pushes else ""
    return (
        Use(
            "Lambda", "lambda_requests", requests, f"{fleet.plans:,.0f} plans, {cycles:,.0f} shards{gateway}"
        ),
        Use("Lambda", "lambda_gb_seconds", seconds, f"{shards}; plans of {planning_s:.2f} s{gateway}"),
    )


def _glue(fleet: Fleet, figures: Figures) -> tuple[Use, ...]:
    cycles, batches = fleet.plans * fleet.shards, fleet.plans * math.ceil(fleet.shards / _BATCH)
    idle = MINUTES * figures.idle_polls_per_minute
    pages = math.ceil(fleet.targets / figures.parameter_targets / _BATCH)
    refreshes = DAYS * 24 * 12 + DAYS * figures.changes_per_day  # the whole tree, every 5 minutes
    return (
        Use("Scheduler", "scheduler_events", fleet.plans, f"one every {fleet.schedule_s:g} s"),
        Use("SQS", "sqs_requests", batches + 2 * cycles + idle,
            f"{batches:,.0f} sends of ten, a receive and a delete for each, {idle:,.0f} empty receives"),
        Use("SSM", "ssm_calls", fleet.plans + pages * refreshes,
            f"the manifest with each plan; {pages:,} pages every 5 minutes"),
    )  # fmt: skip


def _state(fleet: Fleet, figures: Figures) -> tuple[Use, ...]:
    targets, changes = fleet.targets / fleet.shards, DAYS * figures.changes_per_day
    cycles = fleet.plans * fleet.shards * fleet.rounds
    each = figures.shard_writes * _units(figures.head_bytes, _KB)
    body = figures.series_bytes * fleet.series
    renewed = DAYS * figures.new_series_per_target_day * fleet.targets
    fingerprints = figures.fingerprint_bytes * targets
    series_writes = renewed * 2 * _units(body, _KB)  # a transaction counts double
    writes = (
        cycles * each + fleet.plans * figures.plan_writes + series_writes + fleet.pushes * figures.push_writes
    )
    elsewhere = 1 - 1 / containers(fleet, figures)  # another environment had the shard last
    slice_bytes, anew = figures.slice_bytes * targets, cycles * _anew(fleet, figures)
    inside = slice_bytes <= _READ_KB  # of the table; a longer one is an object of the bucket
    reads = cycles * elsewhere * _units(fingerprints, _READ_KB) + anew + changes * fleet.shards
    objects = changes * 2 * containers(fleet, figures) + (0 if inside else anew)
    stored = fleet.targets * (body + figures.fingerprint_bytes) + fleet.shards * figures.head_bytes
    return (
        Use("DynamoDB", "dynamodb_writes", writes,
            f"{each} a cycle; {series_writes:,.0f} for series that came or went"),
        Use("DynamoDB", "dynamodb_reads", reads,
            f"{_units(fingerprints, _READ_KB)} a cycle when another environment had the shard before"),
        Use("DynamoDB", "dynamodb_storage_gb", stored / _GB, "heads, and what series there were"),
        Use("S3", "s3_puts", float(changes * 2), f"{figures.changes_per_day} new configurations a day"),
        Use("S3", "s3_gets", float(objects), "configurations, and shards too large for the table"),
    )  # fmt: skip


def _watching(fleet: Fleet, figures: Figures) -> tuple[Use, ...]:
    invocations = fleet.plans * fleet.shards
    cycle_bytes = fleet.rounds * figures.cycle_log_bytes + figures.lambda_log_bytes
    plan_bytes = figures.plan_log_bytes + figures.lambda_log_bytes
    push_bytes = figures.push_log_bytes + figures.lambda_log_bytes
    written = invocations * cycle_bytes + fleet.plans * plan_bytes + fleet.pushes * push_bytes
    metrics = (
        figures.forward_metrics + figures.plan_metrics + (figures.gateway_metrics if fleet.pushes else 0)
    )
    return (
        Use("CloudWatch", "logs_gb", written / _GB, f"{cycle_bytes:,} bytes a shard, {plan_bytes:,} a plan"),
        Use("CloudWatch", "metrics", metrics, "one for each name and function, however many shards"),
        Use("CloudWatch", "alarms", figures.alarms, "those of the template"),
        Use("CloudWatch", "dashboards", figures.dashboards, "that of the template"),
    )


def _backend(fleet: Fleet, figures: Figures) -> tuple[Use, ...]:
    own = fleet.plans * fleet.rounds * fleet.shards * figures.own_series
    samples = fleet.scrapes * fleet.targets * fleet.series + own
    stored = samples * figures.bytes_per_sample * figures.retention_months / _GB
    how = f"{fleet.targets:,} times {fleet.series} series every {fleet.interval_s:g} s, {own:,.0f} of our own"
    return (
        Use("backend", "backend_samples", samples, how),
        Use("backend", "backend_storage_gb", stored, f"kept {figures.retention_months:g} months"),
    )


def _units(size_bytes: float, unit: int) -> int:
    return max(1, math.ceil(size_bytes / unit))
