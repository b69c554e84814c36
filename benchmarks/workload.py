"""The workload of all benchmarks: 500 targets of one kind, 60 series each, 8 to 10 labels a series.

Documents are laid out as Go 1.26's expvar prints them and come from a seed, so that every run sees
the same bytes. They are one program's history, a minute from each to the next: counters grow, gauges
move, five collections enter the ring of GC pauses. Every target stands at another point of it.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TARGETS = 500
SERIES = 60
"""Per target: 29 of memstats, go_goroutines, 25 of the application, and the 5 health series."""

POOL = 64
"""Documents in the history; after the last comes the first, as after a restart."""

_SEED = 20_260_101
STEP = 7
"""How far apart in the pool two neighbours read."""
_START_NS = 1_795_000_000_000_000_000
_RING_SLOTS = 256
_FIRST_CYCLES = 1_843  # collections before the first document: the ring has been full for long
_CYCLES = 5  # collections in a minute
_SIZE_CLASSES = (
    0, 8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384,
    416, 448, 480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072,
    3200, 3456, 4096, 4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336,
    16384, 18432,
)  # fmt: skip
_TIERS = ("gold", "silver", "bronze")


def documents(count: int = POOL) -> list[bytes]:
    """The pool of documents. The ``n``-th is the same in every run."""
    return [document(number) for number in range(count)]


def turn(target: int, generation: int, pool: int = POOL) -> int:
    """Which document of the pool a target shows in a generation: another one in each."""
    return (target * STEP + generation) % pool


def document(number: int) -> bytes:
    """One document, about 10.8 KB, as net/http's ``expvar.Handler`` writes it."""
    dice = random.Random(_SEED + number)
    variables: dict[str, Any] = {
        "cmdline": ["/srv/orders", "-listen=:8080"],
        "memstats": _memstats(dice, number),
        **_application(dice, number),
    }
    lines = [f"{json.dumps(key)}: {_printed(key, value)}" for key, value in sorted(variables.items())]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _printed(key: str, value: Any) -> str:
    """encoding/json prints cmdline and memstats without spaces, expvar.Map has some."""
    return json.dumps(value, separators=(",", ":") if key in {"cmdline", "memstats"} else (", ", ": "))


def _application(dice: random.Random, number: int) -> dict[str, Any]:
    """25 numbers, some in maps, and go_goroutines."""

    def counted(per_document: int) -> int:
        return per_document * 40 + number * per_document + dice.randrange(per_document)

    def orders() -> dict[str, int]:
        return {state: counted(900) for state in ("cancelled", "paid", "placed", "shipped")}

    routes = ("DELETE /orders/{id}", "GET /orders", "GET /orders/{id}", "POST /orders")
    return {
        "cache": {
            "entries": dice.randrange(5_000, 9_000),
            "evicted_total": counted(700),
            "hits_total": counted(90_000),
            "misses_total": counted(4_000),
        },
        "db_pool": {
            "idle": dice.randrange(8),
            "in_use": dice.randrange(32),
            "open": dice.randrange(32, 40),
            "wait_seconds_total": round(counted(90) + dice.random(), 6),
        },
        "goroutines": dice.randrange(40, 400),
        "http_requests": {route: counted(20_000) for route in routes},
        "last_order_eur": round(dice.uniform(5, 500), 2),
        "orders": {"card": orders(), "invoice": orders()},
        "orders_placed_total": counted(2_000),
        "queue_depth": dice.randrange(12),
        "revenue_eur_total": round(counted(70_000) + dice.random(), 2),
        "uptime_seconds": round(3_600 + number * 60 + dice.random(), 3),
        "version": "1.4.2",
    }


def _memstats(dice: random.Random, number: int) -> dict[str, Any]:
    """``runtime.MemStats`` in the order of its fields."""
    alloc = dice.randrange(60_000_000, 190_000_000)
    mallocs = 81_234_567 + number * 3_310_000 + dice.randrange(1_000_000)
    objects = dice.randrange(300_000, 900_000)
    heap_sys = 230_686_720 + dice.randrange(16) * 4_194_304
    inuse = alloc + dice.randrange(2_000_000, 9_000_000)
    cycles = _FIRST_CYCLES + number * _CYCLES
    pauses, ends = _rings(cycles)
    stack = dice.randrange(10, 90) * 32_768
    scalars = {
        "Alloc": alloc, "TotalAlloc": 48_123_456_789 + number * 912_000_000 + dice.randrange(900_000_000),
        "Sys": heap_sys + 21_000_000, "Lookups": 0, "Mallocs": mallocs, "Frees": mallocs - objects,
        "HeapAlloc": alloc, "HeapSys": heap_sys, "HeapIdle": heap_sys - inuse, "HeapInuse": inuse,
        "HeapReleased": dice.randrange(1_000_000, 9_000_000), "HeapObjects": objects,
        "StackInuse": stack, "StackSys": stack, "MSpanInuse": dice.randrange(500_000, 1_100_000),
        "MSpanSys": 1_158_720, "MCacheInuse": 4_592, "MCacheSys": 16_072, "BuckHashSys": 1_443_264,
        "GCSys": dice.randrange(3_000_000, 9_000_000), "OtherSys": dice.randrange(500_000, 2_000_000),
        "NextGC": dice.randrange(200_000_000, 260_000_000), "LastGC": ends[(cycles - 1) % _RING_SLOTS],
        "PauseTotalNs": cycles * 151_000 + dice.randrange(151_000),
    }  # fmt: skip
    return {
        **scalars,
        "PauseNs": pauses,
        "PauseEnd": ends,
        "NumGC": cycles,
        "NumForcedGC": 0,
        "GCCPUFraction": dice.uniform(0.001, 0.05),
        "EnableGC": True,
        "DebugGC": False,
        "BySize": list(_by_size(dice, number)),
    }


def _rings(cycles: int) -> tuple[list[int], list[int]]:
    """The last 256 pauses and their ends; collection ``n`` (from 1) stands in slot ``(n - 1) % 256``."""
    pauses, ends = [0] * _RING_SLOTS, [0] * _RING_SLOTS
    for cycle in range(cycles - _RING_SLOTS + 1, cycles + 1):
        slot = (cycle - 1) % _RING_SLOTS
        dice = random.Random(_SEED ^ cycle)  # a pause stays what it was
        pauses[slot] = int(dice.lognormvariate(11.6, 0.6))  # the median is 109 µs
        ends[slot] = _START_NS + cycle * 12_000_000_000 + dice.randrange(1_000_000_000)
    return pauses, ends


def _by_size(dice: random.Random, number: int) -> Iterator[dict[str, int]]:
    for size in _SIZE_CLASSES:
        mallocs = int(dice.lognormvariate(9.3, 2.0)) * (1 + number // 8) if size else 0
        yield {"Size": size, "Mallocs": mallocs, "Frees": mallocs - mallocs // dice.randrange(3, 30)}


def configuration(addresses: Sequence[str], push_url: str, message: str = "prometheus.WriteRequest") -> str:
    """A pushvar configuration of these targets (JSON, which YAML understands) with one backend."""
    document = {
        "global": {
            "scrape_interval": "60s",
            "self_metrics": False,
            "external_labels": {"region": "eu-west-1"},
        },
        "scrape_configs": [
            {
                "job_name": "pay-orders",
                "static_configs": [
                    {"targets": [address], "labels": _labels(number)}
                    for number, address in enumerate(addresses)
                ],
            }
        ],
        "remote_write": [{"name": "sink", "url": push_url, "protobuf_message": message}],
    }
    return json.dumps(document, indent=1)


def addresses(count: int) -> list[str]:
    """Addresses for targets that nobody will fetch."""
    return [f"10.0.{number // 250}.{number % 250 + 1}:8080" for number in range(count)]


def _labels(number: int) -> dict[str, str]:
    """Labels of a target besides job, instance, region and service_domain; every second one has a pod."""
    dice = random.Random(number)
    labels = {"customer_id": f"cust-{number % 40:03}", "sla_tier": _TIERS[number % 3], "env": "prod"}
    if number % 2:
        labels["pod"] = f"orders-6f9c4d-{dice.randrange(16**5):05x}"
    return labels
