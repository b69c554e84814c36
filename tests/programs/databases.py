"""Prometheus and VictoriaMetrics as receivers of remote write, with the queries that tests ask."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests import components
from tests.programs import loopback
from tests.programs.process import Running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Series = dict[str, str]


@dataclass(frozen=True, slots=True)
class Database:
    """A running database. ``write_url`` takes remote write; queries are PromQL over its HTTP API.

    ``flush_path`` is asked before every query, for a database that shows fresh samples late.
    """

    url: str
    write_url: str
    program: Running
    flush_path: str = ""

    def query(self, promql: str, time: float | None = None) -> list[tuple[Series, float]]:
        """Evaluate at one time (Unix seconds, now unless given): labels and value of every series.

        A scalar comes without labels. Raises AssertionError with the database's words on an error.
        """
        data = self._ask("/api/v1/query", query=promql, **_at(time))
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(row["metric"], float(row["value"][1])) for row in data["result"]]

    def samples(
        self, selector: str, window: str = "1h", time: float | None = None
    ) -> list[tuple[Series, list[tuple[int, float]]]]:
        """Give the stored samples of a window before ``time`` as (time_ms, value), oldest first.

        Nothing is interpolated. Stale markers are not shown by this API.
        """
        data = self._ask("/api/v1/query", query=f"{selector}[{window}]", **_at(time))
        return [
            (row["metric"], [(round(at * 1000), float(value)) for at, value in row["values"]])
            for row in data["result"]
        ]

    def series(self, *selectors: str, start: float | None = None, end: float | None = None) -> list[Series]:
        """Give the label sets that match, of the last hour unless told otherwise."""
        until = end if end is not None else time.time() + 60
        since = start if start is not None else until - 3660
        wanted = {"match[]": selectors, "start": since, "end": until}
        found: list[Series] = self._ask("/api/v1/series", **wanted)
        return found

    def _ask(self, path: str, **parameters: Any) -> Any:
        if self.flush_path:
            loopback.get(self.url + self.flush_path)
            parameters["nocache"] = (
                1  # else VictoriaMetrics moves "now" a second back, whatever its flag says
            )
        answer = loopback.get(f"{self.url}{path}?{urlencode(parameters, doseq=True)}")
        assert answer.status == 200, f"{path} {parameters}: {answer.status} {answer.body.decode()}"
        return json.loads(answer.body)["data"]


def _at(time_s: float | None) -> dict[str, float]:
    """Name the time of a query always: VictoriaMetrics takes a "now" that it chooses to the last second."""
    return {"time": time.time() if time_s is None else time_s}


@contextmanager
def prometheus(
    folder: Path, *flags: str, program: Path | None = None, rules: Path | None = None
) -> Iterator[Database]:
    """Run Prometheus with its data in ``folder``; it scrapes nothing and takes remote write 1.0.

    ``program`` is another one than that of the components, ``rules`` a file of rules.
    """
    config = folder / "prometheus.yml"
    config.write_text("scrape_configs: []\n" + (f"rule_files: ['{rules}']\n" if rules else ""))
    command = [
        str(program or components.find("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.enable-remote-write-receiver",
        *flags,
    ]
    with serving(
        lambda ports: [*command, f"--web.listen-address=127.0.0.1:{ports[0]}"],
        folder / "prometheus.log",
        ready_path="/-/ready",
    ) as (running, port):
        url = f"http://127.0.0.1:{port}"
        yield Database(url, f"{url}/api/v1/write", running)


@contextmanager
def victoria_metrics(folder: Path, *flags: str) -> Iterator[Database]:
    """Run VictoriaMetrics with its data in ``folder``; what was written is visible to the next query."""
    command = [
        str(components.find("victoria-metrics")),
        f"-storageDataPath={folder / 'data'}",
        "-retentionPeriod=100y",  # tests may write samples of any day
        "-search.latencyOffset=0s",
        "-search.disableCache",
        "-memory.allowedBytes=256MiB",
        *flags,
    ]
    with serving(
        lambda ports: [*command, f"-httpListenAddr=127.0.0.1:{ports[0]}"],
        folder / "victoria-metrics.log",
        ready_path="/health",
    ) as (program, port):
        url = f"http://127.0.0.1:{port}"
        yield Database(url, f"{url}/api/v1/write", program, flush_path="/internal/force_flush")
