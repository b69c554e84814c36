"""What Go programs say of themselves beyond memstats: a program that publishes it, or the Go client's text.

``source`` tells where a number comes from: an expvar variable, or a page of Prometheus text. Names are those
of client_golang (``prometheus/go_collector_latest.go``, ``prometheus/process_collector.go``); those of
``runtime/metrics`` follow its rule for their names (``prometheus/internal/go_runtime_metrics.go``).
"""

from __future__ import annotations

from dataclasses import dataclass

from pushvar.catalogue.runtime import GOROUTINE_ALIASES, GOROUTINES
from pushvar.model import Family, MetricType

_G, _C, _H = MetricType.GAUGE, MetricType.COUNTER, MetricType.HISTOGRAM

TEXT = "Prometheus text"
"""The source of what only a page of the Go client has."""

PUBLISHED = "a variable of the program: " + ", ".join(GOROUTINE_ALIASES[:3]) + " or one like them"
"""The source of the number of goroutines: memstats has it not."""


@dataclass(frozen=True, slots=True)
class ClientMetric:
    """One metric of the Go client, or of ``runtime/metrics``; ``opentelemetry`` is its name there, if any.

    ``usual`` says that the client has it without being asked; ``runtime`` is its ``runtime/metrics`` key.
    """

    family: Family
    source: str
    anomaly: str
    labels: tuple[str, ...] = ()
    usual: bool = True
    runtime: str = ""
    opentelemetry: str = ""


def _row(
    name: str, kind: MetricType, unit: str, text: str, anomaly: str, *, label: str = "", otel: str = ""
) -> ClientMetric:
    labels = (label,) if label else ()
    return ClientMetric(Family(name, kind, text, unit), TEXT, anomaly, labels, opentelemetry=otel)


def _runtime(
    key: str, name: str, kind: MetricType, unit: str, text: str, anomaly: str, *, usual: bool = False
) -> ClientMetric:
    family = Family(name, kind, text, unit)
    source = f"{TEXT}; {key} of runtime/metrics where the program publishes it"
    return ClientMetric(family, source, anomaly, usual=usual, runtime=key)


GO_CLIENT: tuple[ClientMetric, ...] = (
    ClientMetric(GOROUTINES, PUBLISHED, "a steady climb without traffic is a leak (a blocked channel, a"
        " request without a timeout); a jump together with latency is a dependency that stalls",
        usual=False, runtime="/sched/goroutines:goroutines", opentelemetry="go.goroutine.count"),
    _row("go_threads", _G, "threads", "Threads of the operating system that the program made.",
         "growth comes from blocking calls, cgo or name lookups through libc; a pids limit ends it"),
    _row("go_info", _G, "", "Always 1; the label says which Go built the program.",
         "several versions for long: a rollout that stopped half way", label="version"),
    _runtime("/gc/gogc:percent", "go_gc_gogc_percent", _G, "percent",
             "How far the heap may grow before the next collection, as GOGC or the program set it.",
             "off, or another value than deployed: somebody tuned it at run time", usual=True),
    _runtime("/gc/gomemlimit:bytes", "go_gc_gomemlimit_bytes", _G, "bytes",
             "The soft memory limit of the runtime, GOMEMLIMIT.",
             "9.2e18 is no limit; alerts on the heap take it as the limit where it is set", usual=True),
    _runtime("/sched/gomaxprocs:threads", "go_sched_gomaxprocs_threads", _G, "threads",
             "Threads that may run Go code at once, GOMAXPROCS.",
             "far above the CPUs of the container: it will be throttled", usual=True),
    _runtime("/gc/cycles/total:gc-cycles", "go_gc_cycles_total_gc_cycles_total", _C, "cycles",
             "Collections that ended.", "as go_gc_duration_seconds_count"),
    _runtime("/gc/heap/live:bytes", "go_gc_heap_live_bytes", _G, "bytes",
             "What the last collection found to be in use.", "a minimum that rises is a leak"),
    _runtime("/gc/heap/goal:bytes", "go_gc_heap_goal_bytes", _G, "bytes",
             "The size of the heap at which the next collection ends.", "as go_memstats_next_gc_bytes"),
    _runtime("/gc/heap/allocs:bytes", "go_gc_heap_allocs_bytes_total", _C, "bytes",
             "Bytes allocated since the start.",
             "always rises; a high rate is work for the collector, not a leak"),
    _runtime("/gc/heap/allocs:objects", "go_gc_heap_allocs_objects_total", _C, "objects",
             "Objects allocated since the start, without tiny ones.", "below mallocs, which has them"),
    _runtime("/gc/heap/frees:bytes", "go_gc_heap_frees_bytes_total", _C, "bytes",
             "Bytes freed since the start.", "allocations minus frees is what objects take now"),
    _runtime("/gc/limiter/last-enabled:gc-cycle", "go_gc_limiter_last_enabled_gc_cycle", _G, "",
             "The collection in which the limiter of the collector's CPU was last at work.",
             "above 0 and moving: the memory limit is too tight"),
    _runtime("/sched/latencies:seconds", "go_sched_latencies_seconds", _H, "seconds",
             "How long goroutines that could run waited to run.",
             "a rising 99th percentile: too little CPU, or throttled"),
    _runtime("/sched/pauses/total/gc:seconds", "go_sched_pauses_total_gc_seconds", _H, "seconds",
             "Pauses of the whole program for the collector.", "long ones: many threads, throttling"),
    _runtime("/sched/goroutines:goroutines", "go_sched_goroutines_goroutines", _G, "goroutines",
             "Goroutines that exist.", "as go_goroutines"),
    _runtime("/sync/mutex/wait/total:seconds", "go_sync_mutex_wait_total_seconds_total", _C, "seconds",
             "Time that goroutines spent waiting for locks.", "a rate that jumps is contention for a lock"),
    _runtime("/cpu/classes/gc/total:cpu-seconds", "go_cpu_classes_gc_total_cpu_seconds_total", _C, "seconds",
             "CPU time of the collector, estimated.", "its share of all classes is what collecting costs"),
    _runtime("/cpu/classes/idle:cpu-seconds", "go_cpu_classes_idle_cpu_seconds_total", _C, "seconds",
             "CPU time that was there and not used.", "a share near 0: no CPU is left"),
    _runtime("/cgo/go-to-c-calls:calls", "go_cgo_go_to_c_calls_calls_total", _C, "calls",
             "Calls from Go to C.", "a jump is a new path through C; threads follow"),
)  # fmt: skip
"""go_* beside those of memstats."""

PROCESS: tuple[ClientMetric, ...] = (
    _row("process_cpu_seconds_total", _C, "seconds", "CPU time of the process, user and system.",
         "its rate against the quota; flat at 0, the program hangs", otel="process.cpu.time"),
    _row("process_resident_memory_bytes", _G, "bytes", "Memory of the process that is in RAM.",
         "what the kernel kills for; growth over go_memstats_sys_bytes is cgo or mmap",
         otel="process.memory.usage"),
    _row("process_virtual_memory_bytes", _G, "bytes", "Address space of the process.",
         "large as a rule; only its trend means anything", otel="process.memory.virtual"),
    _row("process_virtual_memory_max_bytes", _G, "bytes", "Limit of the address space.", "1.8e19 is none"),
    _row("process_open_fds", _G, "fds", "File descriptors in use.",
         "above 80 % of process_max_fds: files or sockets leak, soon nothing can be opened",
         otel="process.unix.file_descriptor.count"),
    _row("process_max_fds", _G, "fds", "File descriptors that the process may have.",
         "1,024 is the default of many systems, and little"),
    _row("process_start_time_seconds", _G, "seconds", "Unix time at which the process began.",
         "each change is a restart; counters begin anew with it", otel="process.uptime"),
    _row("process_network_receive_bytes_total", _C, "bytes", "Bytes received, of the network namespace.",
         "sudden silence is a network that is cut", otel="system.network.io"),
    _row("process_network_transmit_bytes_total", _C, "bytes", "Bytes sent, of the network namespace.",
         "sudden silence is a network that is cut", otel="system.network.io"),
)  # fmt: skip
"""What the client reads of the operating system. expvar has none of it; the client only where /proc is."""
