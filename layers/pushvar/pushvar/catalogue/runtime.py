"""Go runtime metrics, as the official client names them.

Names, types and help are those of client_golang (``prometheus/go_collector.go``, with the help texts
that it carried up to 1.19), so that dashboards and rules written for it work unchanged.
"""

from __future__ import annotations

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
GC_DURATION_ANOMALY = (
    "a high maximum: many threads to stop, CPU throttling, huge stacks; the rate of _sum is the share of time"
    " that the program stands still, above 0.01 it hurts; _count that stands for minutes: no collections"
)
GC_QUANTILES = ("0", "0.25", "0.5", "0.75", "1")

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
