"""The receiver: it listens, judges, keeps and shows. This is the class that commands and tests use."""

from __future__ import annotations

import time
from threading import Lock, Thread
from typing import TYPE_CHECKING

from pushvar.errors import ConfigError
from pushvar.receiver import queries
from pushvar.receiver.answers import WRITE_PATH
from pushvar.receiver.check import check_request, refuse
from pushvar.receiver.envelope import Limits, check_headers, too_large
from pushvar.receiver.frame import View
from pushvar.receiver.handler import Handler
from pushvar.receiver.listener import Listener
from pushvar.receiver.memory import Memory
from pushvar.receiver.store import Arrival, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from pushvar.receiver.check import Checked
    from pushvar.receiver.decode import Sample
    from pushvar.receiver.queries import RequestInfo, SeriesInfo, TargetHealth, Totals, ViolationCount

DEFAULT_RETENTION_S = 6 * 3600.0
_LONGEST_SWEEP_INTERVAL_MS = 60_000
_STOP_POLL_S = 0.02
_ORDER_MS = 3600 * 1000
"""How long a series' latest sample is remembered at least: older samples are refused for their age."""


def wall_clock_ms() -> int:
    """Now, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Receiver:
    """A strict remote-write receiver with a page, in a thread of its own; a context manager.

    ``port`` 0 takes a free one; ``url`` and ``write_url`` are known after ``start``. Without
    ``database_path`` everything lies in a temporary file that ``stop`` removes, so the questions
    (``targets``, ``series``, ...) are answered between ``start`` and ``stop`` only.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        database_path: Path | None = None,
        retention_s: float = DEFAULT_RETENTION_S,
        *,
        limits: Limits | None = None,
        clock_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self.host, self.port = host, port
        self.retention_s = retention_s
        self.limits = limits or Limits()
        self.store = Store(database_path)
        self._clock_ms = clock_ms
        self._memory = Memory()
        self._lock = Lock()
        self._swept_ms = 0
        self._server: Listener | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Where the page is, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def write_url(self) -> str:
        """Where remote write requests go."""
        return self.url + WRITE_PATH

    def start(self) -> Self:
        """Open the database and listen. Raises ConfigError for a taken port, StateError for a bad file."""
        self.store.open()
        self._memory = self.store.recall()
        try:
            self._server = Listener((self.host, self.port), Handler, self)
        except (OSError, OverflowError) as error:
            self.store.close()
            place = f"{self.host}:{self.port}"
            raise ConfigError(
                "", f"cannot listen on {place}: {error}", hint="port 0 takes a free one"
            ) from error
        self.port = self._server.server_address[1]
        self._thread = Thread(
            target=self._server.serve_forever, args=(_STOP_POLL_S,), name="receiver", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, end the connections, close the database. Idempotent."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.close()
            self._server = self._thread = None
        self.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def write(self, headers: Sequence[tuple[str, str]], body: bytes) -> Checked:
        """Judge one request and keep what is valid; one at a time, for order is part of the judgement."""
        with self._lock:
            now_ms = self._clock_ms()
            self._sweep_if_due(now_ms)
            checked = check_request(headers, body, self._memory, now_ms, self.limits)
            self._keep(headers, checked, now_ms, len(body))
        return checked

    def refuse_size(self, headers: Sequence[tuple[str, str]], size_bytes: int) -> Checked:
        """Judge a request by its announced size alone."""
        version, found = check_headers(headers)
        checked = refuse([*found, too_large(size_bytes, self.limits)], version)
        with self._lock:
            self._keep(headers, checked, self._clock_ms(), size_bytes)
        return checked

    def view(self, path: str, parameters: Mapping[str, str]) -> View:
        """What a page needs to know."""
        with self._lock:
            self._sweep_if_due(self._clock_ms())
        return View(self.store, self._clock_ms(), self.write_url, self.retention_s, path, parameters)

    def targets(self) -> tuple[TargetHealth, ...]:
        """Every target that sent an ``up``, the troubled ones first."""
        return queries.targets(self.store, self._clock_ms())

    def series(self, match: Mapping[str, str] | None = None) -> tuple[SeriesInfo, ...]:
        """The series whose labels have these values (``__name__`` is one), all without a match."""
        return queries.series(self.store, match)

    def samples(self, labels: Mapping[str, str]) -> tuple[Sample, ...]:
        """The samples of the series with exactly these labels, oldest first."""
        return queries.samples_of(self.store, labels)

    def violations(self) -> tuple[ViolationCount, ...]:
        """What was wrong, the latest first; warnings are among them."""
        return queries.violations(self.store)

    def requests(self, limit: int = 200) -> tuple[RequestInfo, ...]:
        """The last requests, the latest first."""
        return queries.requests(self.store, limit)

    def totals(self) -> Totals:
        """What was counted since the database was made."""
        return queries.totals(self.store)

    def _keep(
        self, headers: Sequence[tuple[str, str]], checked: Checked, now_ms: int, body_bytes: int
    ) -> None:
        agent = next((value for name, value in headers if name.lower() == "user-agent"), "")
        self.store.record(Arrival(now_ms, body_bytes, agent), checked)
        self._memory.remember(checked)

    def _sweep_if_due(self, now_ms: int) -> None:
        retention_ms = int(self.retention_s * 1000)
        if now_ms - self._swept_ms < min(_LONGEST_SWEEP_INTERVAL_MS, retention_ms // 4):
            return
        self._swept_ms = now_ms
        gone = self.store.sweep(now_ms - retention_ms)
        self._memory.forget(now_ms - max(retention_ms, _ORDER_MS), gone)
