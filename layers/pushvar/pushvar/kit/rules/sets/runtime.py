"""P2: the Go runtime of a program is unwell. Tickets for its owners; none of them wakes anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.runtime import GC_DURATION, GOROUTINES
from pushvar.catalogue.thresholds import FORECAST_S, THRESHOLDS
from pushvar.kit.rule_files import RuleGroup
from pushvar.kit.rules.expressions import MINUTE_S, Pieces, number
from pushvar.kit.rules.words import COUNT, INSTANCE, PERCENT, RUNBOOKS, TIME, Row, RuleSet, alerts, head

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

__all__ = ["RUNBOOKS", "rule_set"]

_NO_LIMIT = 2**60
"""A memory limit above it is none: the runtime then says the largest number it has."""
_HEAP = "go_memstats_heap_inuse_bytes"
_DAYS = FORECAST_S // 86_400


def rule_set(settings: KitSettings, runbooks: str) -> RuleSet:
    """The set."""
    pieces = Pieces(settings)
    rows = (*_goroutines(pieces), *_memory(pieces), *_collector(pieces), *_process(pieces))
    about = (
        "The Go runtime: thresholds have to be crossed by three samples in a row, one spike is no finding."
    )
    group = RuleGroup("pushvar-runtime", "1m", alerts("runtime", runbooks, rows))
    return RuleSet("runtime", head("runtime", about), (group,))


def _limit(pieces: Pieces) -> str:
    """GOMEMLIMIT, where it is set."""
    return f"({pieces.now('go_gc_gomemlimit_bytes')} < {_NO_LIMIT})"


def _bad(name: str) -> str:
    return number(THRESHOLDS[name].bad)


def _goroutines(pieces: Pieces) -> tuple[Row, ...]:
    name, window = GOROUTINES.name, pieces.window(6 * 3600)
    floor = number(THRESHOLDS["goroutines"].warn / 2)
    grow = (
        f"{pieces.now(name)} > 2 * avg_over_time({name}[{pieces.window(3600)}] offset 1d)\nand\n"
        f"deriv({name}[{window}]) > 0\nand\n{pieces.now(name)} > {floor}\n"
    )
    return (
        Row("ManyGoroutines", pieces.sustained(name, _bad("goroutines")), "0s",
            f"{INSTANCE} has very many goroutines",
            f"{COUNT} at least, in every sample of the last minutes. Take a goroutine profile: the stack that"
            " most of them share is what they wait for."),
        Row("GoroutinesGrow", grow, pieces.holds(15 * MINUTE_S),
            f"Goroutines of {INSTANCE} keep growing",
            f"{COUNT} now, more than twice as many as yesterday, and rising for six hours. A leak looks like"
            " this: compare two goroutine profiles an hour apart."),
        Row("ManyThreads", pieces.sustained("go_threads", _bad("threads")), "0s",
            f"{INSTANCE} has very many threads",
            f"{COUNT} at least. Goroutines block in system calls, cgo or name lookups; a threadcreate profile"
            " and the limit of pids are the next things to see."),
    )  # fmt: skip


def _memory(pieces: Pieces) -> tuple[Row, ...]:
    used = pieces.sustained(_HEAP, f"{_bad('heap_of_limit')} * {_limit(pieces)}")
    window = pieces.window(6 * 3600)
    forecast = (
        f"predict_linear({_HEAP}[{window}], {FORECAST_S}) > {_limit(pieces)}\nand\n"
        f"last_over_time({_HEAP}[{pieces.window(0)}] offset {window})\n"
    )
    return (
        Row("HeapNearLimit", used, "0s", f"The heap of {INSTANCE} is close to GOMEMLIMIT",
            "{{ humanize1024 $value }}B are in use, over four fifths of the limit: the collector will soon do"
            " nothing else. Take a heap profile, or raise the limit with the container's."),
        Row("HeapForecast", forecast, pieces.holds(3600),
            f"The heap of {INSTANCE} will pass GOMEMLIMIT",
            f"As it grows now it has {{{{ humanize1024 $value }}}}B in {_DAYS} days. Compare two heap"
            " profiles before it is urgent."),
    )  # fmt: skip


def _collector(pieces: Pieces) -> tuple[Row, ...]:
    bad = _bad("gc_cpu_share")
    processors = pieces.now("go_sched_gomaxprocs_threads")
    share = f"{pieces.rate('go_cpu_classes_gc_total_cpu_seconds_total')} / {processors} > {bad}"
    last = pieces.now("go_memstats_last_gc_time_seconds")
    silence = number(THRESHOLDS["gc_silence_s"].bad + pieces.settings.interval_s)
    holds = pieces.holds(10 * MINUTE_S)
    return (
        Row("GcPauses", f"{pieces.rate(f'{GC_DURATION.name}_sum')} > {_bad('gc_pause_share')}\n", holds,
            f"{INSTANCE} stands still for its collector",
            f"{PERCENT} of the time. Look for CPU throttling first, then for what allocates."),
        Row("GcBusy", f"{share}\nor\n{pieces.now('go_memstats_gc_cpu_fraction')} > {bad}\n", holds,
            f"The collector of {INSTANCE} takes the CPU",
            f"{PERCENT} of it. Allocate less (an allocation profile), or give it a larger heap: GOGC,"
            " GOMEMLIMIT."),
        Row("GcSilent", f"time() - ({last} > 0) > {silence}\n", "5m",
            f"{INSTANCE} does not collect garbage",
            f"For {TIME}, although the runtime forces it every two minutes. GOGC is off, or the program"
            " hangs: does it answer requests?"),
    )  # fmt: skip


def _process(pieces: Pieces) -> tuple[Row, ...]:
    hour, often = pieces.window(3600), _bad("restarts_per_hour")
    restarts = (
        f"changes(process_start_time_seconds[{hour}]) > {often}\nor\n"
        f"resets(go_memstats_mallocs_total[{hour}]) > {often}\n"
    )
    files = pieces.sustained("process_open_fds", f"{_bad('fds_of_limit')} * {pieces.now('process_max_fds')}")
    return (
        Row("FilesNearLimit", files, "0s", f"{INSTANCE} runs out of file descriptors",
            f"{COUNT} are open, over four fifths of what it may. Count what they are (ls /proc/PID/fd):"
            " sockets that nobody closes, as a rule."),
        Row("Restarts", restarts, "0s", f"{INSTANCE} restarts again and again",
            f"{COUNT} times in an hour. Read the last lines of its log before each end, and the kernel's for"
            " want of memory."),
    )  # fmt: skip
