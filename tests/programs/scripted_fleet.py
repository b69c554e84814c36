"""A fleet of services with planted defects: one server, each service a path of it, and its configuration.

A plan is a list of services; what an audit of them must say can be counted from it without any of our code.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import TYPE_CHECKING, Final

from tests import documents
from tests.programs import loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

JSON, TEXT, HTML = "application/json", "text/plain; version=0.0.4", "text/html"
TIMEOUT_S = 1.5
"""What the jobs of the fleet give a service; one that hangs takes all of it."""

_MEMSTATS: Final = (
    "alloc_bytes", "alloc_bytes_total", "sys_bytes", "mallocs_total", "frees_total", "heap_alloc_bytes",
    "heap_sys_bytes", "heap_idle_bytes", "heap_inuse_bytes", "heap_released_bytes", "heap_objects",
    "stack_inuse_bytes", "stack_sys_bytes", "mspan_inuse_bytes", "mspan_sys_bytes", "mcache_inuse_bytes",
    "mcache_sys_bytes", "buck_hash_sys_bytes", "gc_sys_bytes", "other_sys_bytes", "next_gc_bytes",
    "last_gc_time_seconds", "gc_cpu_fraction",
)  # fmt: skip
_PROCESS: Final = (
    "process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds",
    "process_open_fds", "process_max_fds", "process_virtual_memory_bytes",
)  # fmt: skip


def text(*, process: bool = True, requests: bool = True, typed: bool = True) -> bytes:
    """A page as the Go client writes it, with or without some of its parts."""
    lines = []
    for name in (*(f"go_memstats_{end}" for end in _MEMSTATS), "go_goroutines", *_PROCESS * process):
        lines += [f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}", f"{name} 7"]
    lines += ["# TYPE go_gc_duration_seconds summary", 'go_gc_duration_seconds{quantile="1"} 0.1']
    lines += ["go_gc_duration_seconds_sum 1.5", "go_gc_duration_seconds_count 3"]
    if requests:
        lines += ["# TYPE http_requests_total counter", 'http_requests_total{code="200"} 9']
        lines += ["# TYPE http_request_duration_seconds histogram"]
        lines += [f'http_request_duration_seconds_bucket{{le="{le}"}} 9' for le in ("0.1", "+Inf")]
        lines += ["http_request_duration_seconds_sum 0.5", "http_request_duration_seconds_count 9"]
    return "\n".join([line for line in lines if typed or line[0] != "#"] + [""]).encode()


@dataclass(frozen=True, slots=True)
class Kind:
    """What services of one kind answer, and what an audit must find them to be.

    ``state`` is that of a gold one; ``lower`` of silver and bronze ones, by tier, where it is another.
    """

    state: str
    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    reason: str = "ok"
    lower: dict[str, str] = field(default_factory=dict)

    def expected(self, tier: str) -> str:
        """The state of a service of that tier."""
        return self.lower.get(tier, self.state)


KINDS: Final[dict[str, Kind]] = {
    "text_full": Kind("covered", body=text(), content_type=TEXT),
    "text_untyped": Kind("covered", body=text(typed=False), content_type=TEXT),
    "text_no_process": Kind("partial", body=text(process=False), content_type=TEXT),
    "text_no_requests": Kind(
        "partial", body=text(requests=False), content_type=TEXT,
        lower={"silver": "covered", "bronze": "covered"},
    ),
    "expvar_goroutines": Kind(
        "partial", body=documents.body(goroutines=12), lower={"silver": "covered", "bronze": "covered"}
    ),
    "expvar_bare": Kind("partial", body=documents.body(), lower={"bronze": "covered"}),
    "expvar_business": Kind("no_runtime", body=b'{"orders": 12, "cmdline": ["/bin/x"]}'),
    "text_business": Kind("no_runtime", body=b"orders_total 12\n", content_type=TEXT),
    "html": Kind("no_format", body=b"<html><h1>It works</h1></html>", content_type=HTML, reason="bad_format"),
    "broken": Kind("no_format", body=b'{"memstats": {"Alloc": 1, ', reason="bad_json"),
    "prose": Kind("no_format", body=b"all is well here\n", content_type=TEXT, reason="bad_format"),
    "not_found": Kind("unreachable", 404, reason="not_found"),
    "auth": Kind("unreachable", 401, reason="auth"),
    "server": Kind("unreachable", 500, reason="server"),
    "rate_limited": Kind("unreachable", 429, reason="rate_limited"),
    "redirect": Kind("unreachable", 302, reason="redirect"),
    "hang": Kind("unreachable", 0, reason="timeout"),
    "refused": Kind("unreachable", reason="refused"),
}  # fmt: skip
"""Kind -> what it is; nothing listens where a ``refused`` one is registered."""


@dataclass(frozen=True, slots=True)
class Service:
    """One registered service. ``team`` may be empty."""

    name: str
    kind: str
    job: str = "services"
    customer_id: str = "acme"
    service_domain: str = "pay"
    sla_tier: str = "gold"
    team: str = ""

    @property
    def state(self) -> str:
        """What an audit must find it to be."""
        return KINDS[self.kind].expected(self.sla_tier)


_PATH: Final = (
    "{source_labels: [__kind], regex: '(.+)', target_label: __metrics_path__, replacement: '/svc/$1'}"
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """``port`` is that of the server, ``closed`` one where nobody listens."""

    port: int
    closed: int

    def config(self, plan: Sequence[Service], more: str = "") -> str:
        """A configuration that registers the services of a plan, with ``more`` YAML behind it."""
        jobs: dict[str, list[object]] = {}
        for one in plan:
            jobs.setdefault(one.job, []).append(self._group(one))
        times = f"{{ scrape_interval: 60s, scrape_timeout: {TIMEOUT_S * 1000:.0f}ms }}"
        lines = [f"global: {times}", "scrape_configs:"]
        for job, groups in jobs.items():
            lines += [f"  - job_name: {json.dumps(job)}", f"    static_configs: {json.dumps(groups)}"]
            lines.append(f"    relabel_configs: [{_PATH}]")
        return "\n".join([*lines, more]) + "\n"

    def _group(self, one: Service) -> object:
        labels = {
            "__kind": one.kind,
            "instance": one.name,
            "customer_id": one.customer_id,
            "service_domain": one.service_domain,
            "sla_tier": one.sla_tier,
            **({"team": one.team} if one.team else {}),
        }
        port = self.closed if one.kind == "refused" else self.port
        return {"targets": [f"127.0.0.1:{port}"], "labels": labels}


def random_plan(count: int, seed: int) -> list[Service]:
    """Services of every kind, owner and tier, drawn by chance; few hang."""
    chance = random.Random(seed)
    kinds = [kind for kind in KINDS if kind != "hang"]
    plan = []
    for index in range(count):
        kind = "hang" if index % 50 == 7 else chance.choice(kinds)
        plan.append(
            Service(
                f"svc-{index:03}", kind, chance.choice(("web", "batch", "edge")),
                chance.choice(("acme", "globex", "initech")), chance.choice(("pay", "ship", "search")),
                chance.choice(("gold", "silver", "bronze")), chance.choice(("red", "blue", "green", "")),
            )
        )  # fmt: skip
    return plan


def article_plan() -> list[Service]:
    """The starting point that the audit's purpose is taken from, as exact counts of 200 services.

    61 % of the services expose nothing usable, so 39 % of the scrapes succeed; 83 % of the Go ones have no
    runtime metrics. These are figures of this fixture and claims about nothing else.
    """
    counts = (
        ("go-services", "text_full", 10), ("go-services", "text_no_process", 7),
        ("go-services", "expvar_business", 40), ("go-services", "not_found", 30),
        ("go-services", "html", 13),
        ("other-services", "text_business", 21), ("other-services", "refused", 40),
        ("other-services", "not_found", 39),
    )  # fmt: skip
    plan = []
    for job, kind, count in counts:
        plan += [Service(f"{job}-{kind}-{index:03}", kind, job, team="platform") for index in range(count)]
    return plan


def states(plan: Sequence[Service], of: Callable[[Service], bool] = lambda _: True) -> Counter[str]:
    """How many services are in which state, counted from the plan."""
    return Counter(one.state for one in plan if of(one))


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer as the last part of the path says."""
        kind = KINDS[self.path.rpartition("/")[2]]
        if not kind.status:
            self.server.over.wait()
            self.close_connection = True
            return
        self.send_response(kind.status)
        self.send_header("Content-Type", kind.content_type)
        self.send_header("Content-Length", str(len(kind.body)))
        if kind.reason == "redirect":
            self.send_header("Location", "http://login.example/")
        self.end_headers()
        self.wfile.write(kind.body)

    def do_POST(self) -> None:
        """Refuse what is pushed."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    over: Event


@contextmanager
def scripted_fleet() -> Iterator[Fleet]:
    """Serve every kind of service."""
    server = _Server(("127.0.0.1", 0), _Answers)
    server.over = Event()
    with loopback.served(server):
        try:
            yield Fleet(server.server_address[1], loopback.free_port())
        finally:
            server.over.set()
