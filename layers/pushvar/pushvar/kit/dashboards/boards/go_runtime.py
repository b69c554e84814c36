"""Go runtime: what each process does with memory, goroutines, CPU, descriptors and database connections.

Lines are those of instances and not averages of them: an average hides the one that is ill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.thresholds import THRESHOLDS
from pushvar.kit.dashboards.choices import SERVICE, SERVICE_SCOPE, variables
from pushvar.kit.dashboards.panels import lines, number, worst
from pushvar.kit.dashboards.words import Board, Panel, Query, Row
from pushvar.kit.rules.expressions import TARGETS

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

_S = SERVICE_SCOPE
_UP = _S("up", TARGETS)
_EACH = "{{job}} {{instance}}"
_BY = "customer_id, job, instance"
_HOUR_S = 3600
_LONGEST = 'quantile="1"'
_NO_LIMIT = "1e18"  # above it a limit is none: the runtime says 9.2e18
_EXPLORE = '{job="${__field.labels.job}", instance="${__field.labels.instance}"}'


def board(settings: KitSettings) -> Board:
    """The dashboard."""
    hour = settings.window(_HOUR_S)
    rows = (
        Row("At a glance", _glance(hour)),
        Row("The highest ten", _highest()),
        Row("Goroutines and threads", _goroutines()),
        Row("Memory", _memory()),
        Row("Allocation", _allocation()),
        Row("Garbage collection", _collection()),
        Row("Process", _process(hour)),
        Row("Database pools", _pools()),
        Row("Fetches", _fetches(settings)),
    )
    return Board(
        "go-runtime", "Go runtime", "Memory, goroutines, garbage collection and process of Go services.",
        variables("up", SERVICE), rows, deploys=True,
    )  # fmt: skip


def _line(title: str, unit: str, *pairs: tuple[str, str], threshold: str = "", text: str = "") -> Panel:
    """A panel of lines by instance; a pair is an expression and what its legend ends with."""
    queries = tuple(Query(expr, f"{_EACH} {name}".strip()) for expr, name in pairs)
    limit = THRESHOLDS[threshold] if threshold else None
    return lines(title, unit, *queries, threshold=limit, text=text, explore=_EXPLORE)


def _gauge(title: str, unit: str, *pairs: tuple[str, str], threshold: str = "", text: str = "") -> Panel:
    """The same of metrics as they are."""
    named = tuple((_S(metric), name) for metric, name in pairs)
    return _line(title, unit, *named, threshold=threshold, text=text)


def _of_limit() -> str:
    return (
        f"{_S('go_memstats_heap_inuse_bytes')} / on (customer_id, job, instance)"
        f" ({_S('go_gc_gomemlimit_bytes')} < {_NO_LIMIT})"
    )


def _glance(hour: str) -> tuple[Panel, ...]:
    silence = f"max(time() - {_S('go_memstats_last_gc_time_seconds')})"
    return (
        number("Instances", "short", f"count({_UP})", text="All that are fetched, up or down."),
        number("Answering", "percentunit", f"avg({_UP})", threshold=THRESHOLDS["scrape_success"]),
        number("Most goroutines", "short", f"max({_S('go_goroutines')})",
               threshold=THRESHOLDS["goroutines"]),
        number("Fullest heap, of its limit", "percentunit", f"max({_of_limit()})",
               threshold=THRESHOLDS["heap_of_limit"], text="Of those that have a limit (GOMEMLIMIT)."),
        number("Longest without a collection", "s", silence, threshold=THRESHOLDS["gc_silence_s"]),
        number(f"Most restarts, {hour}", "short",
               f"max(changes({_S('process_start_time_seconds')}[{hour}]))",
               threshold=THRESHOLDS["restarts_per_hour"]),
    )  # fmt: skip


def _highest() -> tuple[Panel, ...]:
    named = (
        ("Goroutines", "short", f"topk(10, {_S('go_goroutines')})", "goroutines"),
        ("Heap in use", "bytes", f"topk(10, {_S('go_memstats_heap_inuse_bytes')})", ""),
        ("Longest recent pause", "s",
         f"topk(10, {_S('go_gc_duration_seconds', _LONGEST)})", ""),
    )  # fmt: skip
    return tuple(
        worst(title, unit, expr, _EACH, threshold=THRESHOLDS[key] if key else None, opens="go-runtime",
              text="A click opens this dashboard for the one instance.")
        for title, unit, expr, key in named
    )  # fmt: skip


def _goroutines() -> tuple[Panel, ...]:
    window = "sum by (customer_id, job, instance, le)"
    waited = f"histogram_quantile(0.99, {window} ({_S.rate('go_sched_latencies_seconds_bucket')}))"
    return (
        _gauge("Goroutines", "short", ("go_goroutines", ""), threshold="goroutines"),
        _gauge("Threads", "short", ("go_threads", ""), threshold="threads"),
        _line("Wait for a CPU, 99th percentile", "s", (waited, "")),
    )


def _memory() -> tuple[Panel, ...]:
    heap = ("alloc", "inuse", "idle", "released")
    off_heap = ("mspan_inuse", "mcache_inuse", "buck_hash_sys", "gc_sys", "other_sys")
    named = tuple((f"go_memstats_heap_{name}_bytes", name) for name in heap)
    unused = f"{_S('go_memstats_heap_inuse_bytes')} - {_S('go_memstats_heap_alloc_bytes')}"
    rest = " + ".join(_S(f"go_memstats_{name}_bytes") for name in off_heap)
    return (
        _gauge("Heap", "bytes", *named, ("go_memstats_next_gc_bytes", "next collection"),
               text="Choose one instance: there are five lines for each."),
        _line("Heap in use, of the memory limit", "percentunit", (_of_limit(), ""),
              threshold="heap_of_limit", text="Only of those that have a limit (GOMEMLIMIT)."),
        _gauge("From the system, and resident", "bytes", ("go_memstats_sys_bytes", "runtime"),
               ("process_resident_memory_bytes", "resident"),
               text="Resident growing over the runtime's is memory of C or of mmap."),
        _line("Fragmentation", "bytes", (unused, ""),
              text="In use minus allocated: the most that fragmentation may cost."),
        _gauge("Stacks", "bytes", ("go_memstats_stack_inuse_bytes", "")),
        _line("Beside heap and stacks", "bytes", (rest, "")),
    )  # fmt: skip


def _allocation() -> tuple[Panel, ...]:
    byte_rate, object_rate = _S.rate("go_memstats_alloc_bytes_total"), _S.rate("go_memstats_mallocs_total")
    return (
        _line("Allocated", "Bps", (byte_rate, "")),
        _line("Objects allocated", "ops", (object_rate, "")),
        _gauge("Live objects", "short", ("go_memstats_heap_objects", "")),
    )


def _collection() -> tuple[Panel, ...]:
    paused, cycles = _S.rate("go_gc_duration_seconds_sum"), _S.rate("go_gc_duration_seconds_count")
    spent = _S.rate("go_cpu_classes_gc_total_cpu_seconds_total")
    cpu = _S.rate("process_cpu_seconds_total")
    silence = f"time() - {_S('go_memstats_last_gc_time_seconds')}"
    return (
        _line("Collections", "ops", (cycles, "")),
        _line("Pauses", "s", (_S("go_gc_duration_seconds", _LONGEST), "longest"),
              (f"{paused} / ({cycles} > 0)", "mean")),
        _line("Share of time paused", "percentunit", (paused, ""), threshold="gc_pause_share"),
        _line("Share of CPU", "percentunit",
              (f"{spent} / on ({_BY}) ({cpu} > 0)", "now"),
              (_S("go_memstats_gc_cpu_fraction"), "since the start"),
              threshold="gc_cpu_share"),
        _line("Since the last collection", "s", (silence, ""), threshold="gc_silence_s"),
        _gauge("Collection in which the limiter was last at work", "short",
               ("go_gc_limiter_last_enabled_gc_cycle", "")),
    )  # fmt: skip


def _process(hour: str) -> tuple[Panel, ...]:
    share = f"{_S('process_open_fds')} / {_S('process_max_fds')}"
    restarts = f"changes({_S('process_start_time_seconds')}[{hour}])"
    return (
        _line("CPU", "short", (_S.rate("process_cpu_seconds_total"), "used"),
              (_S("go_sched_gomaxprocs_threads"), "GOMAXPROCS"), text="In CPUs."),
        _line("File descriptors, of the limit", "percentunit", (share, ""), threshold="fds_of_limit"),
        _line(f"Restarts, {hour}", "short", (restarts, ""), threshold="restarts_per_hour"),
        lines("Versions of Go", "short", Query(f"count by (job, version) ({_S('go_info')})",
                                              "{{job}} {{version}}")),
        _line("Waiting for locks", "percentunit",
              (_S.rate("go_sync_mutex_wait_total_seconds_total"), ""),
              text="Goroutines that wait at any time: 1 is one all the time."),
        _line("Network", "Bps", (_S.rate("process_network_receive_bytes_total"), "in"),
              (_S.rate("process_network_transmit_bytes_total"), "out")),
    )  # fmt: skip


def _pools() -> tuple[Panel, ...]:
    full = f"{_S('go_sql_in_use_connections')} / ({_S('go_sql_max_open_connections')} > 0)"
    waiting = _S.rate("go_sql_wait_duration_seconds_total")
    closed = ("idle", "idle_time", "lifetime")
    ended = tuple((_S.rate(f"go_sql_max_{name}_closed_total"), f"{{{{db_name}}}} {name}") for name in closed)
    return (
        _line("Connections in use, of the most", "percentunit", (full, "{{db_name}}"),
              threshold="pool_saturation"),
        _line("Requests that wait for a connection", "short", (waiting, "{{db_name}}")),
        _line("Connections closed", "ops", *ended),
    )  # fmt: skip


def _fetches(settings: KitSettings) -> tuple[Panel, ...]:
    share = f"{_S('scrape_duration_seconds')} / {settings.timeout_s:g}"
    return (
        _line("Up", "short", (_UP, "")),
        _line("Fetch, of the timeout", "percentunit", (share, ""), threshold="scrape_of_timeout",
              text=f"The longest timeout of the configuration is {settings.timeout_s:g} s."),
        _gauge("Samples", "short", ("scrape_samples_scraped", "")),
        _gauge("Samples after relabelling", "short", ("scrape_samples_post_metric_relabeling", "")),
        _gauge("New series", "short", ("scrape_series_added", "")),
    )  # fmt: skip
