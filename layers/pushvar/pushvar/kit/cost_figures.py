"""What one cycle takes: figures measured on this code, and what had to be assumed.

Times were measured with ``python -m benchmarks.scaling``, see ``docs/scaling.md``; a test holds counts and
bytes against a recorded cycle. CPU is that of a whole core of the machine that measured; Lambda gives one
to a function of 1,769 MB (Lambda's guide, "Configure Lambda function memory").
"""

from __future__ import annotations

from dataclasses import dataclass

CORE_MB = 1_769.0
"""Memory at which a function has a whole core; below it has the share."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds, bytes and counts of the parts of a cycle; ``_cpu_s`` are seconds of a whole core.

    Measured: ``shard_cpu_s``, ``target_cpu_s`` and ``series_cpu_s`` make the CPU of a shard's cycle in an
    environment that serves many shards. It keeps the last ``kept_targets`` ready; any other shard is read
    and made anew, for ``rebuild_cpu_s`` a target. ``init_cpu_s`` is a cold start's. ``plan_cpu_s`` and
    ``plan_shard_cpu_s`` make that of a plan without change. ``head_bytes`` is a shard's item in the table,
    ``fingerprint_bytes`` what a target adds to the item that is read when another environment had the
    shard before, ``slice_bytes`` what it adds to its shard's document; ``series_bytes`` is what is remembered
    of a series. Log bytes are those that a handler writes.

    Assumed: ``target_wait_s`` until the slowest target has answered, ``request_wait_s`` of one push,
    ``table_wait_s`` of one call of DynamoDB, ``plan_batch_wait_s`` of one call of SQS; how often things
    change; what Lambda and SQS do by themselves.
    """

    shard_cpu_s: float = 0.01
    target_cpu_s: float = 0.000_62
    series_cpu_s: float = 0.000_001_4
    rebuild_cpu_s: float = 0.000_35
    kept_targets: int = 4_000
    init_cpu_s: float = 0.6
    plan_cpu_s: float = 0.01
    plan_shard_cpu_s: float = 0.000_3
    plan_memory_mb: float = 1_024
    samples_per_request: int = 2_000
    shard_writes: int = 2
    plan_writes: int = 2
    head_bytes: int = 900
    fingerprint_bytes: float = 30.0
    slice_bytes: float = 32.0
    series_bytes: float = 18.5
    cycle_log_bytes: int = 1_500
    plan_log_bytes: int = 1_200
    forward_metrics: int = 11
    plan_metrics: int = 5
    gateway_metrics: int = 1
    alarms: int = 25
    dashboards: int = 1
    own_series: int = 40
    parameter_targets: int = 25
    push_cpu_s: float = 0.004
    push_writes: int = 6
    push_log_bytes: int = 900

    target_wait_s: float = 0.1
    request_wait_s: float = 0.03
    table_wait_s: float = 0.01
    plan_batch_wait_s: float = 0.01
    lambda_log_bytes: int = 900
    idle_polls_per_minute: int = 15
    cold_starts_share: float = 0.01
    changes_per_day: int = 10
    new_series_per_target_day: int = 1
    bytes_per_sample: float = 2.0
    retention_months: float = 5.0

    def shard_cpu(self, targets: float, series: float) -> float:
        """CPU seconds of one cycle of a shard with that many targets of so many series."""
        return self.shard_cpu_s + targets * (self.target_cpu_s + series * self.series_cpu_s)

    def shard_wait(self, targets: float, series: float) -> float:
        """Seconds of a cycle of a shard in which its function only waits."""
        requests = max(1.0, targets * series / self.samples_per_request)
        return self.target_wait_s + self.shard_writes * self.table_wait_s + requests * self.request_wait_s


def share(memory_mb: float) -> float:
    """How much of a core a function of that memory has: one at most, for the work is one thread's."""
    return min(1.0, memory_mb / CORE_MB)
