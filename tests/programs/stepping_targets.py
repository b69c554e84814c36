"""Two targets whose every document differs, and the log of all that they served.

Each value tells which document it stood in and under which name, so that whoever has a sample can find
out when it was served, by this log alone.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import TYPE_CHECKING

from tests.programs import loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JOBS = ("alpha", "beta")
NAMES = tuple(f"fault_{index:02}_total" for index in range(20))
HEALTH = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
SAMPLES = len(NAMES) + len(HEALTH)
"""What one scrape of one target amounts to."""

_APART = 1000


@dataclass(frozen=True, slots=True)
class Served:
    """One document that went out whole: the number of its step, and when it was asked for (Unix ms)."""

    job: str
    step: int
    asked_ms: int


@dataclass(slots=True)
class SteppingTargets:
    """``address`` + ``/<job>`` is a target; ``before_cycle`` hears of each cycle before it is answered.

    ``ends`` says from which step on documents of the last job lack the last name; 0: never.
    """

    address: str
    log: list[Served] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=lambda: dict.fromkeys(JOBS, 0))
    before_cycle: Callable[[int], None] = lambda _cycle: None
    ends: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def cycle(self) -> int:
        """How many cycles have begun, from 1: the first job's documents are counted."""
        return self.steps[JOBS[0]]

    def step(self, job: str) -> int:
        """Begin the next step of a job."""
        with self.lock:
            self.steps[job] += 1
            step = self.steps[job]
        if job == JOBS[0]:
            self.before_cycle(step)
        return step


def value_of(step: int, name: str) -> float:
    """What a document says under a name."""
    return step * _APART + NAMES.index(name)


def step_of(value: float) -> int:
    """Which document a value stood in."""
    return int(value) // _APART


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    targets: SteppingTargets


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Serve the next document of the job that the path names."""
        asked_ms, job = time.time_ns() // 1_000_000, self.path.strip("/")
        targets = self.server.targets
        step = targets.step(job)
        ended = job == JOBS[-1] and 0 < targets.ends <= step
        names = NAMES[:-1] if ended else NAMES
        body = json.dumps({name: value_of(step, name) for name in names}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        with targets.lock:
            targets.log.append(Served(job, step, asked_ms))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Stay silent: the log is kept elsewhere."""


@contextmanager
def stepping_targets() -> Iterator[SteppingTargets]:
    """Serve them on a free port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.targets = SteppingTargets(f"127.0.0.1:{server.server_port}")
    with loopback.served(server):
        yield server.targets
