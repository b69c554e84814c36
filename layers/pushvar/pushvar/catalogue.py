"""The tables of what pushvar knows: Go runtime metrics, health series, failure classes.

Names, types and help of the runtime rows are those of the official client (client_golang,
``prometheus/go_collector.go``, with the help texts that it carried up to 1.19), so that dashboards
and rules written for it work unchanged. The dictionary, dashboards and alert rules read the same
rows: nothing here is written twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pushvar.model import Family, MetricType

_COUNTER, _GAUGE, _SUMMARY = MetricType.COUNTER, MetricType.GAUGE, MetricType.SUMMARY

NANOSECONDS = 10**9
"""What a Go duration is divided by to give seconds: an exact integer, rounded once."""


@dataclass(frozen=True, slots=True)
class RuntimeMetric:
    """One Go runtime metric.

    ``source`` is the MemStats field it is read from and ``divisor`` what that integer is divided by.
    ``default`` rows are always produced; the others wait for a preset option.
    ``anomaly`` says which movement deserves a look and what it usually means.
    """

    family: Family
    source: str
    anomaly: str
    divisor: int = 1
    default: bool = True


def _row(
    name: str, kind: MetricType, unit: str, source: str, text: str, anomaly: str, divisor: int = 1
) -> RuntimeMetric:
    return RuntimeMetric(Family(f"go_memstats_{name}", kind, text, unit), source, anomaly, divisor)


MEMSTATS: tuple[RuntimeMetric, ...] = (
    _row("alloc_bytes", _GAUGE, "bytes", "Alloc", "Number of bytes allocated and still in use.",
         "the same value as heap_alloc_bytes; keep one of the two"),
    _row("alloc_bytes_total", _COUNTER, "bytes", "TotalAlloc",
         "Total number of bytes allocated, even if freed.",
         "a jump in its rate is more garbage per request: GC cost follows"),
    _row("sys_bytes", _GAUGE, "bytes", "Sys", "Number of bytes obtained from system.",
         "growth over a flat heap comes from stacks or off-heap memory; it is not RSS"),
    _row("mallocs_total", _COUNTER, "objects", "Mallocs", "Total number of mallocs.",
         "with alloc_bytes_total it gives the mean object size"),
    _row("frees_total", _COUNTER, "objects", "Frees", "Total number of frees.",
         "a widening gap to mallocs_total is a leak"),
    _row("heap_alloc_bytes", _GAUGE, "bytes", "HeapAlloc",
         "Number of heap bytes allocated and still in use.",
         "a minimum that rises from GC to GC is a leak; unswept garbage is included"),
    _row("heap_sys_bytes", _GAUGE, "bytes", "HeapSys", "Number of heap bytes obtained from system.",
         "a step is the trace of a past spike"),
    _row("heap_idle_bytes", _GAUGE, "bytes", "HeapIdle", "Number of heap bytes waiting to be used.",
         "idle far above released is memory kept for reuse"),
    _row("heap_inuse_bytes", _GAUGE, "bytes", "HeapInuse", "Number of heap bytes that are in use.",
         "compare it with the memory limit; inuse minus alloc bounds fragmentation"),
    _row("heap_released_bytes", _GAUGE, "bytes", "HeapReleased",
         "Number of heap bytes released to OS.",
         "up and down is memory given back and faulted in again"),
    _row("heap_objects", _GAUGE, "objects", "HeapObjects", "Number of allocated objects.",
         "many small objects lengthen marking"),
    _row("stack_inuse_bytes", _GAUGE, "bytes", "StackInuse",
         "Number of bytes in use by the stack allocator.", "grows with goroutines and deep recursion"),
    _row("stack_sys_bytes", _GAUGE, "bytes", "StackSys",
         "Number of bytes obtained from system for stack allocator.",
         "above inuse only with stacks of the system or cgo"),
    _row("mspan_inuse_bytes", _GAUGE, "bytes", "MSpanInuse",
         "Number of bytes in use by mspan structures.", "follows the number of heap spans"),
    _row("mspan_sys_bytes", _GAUGE, "bytes", "MSpanSys",
         "Number of bytes used for mspan structures obtained from system.", "rarely worth a look"),
    _row("mcache_inuse_bytes", _GAUGE, "bytes", "MCacheInuse",
         "Number of bytes in use by mcache structures.", "constant: proportional to GOMAXPROCS"),
    _row("mcache_sys_bytes", _GAUGE, "bytes", "MCacheSys",
         "Number of bytes used for mcache structures obtained from system.", "constant"),
    _row("buck_hash_sys_bytes", _GAUGE, "bytes", "BuckHashSys",
         "Number of bytes used by the profiling bucket hash table.",
         "grows with the number of distinct profiled stacks"),
    _row("gc_sys_bytes", _GAUGE, "bytes", "GCSys",
         "Number of bytes used for garbage collection system metadata.", "proportional to the heap"),
    _row("other_sys_bytes", _GAUGE, "bytes", "OtherSys",
         "Number of bytes used for other system allocations.", "tracing buffers, finalizers"),
    _row("next_gc_bytes", _GAUGE, "bytes", "NextGC",
         "Number of heap bytes when next garbage collection will take place.",
         "a size, not a time; close to the container's limit: raise the limit or set GOMEMLIMIT"),
    _row("last_gc_time_seconds", _GAUGE, "seconds", "LastGC",
         "Number of seconds since 1970 of last garbage collection.",
         "minutes ago: GC off, a frozen process or stale data", NANOSECONDS),
)  # fmt: skip

MEMSTATS_OPTIONAL: tuple[RuntimeMetric, ...] = (
    RuntimeMetric(
        Family("go_memstats_gc_cpu_fraction", _GAUGE, "Share of CPU time used by the GC since the start."),
        "GCCPUFraction",
        "above 0.25 the program is bound by its GC; a lifetime average, so it moves slowly",
        default=False,
    ),
    RuntimeMetric(
        Family("go_gc_cycles_forced_gc_cycles_total", _COUNTER, "GC cycles forced by the application."),
        "NumForcedGC",
        "the program calls runtime.GC(): usually a mistake",
        default=False,
    ),
)

GC_DURATION = Family(
    "go_gc_duration_seconds",
    _SUMMARY,
    "A summary of the pause duration of garbage collection cycles.",
    "seconds",
)
GC_QUANTILES = ("0", "0.25", "0.5", "0.75", "1")

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""Legal names as every receiver takes them (Prometheus, "Data model": the legacy character set)."""

RING_FIELDS = frozenset({("memstats", "PauseNs")})
"""Lists that are read as a whole: the circular buffer of recent GC pauses."""
RING_SLOTS = 256

GOROUTINES = Family("go_goroutines", _GAUGE, "Number of goroutines that currently exist.")
GOROUTINE_ALIASES = (
    "goroutines",
    "Goroutines",
    "NumGoroutine",
    "NumGoroutines",
    "GoroutineCount",
    "gauge_goroutines",
    "Goroutines2",
)
"""Top-level keys under which programs publish runtime.NumGoroutine; the first that is there counts."""

PRIVATE_KEYS = frozenset({"cmdline", "config"})
"""Top-level keys (in lower case) that leak secrets: dropped in the decoder, never shown or stored."""

HEALTH: tuple[Family, ...] = (
    Family("up", _GAUGE, "1 when the target answered with a usable document, 0 when not."),
    Family("scrape_duration_seconds", _GAUGE, "How long the fetch took.", "seconds"),
    Family("scrape_samples_scraped", _GAUGE, "Samples that the target's document gave."),
    Family("scrape_samples_post_metric_relabeling", _GAUGE, "Samples left after metric relabelling."),
    Family("scrape_series_added", _GAUGE, "Series that the previous scrape of the target did not have."),
)
"""What every target yields, up or down: the spelling of Prometheus' own synthetic series."""

LINE_FAULTS: dict[str, str] = {
    "bad_line": "a line that is no sample was left out",
    "bad_name": "a line without a legal metric name was left out",
    "bad_labels": "a line with labels that cannot be read was left out",
    "duplicate_label": "a line that has a label twice was left out",
    "reserved_label": "a line with a label that begins with __ was left out",
    "too_many_labels": "a line with hundreds of labels was left out",
    "not_utf8": "a line that is not UTF-8 was left out",
    "bad_value": "a line whose value is no number was left out",
    "bad_timestamp": "a line whose timestamp cannot be used was left out",
    "long_line": "a line of more than 64 KiB was left out",
    "bad_metadata": "a HELP, TYPE or UNIT line without a legal name was left out",
    "bad_type": "a TYPE line with an unknown type was left out",
    "bad_unit": "a unit that its metric's name does not end in was left out",
    "repeated_metadata": "a second, different HELP or TYPE of a name was left out",
    "too_many_families": "HELP, TYPE or UNIT of one name too many was left out",
    "too_many_lines": "everything from this line on was left out: too many samples or faults",
    "after_eof": "a line after # EOF was left out",
    "no_eof": "the document does not end with # EOF: it may be cut off",
}
"""Why a line of exposition text was left out -> what that means."""

REPAIRS: dict[str, str] = {
    **LINE_FAULTS,
    "type_conflict": "a type that differs from the first one that this name was given, which stays",
    "non_finite": "a number that is NaN or infinite",
    "empty_value": "a variable without a value (a Func that JSON cannot say) was read as null",
    "go_escape": "a key quoted the Go way",
    "bare_text": "a variable that prints bare text was read as null",
    "invalid_utf8": "bytes that are not UTF-8 were replaced",
}
"""Kind of repair -> what it means; none of them costs more than the value it stands at."""

FAILURE_CLASSES: dict[str, tuple[str, str]] = {
    "ok": ("", ""),
    "dns": ("the name does not resolve", "check the target's host name"),
    "refused": ("nothing listens there", "check the port, and that the program runs"),
    "timeout": ("no complete answer in time", "look at the program's load, or raise scrape_timeout"),
    "tls": ("TLS handshake or certificate failed", "check scheme and tls_config"),
    "blocked": ("the address is not allowed", "targets may not be link-local or metadata addresses"),
    "redirect": ("the target redirects", "register the final address; redirects are not followed"),
    "auth": ("401 or 403", "check the credentials of the scrape config"),
    "not_found": ("404", "check metrics_path; is expvar imported and served there?"),
    "rate_limited": ("429", "fetch less often"),
    "client": ("another 4xx", "look at the target's answer"),
    "server": ("5xx", "look at the target's own log"),
    "connection": ("the connection broke off", "look at the target's own log, and at proxies between"),
    "too_large": ("the body is over body_size_limit", "raise body_size_limit or publish less"),
    "too_many_samples": ("more samples than sample_limit", "raise sample_limit or publish less"),
    "label_limit": ("a series over a label limit", "raise the label limit or shorten the labels"),
    "bad_json": ("not JSON, and not repairable", "look at the variable that is named"),
    "bad_format": (
        "neither an expvar document nor Prometheus text",
        "check metrics_path and format: expvar serves /debug/vars, text mostly /metrics",
    ),
    "internal": ("pushvar's own fault", "please report it with the message"),
}
"""Failure class -> (what it means, what to do next); the class is the ``reason`` of a failed scrape."""

SKIPPED: dict[str, str] = {
    "held": "another writer holds this shard",
    "repeated": "this cycle was run before",
    "late": "the message came too late: the past cannot be scraped",
    "state": "the state store failed",
}
"""Why a shard's cycle was not run: the ``skipped`` of a report, in words."""

GROUPING = ("job", "instance", "customer_id")
"""The labels of a Pushgateway's grouping key, in the order of its URL. They do not stand in the body."""
