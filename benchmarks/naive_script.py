"""What a user would write by hand to do our job for a few Go services, in an afternoon and not badly.

``python naive_script.py targets.json http://receiver/api/v1/write``, where targets.json is
``[{"url": ..., "labels": {...}}, ...]``. It stands alone on purpose: requests, json, protobuf, snappy.
Connections stay open, regular expressions are compiled, samples travel 2,000 to a request.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import snappy
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SAMPLES = 2_000
NANOSECONDS = 1_000_000_000
NOT_A_NAME = re.compile(r"[^a-z0-9]+")
MEMSTATS = {
    "Alloc": "alloc_bytes", "TotalAlloc": "alloc_bytes_total", "Sys": "sys_bytes", "Mallocs": "mallocs_total",
    "Frees": "frees_total", "HeapAlloc": "heap_alloc_bytes", "HeapSys": "heap_sys_bytes",
    "HeapIdle": "heap_idle_bytes", "HeapInuse": "heap_inuse_bytes", "HeapReleased": "heap_released_bytes",
    "HeapObjects": "heap_objects", "StackInuse": "stack_inuse_bytes", "StackSys": "stack_sys_bytes",
    "MSpanInuse": "mspan_inuse_bytes", "MSpanSys": "mspan_sys_bytes", "MCacheInuse": "mcache_inuse_bytes",
    "MCacheSys": "mcache_sys_bytes", "BuckHashSys": "buck_hash_sys_bytes", "GCSys": "gc_sys_bytes",
    "OtherSys": "other_sys_bytes", "NextGC": "next_gc_bytes",
}  # fmt: skip
HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

Sample = tuple[str, dict[str, str], float]


def memstats(stats: dict[str, Any]) -> Iterator[Sample]:
    """The series that the official Go client makes of runtime.MemStats."""
    for field, name in MEMSTATS.items():
        yield f"go_memstats_{name}", {}, stats[field]
    yield "go_memstats_last_gc_time_seconds", {}, stats["LastGC"] / NANOSECONDS
    yield "go_gc_duration_seconds_sum", {}, stats["PauseTotalNs"] / NANOSECONDS
    yield "go_gc_duration_seconds_count", {}, stats["NumGC"]
    count = min(stats["NumGC"], 256)
    pauses = sorted(stats["PauseNs"][:count])
    for quarter, quantile in enumerate(["0", "0.25", "0.5", "0.75", "1"]):
        pause = pauses[min(count * quarter // 4, count - 1)] if count else 0
        yield "go_gc_duration_seconds", {"quantile": quantile}, pause / NANOSECONDS


def numbers(value: Any, path: str) -> Iterator[Sample]:
    """Every number below ``value``, named by its path."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from numbers(child, f"{path}_{key}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield NOT_A_NAME.sub("_", path.lower()).strip("_"), {}, value


def samples(document: dict[str, Any]) -> Iterator[Sample]:
    """All samples of one document."""
    for key, value in document.items():
        if key == "memstats":
            yield from memstats(value)
        elif key == "goroutines":
            yield "go_goroutines", {}, value
        elif key != "cmdline":
            yield from numbers(value, key)


def scrape(session: requests.Session, url: str) -> list[Sample]:
    """Fetch one target; the last five samples say how that went, as Prometheus would."""
    start = time.monotonic()
    try:
        response = session.get(url, timeout=10)
        response.raise_for_status()
        found = list(samples(json.loads(response.content)))
    except (requests.RequestException, ValueError, KeyError):
        found = []
    count = len(found)
    return [
        *found,
        ("up", {}, int(count > 0)),
        ("scrape_duration_seconds", {}, time.monotonic() - start),
        ("scrape_samples_scraped", {}, count),
        ("scrape_samples_post_metric_relabeling", {}, count),
        ("scrape_series_added", {}, 0),
    ]


def push(session: requests.Session, url: str, request: WriteRequest) -> None:
    """Send what has come together."""
    body = snappy.compress(request.SerializeToString())
    session.post(url, data=body, headers=HEADERS, timeout=30).raise_for_status()


def cycle(session: requests.Session, targets: list[dict[str, Any]], push_url: str) -> None:
    """Fetch all targets and push their series."""
    request = WriteRequest()
    for target in targets:
        time_ms = int(time.time() * 1000)
        found = scrape(session, target["url"])
        if request.timeseries and len(request.timeseries) + len(found) > MAX_SAMPLES:
            push(session, push_url, request)
            request = WriteRequest()
        for name, own, value in found:
            labels = {"__name__": name, **target["labels"], **own}
            series = request.timeseries.add()
            for key, text in sorted(labels.items()):
                label = series.labels.add()
                label.name = key
                label.value = text
            sample = series.samples.add()
            sample.value = value
            sample.timestamp = time_ms
    if request.timeseries:
        push(session, push_url, request)


def open_session(targets: int) -> requests.Session:
    """A session that keeps a connection to each of that many hosts; by default it keeps ten."""
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=targets + 1))
    return session


if __name__ == "__main__":
    listed = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    every_s = 60
    kept_open = open_session(len(listed))
    while True:
        cycle(kept_open, listed, sys.argv[2])
        time.sleep(every_s)
