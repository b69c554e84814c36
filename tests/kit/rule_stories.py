"""The scenes of every rule: when it fires, when it does not, and what each kind of gap does to it."""

from __future__ import annotations

from tests.kit.rule_scenes import DAY, HOUR, LANE, ONE, SERVICE, SHARD, TWO, Scene

NOTHING: set[str] = set()

OUTAGE = (
    Scene("pushvar stops", {f"pushvar_cycles_total{{{SHARD}}}": "0+1x30"},
          {20: {"DeadMansSwitch"}, 38: {"DeadMansSwitch"}, 42: {"DeadMansSwitch", "Silent"}}, always=True),
    Scene("pushvar ends its series", {f"pushvar_cycles_total{{{SHARD}}}": "0+1x30 stale"},
          {42: {"DeadMansSwitch", "Silent"}}, always=True),
    Scene("pushvar misses three cycles", {f"pushvar_cycles_total{{{SHARD}}}": "0+1x10 _x2 14+1x20"},
          {11: {"DeadMansSwitch"}, 13: {"DeadMansSwitch"}, 20: {"DeadMansSwitch"}}, always=True),
    Scene("a tenant is dark", {f"up{{{ONE}}}": "1x9 0x20", f"up{{{TWO}}}": "1x9 0x20"},
          {9: NOTHING, 11: NOTHING, 13: {"TenantDark", "JobDown"}}),
    Scene("a tenant of one target is no outage", {f"up{{{ONE}}}": "1x9 0x20"}, {20: {"TargetDown"}}),
    Scene("a tenant misses a sample", {f"up{{{ONE}}}": "1x9 _ 1x20", f"up{{{TWO}}}": "1x9 0 1x20"},
          {9: NOTHING, 10: NOTHING, 12: NOTHING}),
    Scene("a backend gets nothing",
          {f"pushvar_delivered_until_timestamp_seconds{{{LANE}}}": "0+60x10 600x40"},
          {10: NOTHING, 15: NOTHING, 19: {"DataLate"}, 28: {"DataLate", "BackendDark"}}),
    Scene("one of two shards gets nothing through",
          {f"pushvar_delivered_until_timestamp_seconds{{{LANE}}}": "0+60x50",
           'pushvar_delivered_until_timestamp_seconds{job="pushvar", instance="shard-1", backend="main"}':
           "0x50"},
          {40: {"DataLate"}}),
)  # fmt: skip

_DROPPED = f'pushvar_samples_dropped_total{{{LANE}, reason="too_old"}}'
_REFUSED = f'pushvar_samples_dropped_total{{{LANE}, reason="unauthorized"}}'

INFRA = (
    Scene(
        "a shard delivers nothing, then everything",
        {f"pushvar_delivered_until_timestamp_seconds{{{LANE}}}": "0+60x10 600x15 1560+60x20"},
        {15: NOTHING, 20: {"DataLate"}, 27: NOTHING},
    ),
    Scene("one target of two is down", {f"up{{{ONE}}}": "1x9 0x20 1x9", f"up{{{TWO}}}": "1x39"},
          {11: NOTHING, 13: {"TargetDown"}, 31: NOTHING}),
    Scene("a target fails once", {f"up{{{ONE}}}": "1x9 0 1x20"}, {10: NOTHING, 12: NOTHING, 14: NOTHING}),
    Scene("a target that is down misses a sample", {f"up{{{ONE}}}": "0x9 _ 0x9"}, {10: {"TargetDown"}}),
    Scene("all targets of a job", {f"up{{{ONE}}}": "0x20", f"up{{{TWO}}}": "0x20",
          'up{customer_id="acme", job="other", instance="c:1"}': "1x20"}, {10: {"JobDown"}}),
    Scene("a target is removed", {f"up{{{ONE}}}": "1x9 stale", f"up{{{TWO}}}": "1x60"},
          {12: NOTHING, 20: NOTHING, 60: NOTHING}),
    Scene("data of a target stops", {f"up{{{ONE}}}": "1x10", f"up{{{TWO}}}": "1x60"},
          {12: NOTHING, 13: NOTHING, 17: {"TargetSilent"}, 40: {"TargetSilent"}, 60: {"TargetSilent"}}),
    Scene("and comes back", {f"up{{{ONE}}}": "1x10 _x19 1x30", f"up{{{TWO}}}": "1x60"},
          {25: {"TargetSilent"}, 31: NOTHING, 50: NOTHING}),
    Scene("one sample is missing", {f"up{{{ONE}}}": "1x10 _ 1x20"}, {11: NOTHING, 12: NOTHING, 20: NOTHING}),
    Scene("a job vanishes", {f"up{{{ONE}}}": "1x9 stale"},
          {10: NOTHING, 17: {"JobVanished"}, 10 * HOUR: {"JobVanished"}, DAY + 20: NOTHING}),
    Scene("fetches take nearly the timeout",
          {f"up{{{ONE}}}": "1x40", f"scrape_duration_seconds{{{ONE}}}": "1x9 9x30"},
          {12: NOTHING, 20: {"FetchNearTimeout"}}),
    Scene("one of them does, again and again",
          {f"scrape_duration_seconds{{{ONE}}}": "9x2 1 9x2 1 9x2 1 9x2 1 9x2 1 9x2 1"},
          {14: NOTHING, 17: NOTHING}),
    Scene("a target publishes far more", {f"scrape_samples_scraped{{{ONE}}}": f"400x{DAY} 900x120"},
          {DAY: NOTHING, DAY + 60: {"SamplesGrow"}}),
    Scene("a small target doubles", {f"scrape_samples_scraped{{{ONE}}}": f"60x{DAY} 120x120"},
          {DAY + 60: NOTHING}),
    Scene("a budget costs series", {f'pushvar_series_shed_total{{{SHARD}, reason="series"}}': "7x20 9x40"},
          {10: {"SeriesShed"}, 18: NOTHING, 24: {"SeriesShed"}, 50: NOTHING}),
    Scene("no budget costs any", {f'pushvar_series_shed_total{{{SHARD}, reason="series"}}': "0x60"},
          {10: NOTHING, 50: NOTHING}),
    Scene("what waits grows",
          {f"pushvar_spool_samples{{{LANE}}}": "0x9 100+100x30 0x40"},
          {9: NOTHING, 32: {"SpoolGrows"}, 60: NOTHING}),
    Scene("what waits goes out", {f"pushvar_spool_samples{{{LANE}}}": "3100-100x30"}, {25: NOTHING}),
    Scene("the first drop makes the counter", {_DROPPED: "_x9 12x60"},
          {8: NOTHING, 10: {"SamplesDropped"}, 30: NOTHING}),
    Scene("drops of long ago", {_DROPPED: "12x10 _x40 12x60"}, {49: NOTHING, 52: NOTHING, 80: NOTHING}),
    Scene("a counter grows, with a gap", {_DROPPED: "12x10 _ 15x60"},
          {12: {"SamplesDropped"}, 30: NOTHING}),
    Scene("credentials are refused",
          {_REFUSED: "_x4 3+3x20 63x30"}, {10: {"CredentialsRefused"}, 50: NOTHING}),
    Scene("a configuration is refused",
          {f"pushvar_config_last_reload_successful{{{SHARD}}}": "1x9 0x20 1x9"},
          {12: NOTHING, 16: {"ConfigRefused"}, 31: NOTHING}),
    Scene("a cycle is lost", {f"pushvar_cycles_lost_total{{{SHARD}}}": "0x10 1x40"},
          {10: NOTHING, 12: {"CyclesLost"}, 40: NOTHING}),
    Scene("data is late for a moment",
          {f"pushvar_delivered_until_timestamp_seconds{{{LANE}}}": "0+60x10 _x3 840+60x20"},
          {13: NOTHING, 16: NOTHING, 20: NOTHING}),
)  # fmt: skip

_LIMIT = f"go_gc_gomemlimit_bytes{{{ONE}}}"
_HEAP = f"go_memstats_heap_inuse_bytes{{{ONE}}}"

RUNTIME = (
    Scene("goroutines over the threshold", {f"go_goroutines{{{ONE}}}": "100x9 6000x20"},
          {11: NOTHING, 12: NOTHING, 14: {"ManyGoroutines"}}),
    Scene("with a sample missing", {f"go_goroutines{{{ONE}}}": "6000x9 _ 6000x9"}, {10: {"ManyGoroutines"}}),
    Scene("a spike", {f"go_goroutines{{{ONE}}}": "100x9 6000x1 100x9"}, {11: NOTHING, 13: NOTHING}),
    Scene("a dip",
          {f"go_goroutines{{{ONE}}}": "6000x9 100 6000x9"},
          {9: {"ManyGoroutines"}, 10: NOTHING, 12: NOTHING}),
    Scene("the program ends",
          {f"go_goroutines{{{ONE}}}": "6000x9 stale"}, {9: {"ManyGoroutines"}, 15: NOTHING}),
    Scene("it was pushed once",
          {f"go_goroutines{{{ONE}}}": "_x9 9000 _x20"}, {10: NOTHING, 12: NOTHING, 14: NOTHING}),
    Scene("goroutines grow for hours", {f"go_goroutines{{{ONE}}}": f"900x{DAY} 900+5x480"},
          {DAY: NOTHING, DAY + 400: {"GoroutinesGrow"}}),
    Scene("few goroutines become more",
          {f"go_goroutines{{{ONE}}}": f"20x{DAY} 20+1x480"}, {DAY + 400: NOTHING}),
    Scene("threads", {f"go_threads{{{ONE}}}": "600x9 400x9"}, {5: {"ManyThreads"}, 15: NOTHING}),
    Scene("the heap is near the limit", {_HEAP: "850x9 700x9", _LIMIT: "1000x20"},
          {6: {"HeapNearLimit"}, 15: NOTHING}),
    Scene("there is no limit", {_HEAP: "8e17x9", _LIMIT: "9223372036854775807x9"}, {6: NOTHING}),
    Scene("the heap grows for hours", {_HEAP: "1e8+1e5x600", _LIMIT: "3e8x600"},
          {200: NOTHING, 560: {"HeapForecast"}}),
    Scene("the heap swings", {_HEAP: "1e8x600", _LIMIT: "3e8x600"}, {560: NOTHING}),
    Scene("a new program warms up", {_HEAP: "1e6+4e6x40", _LIMIT: "3e8x40"}, {40: NOTHING}),
    Scene("pauses", {f"go_gc_duration_seconds_sum{{{ONE}}}": "0+1.2x40"}, {10: NOTHING, 20: {"GcPauses"}}),
    Scene("short pauses, a gap",
          {f"go_gc_duration_seconds_sum{{{ONE}}}": "0+0.1x10 _ 1.2+0.1x40"}, {30: NOTHING}),
    Scene("the collector takes the CPU", {f"go_cpu_classes_gc_total_cpu_seconds_total{{{ONE}}}": "0+40x40",
          f"go_sched_gomaxprocs_threads{{{ONE}}}": "2x40"}, {8: NOTHING, 20: {"GcBusy"}}),
    Scene("the same share of more processors",
          {f"go_cpu_classes_gc_total_cpu_seconds_total{{{ONE}}}": "0+40x40",
          f"go_sched_gomaxprocs_threads{{{ONE}}}": "8x40"}, {20: NOTHING}),
    Scene("as memstats say", {f"go_memstats_gc_cpu_fraction{{{ONE}}}": "0.4x40"}, {20: {"GcBusy"}}),
    Scene("no collection any more", {f"go_memstats_last_gc_time_seconds{{{ONE}}}": "60+60x9 600x60"},
          {20: NOTHING, 30: {"GcSilent"}}),
    Scene("never a collection", {f"go_memstats_last_gc_time_seconds{{{ONE}}}": "0x60"}, {50: NOTHING}),
    Scene("descriptors",
          {f"process_open_fds{{{ONE}}}": "900x9 500x9", f"process_max_fds{{{ONE}}}": "1024x20"},
          {6: {"FilesNearLimit"}, 15: NOTHING}),
    Scene("restarts", {f"process_start_time_seconds{{{ONE}}}": "0x4 300x4 600x4 900x4 1200x80"},
          {12: NOTHING, 22: {"Restarts"}, 90: NOTHING}),
    Scene("restarts, as memstats show them", {f"go_memstats_mallocs_total{{{ONE}}}": "9x4 8x4 7x4 6x4 5x4"},
          {22: {"Restarts"}}),
)  # fmt: skip

_FAILED = f'app_orders_total{{{ONE}, result="failed"}}'
_GOOD = f'app_orders_total{{{ONE}, result="ok"}}'
_PAID, _FAST = (f"app_payment_duration_seconds_{name}" for name in ("count", "bucket"))

BUSINESS = (
    Scene("orders fail", {_FAILED: "0+1x40", _GOOD: "0+9x40"}, {4: NOTHING, 20: {"OrdersFail"}}),
    Scene("few orders fail", {_FAILED: "0+1x40", _GOOD: "0+99x40"}, {20: NOTHING}),
    Scene("a quiet night", {_FAILED: "0x9 1x40", _GOOD: "0+0.1x50"}, {12: NOTHING, 20: NOTHING}),
    Scene("orders fail, a sample is missing", {_FAILED: "0+1x15 _ 17+1x40", _GOOD: "0+9x15 _ 153+9x40"},
          {20: {"OrdersFail"}}),
    Scene("payments are fast", {f"{_PAID}{{{ONE}}}": "0+60x40", f'{_FAST}{{{ONE}, le="2"}}': "0+60x40"},
          {20: NOTHING}),
    Scene("payments are slow", {f"{_PAID}{{{ONE}}}": "0+60x40", f'{_FAST}{{{ONE}, le="2.0"}}': "0+50x40"},
          {4: NOTHING, 20: {"PaymentsSlow"}}),
    Scene("one payment is slow", {f"{_PAID}{{{ONE}}}": "0x9 1x40", f'{_FAST}{{{ONE}, le="2"}}': "0x50"},
          {15: NOTHING, 20: NOTHING}),
    Scene("a pool is full", {f'go_sql_in_use_connections{{{ONE}, db_name="main"}}': "10x9 5x20",
          f'go_sql_max_open_connections{{{ONE}, db_name="main"}}': "10x30"},
          {6: {"PoolSaturated"}, 15: NOTHING}),
    Scene("a pool without a limit", {f'go_sql_in_use_connections{{{ONE}, db_name="main"}}': "10x9",
          f'go_sql_max_open_connections{{{ONE}, db_name="main"}}': "0x9"}, {6: NOTHING}),
)  # fmt: skip

_WHOSE = 'customer_id="acme", service_domain="pay", sla_tier="gold"'

COVERAGE = (
    Scene("nobody audits", {'pushvar_audit_timestamp_seconds{job="audit"}': "0 _x100"},
          {6 * DAY: NOTHING, 7 * DAY + 70: {"AuditOld"}}),
    Scene("it was audited again",
          {'pushvar_audit_timestamp_seconds{job="audit"}': f"0 _x{6 * DAY - 1} {6 * DAY * 60} _x10"},
          {7 * DAY + 70: NOTHING}),
    Scene("coverage falls", {f"pushvar_coverage_ratio{{{_WHOSE}}}": f"1 _x{DAY - 1} 0.95 _x10"},
          {DAY - 10: NOTHING, DAY + 70: {"CoverageFell"}}),
    Scene("coverage rises", {f"pushvar_coverage_ratio{{{_WHOSE}}}": f"0.92 _x{DAY - 1} 0.95 _x10"},
          {DAY + 70: NOTHING}),
    Scene("coverage is low",
          {f"pushvar_coverage_ratio{{{_WHOSE}}}": "0.5 _x10"}, {50: NOTHING, 70: {"CoverageLow"}}),
)  # fmt: skip


def requests(errors: str, good: str, whose: str = ONE) -> dict[str, str]:
    """Requests with 5xx and without."""
    return {
        f'http_requests_total{{{whose}, code="500"}}': errors,
        f'http_requests_total{{{whose}, code="200"}}': good,
    }


_BRONZE = ONE.replace("gold", "bronze")
_SECONDS = "http_request_duration_seconds"
_PER_OWNER = f"{{{SERVICE}}}"


def durations(fast: str, every: str, bound: str = "0.1") -> dict[str, str]:
    """A histogram with the bound that is promised."""
    return {
        f'{_SECONDS}_bucket{{{ONE}, le="{bound}"}}': fast,
        f'{_SECONDS}_bucket{{{ONE}, le="+Inf"}}': every,
        f"{_SECONDS}_count{{{ONE}}}": every,
    }


SLO = (
    Scene("half a percent fails: gold", requests("0+1x90", "0+199x90"),
          {80: {"ErrorBudgetPage", "ErrorBudgetTicket"}},
          {80: {"sla:objective:ratio": 0.9999, 'sla:error_budget:ratio{sla_tier="gold"}': 0.0001,
                'sla:error_budget:ratio{sla_tier="bronze"}': 0.005,
                f"tenant:http_requests:error_ratio_rate5m{_PER_OWNER}": 0.005,
                f"tenant:http_requests:success_ratio_rate10m{_PER_OWNER}": 0.995,
                f"tenant:http_requests:rate5m{_PER_OWNER}": 3.33333}}),
    Scene("half a percent fails: bronze", requests("0+1x90", "0+199x90", _BRONZE), {80: NOTHING}),
    Scene("a tenth fails: bronze", requests("0+20x90", "0+180x90", _BRONZE),
          {80: {"ErrorBudgetPage", "ErrorBudgetTicket"}}),
    Scene("1.5 % fail: the ratio is not silent", requests("0+3x90", "0+197x90"),
          values={80: {f"tenant:http_requests:success_ratio_rate10m{_PER_OWNER}": 0.985}}),
    Scene("one of three a minute fails, once, in a quiet night", requests("0x60 1x120", "0+3x180"),
          {62: NOTHING, 64: NOTHING, 70: NOTHING, 100: NOTHING, 170: NOTHING}),
    Scene("all of three a minute fail", requests("0x60 3+3x60", "0+3x60 180x60"), {72: {"ErrorBudgetPage"}}),
    Scene("no traffic at all", requests("5x90", "900x90"), {80: NOTHING}),
    Scene("clients give up",
          {**requests("0x90", "0+100x90"), f'http_requests_total{{{ONE}, code="499"}}': "0+100x90"},
          {80: NOTHING}, {80: {f"tenant:http_requests:success_ratio_rate10m{_PER_OWNER}": 1,
                               f"tenant:http_requests:rate5m{_PER_OWNER}": 1.66667}}),
    Scene("pages end soon after the errors", requests("0+10x60 600x60", "0+190x120"),
          {60: {"ErrorBudgetPage", "ErrorBudgetTicket"}, 94: {"ErrorBudgetTicket"}}),
    Scene("a sample is missing", requests("0+10x60 _ 620+10x20", "0+190x60 _ 11780+190x20"),
          {62: {"ErrorBudgetPage", "ErrorBudgetTicket"}}),
    Scene("errors for days, few of them", requests("0+1x2000", "0+2499x2000"),
          {1900: {"ErrorBudgetTicket", "BudgetSpent"}}),
    Scene("the budget of a period", requests("0+1x600", "0+19999x600"),
          {500: NOTHING}, {500: {f"tenant:error_budget:remaining_ratio{_PER_OWNER}": 0.5}}),
    Scene("answers are slow", durations("0+20x90", "0+100x90"),
          {80: {"LatencyBudgetPage", "LatencyBudgetTicket"}},
          {80: {f"tenant:{_SECONDS}:slow_ratio_rate5m{_PER_OWNER}": 0.8}}),
    Scene("answers are fast", durations("0+99x90", "0+100x90"), {80: NOTHING},
          {80: {f"tenant:{_SECONDS}:p95_rate5m{_PER_OWNER}": 0.09596}}),
    Scene("answers get slow: a ticket", durations("0+84x200", "0+100x200"), {190: {"LatencyBudgetTicket"}}),
    Scene("the promised bound is not there", durations("0+20x90", "0+100x90", "0.25"), {80: NOTHING}),
    Scene("one slow answer in a quiet night", durations("0x60", "0x30 1x60"), {35: NOTHING, 60: NOTHING}),
    Scene("a deployment makes it worse",
          {**requests("0x120 10+10x60", "0+990x200"), f'deploy_timestamp_seconds{{{ONE}, version="2"}}':
           "_x115 6900 _x60"},
          {115: NOTHING, 128: {"DeployRegression"}}),
    Scene("a deployment in a quiet night, one request fails",
          {**requests("0x120 1x60", "0+3x200"),
           f'deploy_timestamp_seconds{{{ONE}, version="2"}}': "_x115 6900"},
          {123: NOTHING, 128: NOTHING}),
    Scene("it was worse before",
          {**requests("0+10x200", "0+990x200"),
           f'deploy_timestamp_seconds{{{ONE}, version="2"}}': "_x115 6900"},
          {128: {"ErrorBudgetPage", "ErrorBudgetTicket", "BudgetSpent"}}),
    Scene("pauses are recorded", {f"go_gc_duration_seconds_sum{{{ONE}}}": "0+0.06x20"},
          values={20: {"instance:go_gc_pause_seconds:rate5m": 0.001}}),
)  # fmt: skip

STORIES = {
    "outage": OUTAGE,
    "infra": INFRA,
    "runtime": RUNTIME,
    "business": BUSINESS,
    "coverage": COVERAGE,
    "slo": SLO,
}
"""Rule set -> its scenes; batch jobs have theirs in test_batch_alerts.py."""
