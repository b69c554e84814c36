"""A remote-write encoder from PyPI at work, in a process that sees its packages and the standard library.

``python -S -P encoders_client.py opentelemetry|writer FILE`` with PYTHONPATH at the packages. FILE has the
labels of all series and the values of some cycles (see ``encoders``). A line ``encode N`` is
answered with the CPU seconds that the requests of cycle N take, compressed; ``keep N FILE`` writes these
requests to a file, each behind its length in four bytes. Each encoder is used through its own public call,
with the sending taken out, on input that is made ready before: labels sorted, objects built.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Series = tuple[dict[str, str], float, int]
    """Labels, the name among them and sorted; the value; the time in ms."""
    Encode = Callable[[], list[bytes]]


def opentelemetry(requests: Sequence[Sequence[Series]]) -> Encode:
    """opentelemetry-exporter-prometheus-remote-write: ``export``, once for each request."""
    from opentelemetry.exporter.prometheus_remote_write import (  # type: ignore[import-not-found]
        PrometheusRemoteWriteMetricsExporter as Exporter,
    )
    from opentelemetry.sdk.metrics.export import MetricExportResult  # type: ignore[import-not-found]

    exporter = Exporter("http://127.0.0.1:1/write")
    sent: list[bytes] = []

    def keep(body: bytes, _headers: object) -> object:
        sent.append(body)
        return MetricExportResult.SUCCESS

    exporter._send_message = keep  # noqa: SLF001 - it has no seam for a transport
    ready = [_metrics_data(series) for series in requests]

    def encode() -> list[bytes]:
        sent.clear()
        for data in ready:
            exporter.export(data)
        return sent

    return encode


def _metrics_data(series: Sequence[Series]) -> Any:
    """The data of one request as its SDK would hand them over: a gauge for each name."""
    from opentelemetry.sdk.metrics import export  # type: ignore[import-not-found]
    from opentelemetry.sdk.resources import Resource  # type: ignore[import-not-found]
    from opentelemetry.sdk.util.instrumentation import (  # type: ignore[import-not-found]
        InstrumentationScope,
    )

    points: dict[str, list[Any]] = {}
    for labels, value, time_ms in series:
        own = {key: text for key, text in labels.items() if key != "__name__"}
        point = export.NumberDataPoint(own, 0, time_ms * 1_000_000, value)
        points.setdefault(labels["__name__"], []).append(point)
    metrics = [export.Metric(name, "", "", export.Gauge(found)) for name, found in points.items()]
    scope = export.ScopeMetrics(InstrumentationScope("benchmark"), metrics, "")
    return export.MetricsData([export.ResourceMetrics(Resource({}), [scope], "")])


def writer(requests: Sequence[Sequence[Series]]) -> Encode:
    """prometheus-remote-writer: ``send``, once for each request."""
    from prometheus_remote_writer import RemoteWriter  # type: ignore[import-not-found]

    client = RemoteWriter("http://127.0.0.1:1/write")
    sent: list[bytes] = []
    client._send_message = sent.append  # noqa: SLF001 - it has no seam for a transport
    ready = [
        [{"metric": labels, "values": [value], "timestamps": [time_ms]} for labels, value, time_ms in series]
        for series in requests
    ]

    def encode() -> list[bytes]:
        sent.clear()
        for items in ready:
            client.send(items)
        return sent

    return encode


KINDS = {"opentelemetry": opentelemetry, "writer": writer}


def _cycles(path: str) -> list[list[list[Series]]]:
    """Each cycle's requests."""
    given = json.loads(Path(path).read_text())
    size, labels = given["per_request"], given["labels"]
    cycles = [list(zip(labels, one["values"], one["times_ms"], strict=True)) for one in given["cycles"]]
    return [[series[at : at + size] for at in range(0, len(series), size)] for series in cycles]


def main(kind: str, path: str) -> None:
    """Answer until standard input ends."""
    encoders = [KINDS[kind](cycle) for cycle in _cycles(path)]
    gc.collect()
    gc.freeze()  # as the side of pushvar does it
    print("ready", flush=True)
    for line in sys.stdin:
        order, number, *where = line.split()
        start = time.process_time()
        bodies = encoders[int(number) % len(encoders)]()
        taken_s = time.process_time() - start
        if order == "keep":
            Path(where[0]).write_bytes(b"".join(len(body).to_bytes(4) + body for body in bodies))
        print(taken_s, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
