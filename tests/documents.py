"""Expvar documents for tests, made here: no one else's payload is needed."""

from __future__ import annotations

import json
from typing import Any

from pushvar.catalogue import MEMSTATS

RING_SLOTS = 256


def memstats(*, cycles: int = 3, **fields: Any) -> dict[str, Any]:
    """A MemStats object with every field that Go prints, each number distinct, ``cycles`` GCs done."""
    pauses = [0] * RING_SLOTS
    for cycle in range(max(0, cycles - RING_SLOTS), cycles):
        pauses[cycle % RING_SLOTS] = 10_000 + 37 * cycle
    sizes = [{"Size": 8 * n, "Mallocs": 5 * n, "Frees": 3 * n} for n in range(61)]
    plain = [metric.source for metric in MEMSTATS if metric.source != "LastGC"]
    return {
        **{name: 1_000_000 + 1_111 * index for index, name in enumerate(plain)},
        "Lookups": 0,
        "LastGC": 1_795_173_629_484_342_123,
        "PauseTotalNs": sum(pauses),
        "PauseNs": pauses,
        "PauseEnd": [0] * RING_SLOTS,
        "NumGC": cycles,
        "NumForcedGC": 1,
        "GCCPUFraction": 0.0012,
        "EnableGC": True,
        "DebugGC": False,
        "BySize": sizes,
        **fields,
    }


def body(**variables: Any) -> bytes:
    """What ``/debug/vars`` answers: ``cmdline``, ``memstats`` and these variables, in Go's layout."""
    document = {"cmdline": ["/bin/orders", "-token=s3cret"], "memstats": memstats(), **variables}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(document.items())]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def raw_body(*entries: str) -> bytes:
    """A body in Go's layout with these entries exactly as they stand: for what is no JSON."""
    return ("{\n" + ",\n".join(entries) + "\n}\n").encode()
