"""The core set: without which metrics nobody can tell whether a Go service is well.

The gate demands them of a service before it is shipped, the audit looks for them afterwards, dashboards and
alerts are made of them. expvar has no metrics of the process, so they are asked only of Prometheus text.
"""

from __future__ import annotations

from dataclasses import dataclass

from pushvar.catalogue.runtime import GC_DURATION, GOROUTINES, MEMSTATS
from pushvar.catalogue.service import REQUEST_SECONDS, REQUESTS


@dataclass(frozen=True, slots=True)
class CoreSet:
    """One kind of numbers. ``families`` are all demanded; ``impact`` is what is unseen without them.

    ``expvar`` says whether a document of expvar can have it, ``usual`` whether a program has it unasked.
    ``tiers`` are the service levels that have to have it, () for all.
    """

    category: str
    families: tuple[str, ...]
    impact: str
    remedy: str
    expvar: bool = True
    usual: bool = True
    tiers: tuple[str, ...] = ()

    def asked(self, tier: str, *, expvar: bool) -> bool:
        """Whether a service of that tier and format has to have it."""
        return (self.expvar or not expvar) and (not self.tiers or tier in self.tiers)


_EXPVAR_OR_CLIENT = 'import _ "expvar" and serve it, or register collectors.NewGoCollector()'

CORE: tuple[CoreSet, ...] = (
    CoreSet("memory", tuple(metric.family.name for metric in MEMSTATS),
            "leaks and limits: the first word of them would be the kernel's", _EXPVAR_OR_CLIENT),
    CoreSet("garbage collection", (GC_DURATION.name,),
            "pauses and pressure: slow requests with no cause to be seen", _EXPVAR_OR_CLIENT),
    CoreSet("goroutines", (GOROUTINES.name,),
            "leaks of goroutines, and dependencies that stall",
            'expvar.Publish("goroutines", expvar.Func(func() any { return runtime.NumGoroutine() }))',
            usual=False, tiers=("gold", "silver")),
    CoreSet("process", ("process_cpu_seconds_total", "process_resident_memory_bytes",
                        "process_start_time_seconds", "process_open_fds", "process_max_fds"),
            "CPU, memory as the kernel counts it, restarts, descriptors",
            "register collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}); it needs /proc",
            expvar=False),
    CoreSet("requests", (REQUESTS.family.name, REQUEST_SECONDS.family.name),
            "whether the service level is kept: without them there is no error budget",
            "count requests by code, observe durations in a histogram; a mapping brings other names there",
            usual=False, tiers=("gold",)),
)  # fmt: skip
"""In the order in which they are missed."""

GATE_VARIABLES = ("memstats.Alloc", "memstats.NumGC")
"""What a document of expvar has to have for its runtime numbers to be worth anything."""

GATE_METRIC = "process_cpu_seconds_total"
"""What a page of Prometheus text has to have: no program of another language or system shows it by chance."""
