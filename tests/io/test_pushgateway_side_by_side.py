"""The same requests to a real Pushgateway and to our front door: answers and groups compared after each one.

Where the two differ on purpose, the step names the difference, and it must be there: a step whose
difference is gone fails too. ``docs/pushgateway-compatibility.md`` lists the same differences.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import snappy
from pushvar.app.type_tables import TypeTables
from pushvar.config.schema import Authorization, Gateway, GatewayCredential
from pushvar.config.values import SecretRef
from pushvar.jobs.api import Effects, PushApi
from pushvar.jobs.exchange import PushRequest
from pushvar.state import open_state
from pushvar.wire.proto import client_model_pb2 as model

from tests.programs import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.programs.servers import Server

DOCUMENT = Path(__file__).parents[2] / "docs" / "pushgateway-compatibility.md"
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
BARRIER = "barrier"


DIFFERENCES: dict[str, tuple[str, str]] = {
    "slash": (
        "`%2F` is a slash inside a job or a value: a path is split before it is unescaped",
        "it answers 301, which loses a push in most clients, or counts the slash as a separator",
    ),
    "redirect": (
        "Nothing is redirected: `//`, `/../` and a last `/` stand for themselves, which mostly is 400 or 404",
        "301 and 307, which lose a push in most clients",
    ),
    "group": (
        "A push that is refused makes no group",
        "it makes an empty one with `push_time_seconds` 0, and may then answer every scrape with 500",
    ),
    "failure": (
        "Every refused push sets `push_failure_time_seconds` of its group, if there is one",
        "a body that cannot be parsed sets nothing, so an alert does not see it",
    ),
    "own": (
        "No metrics of the gateway itself are in `/metrics`, and none contradicts a push",
        "its own `go_*` and `process_*` refuse these names with another type, and replace their help",
    ),
    "untyped": (
        "A family without a type contradicts nobody",
        "a `curl` without a TYPE line would be refused because of somebody else's",
    ),
    "suffixes": (
        "A metric `h_count` beside another group's histogram `h` is taken; `/metrics` shows both untyped",
        "400: the one that comes later is refused",
    ),
    "empty": (
        "An empty label is none: of two series or groups that differ in nothing else the second is 400",
        "so Prometheus sees it; the Pushgateway takes both, and a scrape then loses one",
    ),
    "health": (
        "`up` and `scrape_*` are refused",
        "every target has them already, made by who scrapes or forwards it",
    ),
    "push_times": (
        "`push_time_seconds` and `push_failure_time_seconds` in a body are always passed over",
        "a pushed failure time counts from the second push on, or is 400",
    ),
    "openmetrics": (
        "OpenMetrics is read as such when it is declared; `# EOF` may be missing at its end",
        "it is read as text: counters lose their type, an exemplar is 400",
    ),
    "json": (
        "`application/json` is an expvar document, as in `/debug/vars`",
        "whatever is declared is read as text",
    ),
    "encoding": (
        "An unknown `Content-Encoding` is 415",
        "compressed bytes are read as text",
    ),
    "cut": (
        "A gzip body that is cut off, or that something follows, is 400",
        "the lines that arrived would replace the group",
    ),
    "buckets": (
        "Two buckets of one histogram with the same bound are 400",
        "its `/metrics` shows a series twice",
    ),
    "bounds": (
        "`le` as a label of a histogram's group, or of a histogram in protobuf, is 400",
        "its `/metrics` shows the label twice",
    ),
    "counts": (
        "A summary's count that is negative or NaN is 400",
        "it becomes a huge number",
    ),
    "inf": (
        "A histogram has its bucket `+Inf` in `/api/v1/metrics` too",
        "it is only in `/metrics`, unless it was pushed",
    ),
    "names": (
        "Illegal names of families in protobuf are 400",
        "its `/metrics` then cannot be parsed",
    ),
    "gauge_histogram": (
        "Gauge histograms in protobuf are 400",
        "every scrape is then broken off",
    ),
    "customer": (
        "A `customer_id` in path or header (`X-Customer-ID`) must be the credential's; it labels no group",
        "whose series they are follows from the credential alone; another customer's is 403",
    ),
    "derived": (
        "`service_domain`, `sla_tier`, `tenant_id` and `cluster_id` in a path are 400",
        "pushvar makes these labels itself",
    ),
    "credentials": (
        "A wrong credential is 401, one for another customer 403; reads need one too",
        "it has one list of users for everything, and ignores a header that it did not ask for",
    ),
    "ttl": (
        "A group ends: after `X-Pushvar-TTL` (a duration, or seconds), else after `ttl` in `gateway`",
        "it keeps groups for ever",
    ),
    "limits": (
        "Bodies, series, labels and groups are limited: 413, 400, 429, with words that say which limit",
        "it takes whatever fits its memory",
    ),
    "head": ("HEAD is answered like GET", "405"),
    "pages": (
        "There is no web page, no `/debug/pprof`, no `/-/quit` and no `/api/v1/admin`: 404",
        "what is held is in `/api/v1/metrics`, and `pushvar job list`",
    ),
    "cors": (
        "`/api/v1` sends no CORS headers, and answers OPTIONS on its two pages only",
        "other sites have no business with a customer's groups",
    ),
}
"""What we do otherwise, on purpose -> what that is, and why: the first table of the page."""

NEWER: dict[str, tuple[str, str]] = {
    "snappy": ("snappy bodies (1.6)", "the same, framed or a plain block"),
    "case": ("`Content-Encoding: GZIP` in any case (1.6)", "the same"),
    "quotes": ("HELP may escape quotes (1.10)", "the same"),
    "fractions": ("fractions in counts of histograms stay (1.11.2)", "the same"),
    "negative": ("a negative count in a histogram is 400 (1.11.2)", "the same"),
    "gaugehistogram": ("`# TYPE x gaugehistogram` is taken (1.11.2)", "its samples are taken, each untyped"),
    "base64": (
        "a bad job name in base64 is 400; 1.5.1 then hangs with the next push to `job@base64` (1.6.1)",
        "400, and goes on",
    ),
    "native": ("native histograms are shown (1.8)", "their classic buckets, sum and count are"),
    "utf8": ("UTF-8 names with `--push.enable-utf8-names` (1.11)", "legal names only"),
}
"""What versions after 1.5.1, which the steps are compared with, do -> what that is, and what we do."""


@dataclass(frozen=True)
class Step:
    """One request. ``differs`` is a key of DIFFERENCES or NEWER; ``words``: both answers have the same."""

    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    differs: str = ""
    words: bool = False

    def __str__(self) -> str:
        shown = f" {self.body[:40]!r}" if self.body is not None else ""
        return f"{self.method} {self.path}{shown} {self.headers or ''}"


@dataclass(frozen=True)
class Answer:
    """What came back of it."""

    status: int
    words: str
    cors: bool


@dataclass(frozen=True)
class State:
    """What is held: series of ``/metrics`` and the types of families, and groups of ``/api/v1/metrics``."""

    series: dict[tuple[str, tuple[tuple[str, str], ...]], str] | None
    types: dict[str, tuple[str, str]] | None
    groups: list[dict[str, Any]]


LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def state_of(page: bytes | None, listing: bytes) -> State:
    """The pushed series and groups, without push times and without what a gateway tells of itself."""
    groups = [
        {name: shown(one) for name, one in group.items() if not name.startswith("push_")}
        for group in json.loads(listing)["data"]
    ]
    groups.sort(key=lambda group: sorted(group["labels"].items()))
    if page is None:
        return State(None, None, groups)
    series = {}
    for line in page.decode(errors="replace").splitlines():
        match = LINE.fullmatch(line)
        labels = tuple(sorted(PAIR.findall(match[2] or ""))) if match else ()
        if match and "job" in dict(labels):
            value = match[3] if not match[1].startswith("push_") else ""
            series[match[1], labels] = repr(float(value) + 0.0) if value else ""  # +0.0: a page shows -0 as 0
    described = re.findall(r"(?m)^# (TYPE|HELP) (\S+) ?(.*)$", page.decode(errors="replace"))
    names = {re.sub("_(bucket|sum|count)$", "", name) for name, _ in series} | {name for name, _ in series}
    said = {(kind, name): text for kind, name, text in described if name in names}
    pushed = [name for kind, name in said if kind == "TYPE" and not name.startswith("push_")]
    return State(
        series, {name: (said["TYPE", name], said.get(("HELP", name), "")) for name in pushed}, groups
    )


def shown(one: Any) -> Any:
    """A part of a group without its time stamp, metrics in any order."""
    if not isinstance(one, dict) or "metrics" not in one:
        return one
    metrics = sorted(one["metrics"], key=lambda metric: json.dumps(metric, sort_keys=True))
    return {"type": one["type"], "help": one.get("help", ""), "metrics": metrics}


class Theirs:
    """The real one."""

    def __init__(self, server: Server) -> None:
        self._address = server.address

    def ask(self, step: Step) -> tuple[Answer, bytes]:
        """Send a request as it is written, and give the answer."""
        connection = HTTPConnection(self._address, timeout=10)
        connection.putrequest(step.method, step.path, skip_accept_encoding=True)
        for name, value in step.headers.items():
            connection.putheader(name, value)
        if step.body is not None:
            connection.putheader("Content-Length", str(len(step.body)))
        connection.endheaders(step.body)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        cors = answer.getheader("Access-Control-Allow-Origin") is not None
        return Answer(answer.status, body.decode(errors="replace"), cors), body

    def clear(self) -> None:
        """Forget everything."""
        self.ask(Step("PUT", "/api/v1/admin/wipe"))

    def state(self) -> State:
        """What it holds after all that was asked before: deletions are queued, and a push waits for them."""
        self.ask(Step("PUT", f"/metrics/job/{BARRIER}", b""))
        (answer, page), (_, listing) = (
            self.ask(Step("GET", path)) for path in ("/metrics", "/api/v1/metrics")
        )
        return state_of(page if answer.status == 200 else None, listing)


class Ours:
    """The front door over a store in memory."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        store, ticks, versions = open_state("memory:"), itertools.count(1_795_000_000_000), itertools.count()
        effects = Effects(
            store=store,
            settle=TypeTables(store, lambda: 0.0),
            secret=lambda _: "secret",
            now_ms=lambda: next(ticks),
            new_version=lambda: f"v{next(versions)}",
        )
        known = GatewayCredential(
            customer_id="acme", authorization=Authorization(credentials=SecretRef("env", "TOKEN"))
        )
        settings = Gateway(
            anonymous="default", credentials=(known,), body_size_limit=100_000, sample_limit=1_000
        )
        self._api = PushApi(settings, effects)

    def ask(self, step: Step) -> tuple[Answer, bytes]:
        """The same as a request of the door."""
        headers = {name.lower(): value for name, value in step.headers.items()}
        reply = self._api.handle(PushRequest(step.method, step.path, headers, step.body or b""))
        body = b"" if step.method == "HEAD" else reply.body
        cors = "Access-Control-Allow-Origin" in dict(reply.headers)
        return Answer(reply.status, body.decode(errors="replace"), cors), body

    def state(self) -> State:
        """What it holds."""
        self.ask(Step("PUT", f"/metrics/job/{BARRIER}", b""))
        pages = [self.ask(Step("GET", path))[1] for path in ("/metrics", "/api/v1/metrics")]
        return state_of(pages[0], pages[1])


# What is asked


def family(name: str, kind: int, *metrics: dict[str, Any], **more: Any) -> bytes:
    """A MetricFamily behind its length; a metric is the fields of one."""
    message = model.MetricFamily(name=name, type=kind, metric=metrics, **more).SerializeToString()  # type: ignore[arg-type]
    assert len(message) < 128, "its length is one byte"
    return bytes([len(message)]) + message


def labels(**values: str) -> list[dict[str, str]]:
    """Label pairs in the order given."""
    return [{"name": name, "value": value} for name, value in values.items()]


def put(path: str, body: bytes, *, differs: str = "", words: bool = False, **headers: str) -> Step:
    """A PUT of a group."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Step("PUT", f"/metrics/job{path}", body, named, differs, words)


def post(path: str, body: bytes, *, differs: str = "", words: bool = False) -> Step:
    """A POST to a group."""
    return Step("POST", f"/metrics/job{path}", body, {}, differs, words)


def delete(path: str, *, differs: str = "", words: bool = False) -> Step:
    """A DELETE of a group."""
    return Step("DELETE", f"/metrics/job{path}", None, {}, differs, words)


def get(path: str, *, method: str = "GET", differs: str = "", words: bool = False) -> Step:
    """A look at a page."""
    return Step(method, path, None, {}, differs, words)


def protobuf(name: str, body: bytes, *, differs: str = "") -> Step:
    """A PUT of delimited protobuf to a group of its own."""
    return put(f"/pb-{name}", body, differs=differs, Content_Type=PROTOBUF)


GAUGE = {"gauge": {"value": 1.5}}
X = b"x 1\n"
FAILURE_TIME = b"# TYPE push_failure_time_seconds counter\npush_failure_time_seconds 2\n"
ONE_BUCKET = {"histogram": {"sample_count": 3, "bucket": [{"upper_bound": 1}]}}
ZIPPED = gzip.compress(X, mtime=0)
PLAIN_HISTOGRAM = b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n'

GROUPS = [
    put("/a", b'# HELP x what it is\n# TYPE x gauge\nx 1\nx{a="b"} 2\n# TYPE y counter\ny 1e6\n'),
    post("/a", b"# TYPE y counter\ny 2\nz 0.00001\n"),
    post("/a", b"# TYPE x counter\nx 5\n"),
    post("/a", b""),
    put("/a/instance/i-1", b"# TYPE y counter\ny 1\n"),
    put("/a", b"z 123456789.5\n"),
    put("/a", b""),
    post("/new", b""),
    put(
        "/n",
        b'n{v="1"} NaN\nn{v="2"} +Inf\nn{v="3"} -inf\nn{v="4"} -0\nn{v="5"} 1e21\nn{v="6"} 01\nn{v="7"} .5\n',
    ),
    put("/h", PLAIN_HISTOGRAM),
    put("/s", b'# TYPE s summary\ns{quantile="0.9"} 3\ns{quantile="0.50"} 1\ns_sum 1e6\ns_count 2\n'),
    put("/w", b'w{job="other",instance="i",a="\\n\\"\\\\"} 1\n'),
    delete("/a"),
    delete("/a"),
    delete("/never/there/was"),
    put("/a", X),
]
"""Every verb, and what is held after it."""

PATHS = [
    get("/metrics/job/", method="PUT", differs="redirect"),
    Step("PUT", "/metrics/job", X, words=True),
    Step("POST", "/metrics/", X, words=True),
    Step("PUT", "/metrics", X, words=True),
    Step("DELETE", "/metrics", words=True),
    Step("PUT", "/metrics/jobs/a", X, words=True),
    put("@base64/", X, words=True),
    put("@base64/=", X, words=True),
    put("/p1/", X),
    put("/p1/b", X, words=True),
    post("/p1/b/c/d", X, words=True),
    delete("/p1/b", words=True),
    put("/p2/b/", X),
    put("/p3/b//c/d", X, differs="redirect"),
    put("//b/c", X, differs="redirect"),
    put("/p3//c", X, differs="redirect"),
    delete("/p3//", differs="redirect"),
    put("/p3/b/..", X, differs="redirect"),
    get("/metrics/", differs="redirect"),
    put("/p4/b/%2F", X, differs="slash"),
    put("/p4%2Fx", X, differs="slash"),
    post("/p4/b/c%2Fd/e/f", X, differs="slash"),
    delete("/p4/b/c%2Fd/e/f", differs="slash"),
    put("/p5/__b/c", X, words=True),
    put("/p5/b-b/c", X, words=True),
    put("/p5/b%2Db/c", X, words=True),
    put("/p5/0b/c", X, words=True),
    put("/p5/__name__/c", X, words=True),
    put("/p5/b/a+b%20c", X),
    put("/p5/b/%C3%BC%0A", X),
    put("/p5/b/c?d=e", X),
    put("/p5/b/1/b/2", X),
    put("/p5/job/other", b"y 1\n"),
    put("/p5/b/%zz", X),
    put("/p5/b/%ff", X, differs="group"),
    put("/p6/B/1", b'x{b="1"} 1\n'),
    put("/@base64", X),
]
"""Which paths are groups."""

BASE64 = [
    put("@base64/YS9i/x/1", X),
    put("@base64/Yg", X),
    put("%40base64/Yg", b"y 1\n"),
    put("/q/b@base64/Pz8_", X),
    put("/q/b@base64/YQ==", X),
    put("/q/b@base64/YQ=", b"y 1\n"),
    put("/q/b@base64/YR", X),
    put("/q/b@base64/Y%0AQ", X),
    put("/q/b@base64/=", X),
    put("/q/b@base64/", b"y 1\n"),
    put("/q/b%40base64/YQ", X),
    put("/q/b@base64/Y", X, words=True),
    put("/q/b@base64/Pz8+", X, words=True),
    put("/q/b@base64/Y%20Q", X, words=True),
    put("/q/b@base64@base64/YQ", X, words=True),
    put("/q/@base64/YQ", X, words=True),
    put("/q/b@base64/_w", X, differs="group"),
]
"""Values in base64."""

TEXT = [
    put("/t", b""),
    put("/t", b"\n# a comment\n#\n"),
    put("/t", b'  x { a = "b" , } \t1\n'),
    put("/t", b"# TYPE x untyped\n# HELP x a \\n b\nx 1\n"),
    put("/t", b"# TYPE x COUNTER\nx 1\n"),
    put("/t", b"# TYPE x counter\n"),
    put("/t", b"# UNIT x seconds\nx 1\n"),
    put("/t", b'x 1\ny 1\nx{a="b"} 2\n'),
    put("/t", b"x 1 1795000000000\n", words=True),
    put("/t", b"x 1\nx 2\n"),
    put("/t", b'x{__a="b"} 1\n'),
    put("/t", b'x{job="a"} 1\nx{job="b"} 1\n'),
    put("/t", b"h_count 1\n# TYPE h histogram\nh_sum 1\n"),
    put("/t", X),
    post("/t", b'# TYPE t histogram\nt_sum 1\nt_bucket{le="+Inf"} 1\n'),
    post("/t", b"t_bucket 1\n"),
    put("/t", X),
    put("/t", b"x 1", differs="failure"),
    put("/f1", b"x 1", words=True),
    put("/f2", b"x 1\r\n", words=True),
    put("/f3", b"x abc\n", words=True),
    put("/f4", b"x 1 \n", words=True),
    put("/f5", b'x{a="1",a="2"} 1\n', words=True),
    put("/f6", b'x{a="\xff"} 1\n', words=True),
    put("/f7", b'x{a="b\nc"} 1\n', words=True),
    put("/f8", b"# TYPE x gauge\n# TYPE x gauge\nx 1\n", words=True),
    put("/f9", b"# TYPE x stateset\nx 1\n", words=True),
    put("/f10", b'{"x"} 1\n', words=True),
    put("/f11", b"x 1 2\n", differs="group"),
    put("/f12", b'x{a=""} 1\n', differs="empty"),
    put("/f13", b"# HELP x \xff\nx 1\n"),
    put("/f14", b'# HELP x a \\"b\\"\nx 1\n', differs="quotes"),
    put("/f15", b"# TYPE x gaugehistogram\nx_gcount 1\n", differs="gaugehistogram"),
    put("/f16", b"up 1\n", differs="health"),
    put("/f17", b"scrape_duration_seconds 1\n", differs="health"),
    put("/f18", b"push_time_seconds 1\n" + FAILURE_TIME),
    post("/f18", FAILURE_TIME, differs="push_times"),
]
"""Text, good and bad."""

DISTRIBUTIONS = [
    put("/d", b'# TYPE h histogram\nh_bucket{le="1e6"} 1\nh_bucket{le="+Inf"} 3\nh_bucket{le="0.5"} 1\n'),
    put("/d", b'# TYPE s summary\ns{quantile="0.5"} 1\n'),
    put("/d", b"# TYPE s summary\ns 1\n"),
    put("/d", b"# TYPE h histogram\nh_sum 3\n", differs="inf"),
    put("/d", b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1.0"} 2\n', differs="buckets"),
    put("/d", b'# TYPE h histogram\nh_bucket{le="+Inf"} 1.5\n', differs="fractions"),
    put("/d", b'# TYPE h histogram\nh_bucket{le="+Inf"} -1\n', differs="negative"),
    put("/d", b"# TYPE s summary\ns_count NaN\n", differs="counts"),
    put("/d/le/1", b'# TYPE h histogram\nh_bucket{le="+Inf"} 1\n', differs="bounds"),
    put("/d2", b'# TYPE h histogram\nh_bucket{le="x"} 1\n', words=True),
]
"""Histograms and summaries, whole and in part."""

BETWEEN = [
    put("/o/tag/v", X),
    put("/o", b'q{tag="v"} 1\nq{tag="w"} 1\n'),
    put("/o/tag/v", b"q 1\n"),
    put("/o/tag/u", b"q 1\n"),
    post("/o", b'q{tag="u"} 1\n'),
    post("/o", b'q{tag="t"} 1\n'),
    put("/o2", X),
    put("/o2/instance/", X, differs="group"),
    put("/o3", X),
    put("/o3/z/", X, differs="empty"),
    put("/o4", b"# TYPE k gauge\nk 1\n"),
    put("/o5", X),
    put("/o5", b"# TYPE k counter\nk 1\n"),
    put("/o4", b"# TYPE k counter\nk 1\n"),
    put("/o5", b"# TYPE k counter\nk 1\n"),
    delete("/o4"),
    delete("/o5"),
    put("/o5", b"# TYPE k summary\nk_sum 1\n"),
    put("/o6", b"k 1\n", differs="untyped"),
    put("/o7", b'# TYPE m histogram\nm_bucket{le="+Inf"} 1\n'),
    put("/o8", b"m_count 1\n", differs="suffixes"),
    put("/o9", b"# TYPE go_goroutines gauge\ngo_goroutines 1\n", differs="own"),
    put("/o9", b"# TYPE go_goroutines counter\ngo_goroutines 1\n", differs="own"),
]
"""What groups have to do with each other."""

MEDIA = [
    *(
        put(f"/m{place}", X, Content_Type=kind)
        for place, kind in enumerate(
            [
                "text/plain; version=0.0.4; charset=utf-8",
                "text/plain; version=9",
                "application/x-www-form-urlencoded",
                ";;",
                PROTOBUF.replace("delimited", "text"),
                "application/vnd.google.protobuf",
            ]
        )
    ),
    put("/m10", b"# TYPE x counter\nx_total 1\n# EOF\n", Content_Type=OPENMETRICS, differs="openmetrics"),
    put("/m11", X, Content_Type=OPENMETRICS),
    put("/m12", b'{"rows": 1}', Content_Type="application/json", differs="json"),
    put("/m13", X, Content_Type="application/json", differs="json"),
    put("/z1", ZIPPED, Content_Encoding="gzip"),
    put("/z1", ZIPPED + gzip.compress(b"y 1\n"), Content_Encoding="gzip"),
    put("/z1", X, Content_Encoding="identity"),
    put("/z2", X, Content_Encoding="gzip"),
    put("/z3", ZIPPED, Content_Encoding="GZIP", differs="case"),
    put("/z4", ZIPPED[:-9], Content_Encoding="gzip", differs="cut"),
    put("/z5", ZIPPED + b"zzz", Content_Encoding="gzip", differs="cut"),
    put("/z6", X, Content_Encoding="deflate", differs="encoding"),
    put("/z7", snappy.StreamCompressor().compress(X), Content_Encoding="snappy", differs="snappy"),
    put("/z8", snappy.compress(X), Content_Encoding="snappy", differs="snappy"),
]
"""Media types and encodings."""

MESSAGES = [
    protobuf("gauge", family("g", 1, GAUGE, GAUGE | {"label": labels(b="1", a="2")}, help="what it is")),
    protobuf("counter", family("c", 0, {"counter": {"value": 3, "exemplar": {"value": 1}}})),
    protobuf("untyped", family("u", 3, {"untyped": {"value": 3}})),
    protobuf("summary", family("s", 2, {"summary": {"sample_count": 3, "quantile": [{"quantile": 0.5}]}})),
    protobuf("bucket", family("h", 4, ONE_BUCKET), differs="inf"),
    protobuf("again", family("g", 0, {"counter": {"value": 1}}) + family("g", 1, GAUGE)),
    protobuf("no-metric", family("e", 1)),
    protobuf("nothing", b""),
    protobuf("cut", family("g", 1, GAUGE)[:-1]),
    protobuf("junk", b"\xff" * 12),
    put("/pb-text", X),
    protobuf("text", X, differs="failure"),
    put("/pb-group", X),
    protobuf("group", family("g", 1, GAUGE | {"timestamp_ms": 0})),
    protobuf("group", family("g", 1, GAUGE, GAUGE)),
    protobuf("group", family("g", 0, GAUGE)),
    protobuf("group", family("g", 1, GAUGE | {"label": labels(__a="b")})),
    protobuf("group", family("s", 2, {"summary": {}, "label": labels(quantile="1")})),
    protobuf("le", family("h", 4, ONE_BUCKET | {"label": labels(le="1")}), differs="bounds"),
    protobuf("name", family("a.b", 1, GAUGE), differs="names"),
    protobuf("no-name", b"\x00", differs="names"),
    protobuf("gauge-histogram", family("h", 5, {"histogram": {}}), differs="gauge_histogram"),
]
"""Delimited protobuf."""

TENANTS = [
    put("/c/customer_id/default", X, differs="customer"),
    put("/c/customer_id/acme", X, differs="customer"),
    put("/c/sla_tier/gold", X, differs="derived"),
    put("/c", X, X_Customer_ID="acme", differs="customer"),
    put("/c", X, Authorization="Bearer wrong", differs="credentials"),
    put("/c", X, X_Pushvar_TTL="soon", differs="ttl"),
    put("/c", b"#" * 100_000 + b"\n", differs="limits"),
    put("/c", b"".join(b'x{a="%d"} 1\n' % number for number in range(1_001)), differs="limits"),
]
"""What a Pushgateway has no idea of."""

PAGES = [
    get("/-/healthy", words=True),
    get("/-/ready", words=True),
    Step("POST", "/-/healthy", b"", words=True),
    get("/metrics"),
    get("/api/v1/metrics", differs="cors"),
    get("/api/v1/status", differs="cors"),
    get("/api/v1/metrics", method="OPTIONS", differs="cors"),
    Step("PUT", "/api/v1/metrics", X, words=True),
    get("/api/v1/nothing", words=True),
    get("/nothing", words=True),
    get("/metrics/job/a", words=True),
    get("/metrics/job/a", method="PATCH", words=True),
    get("/metrics/job/a/b/c", method="OPTIONS", words=True),
    get("/metrics", method="OPTIONS", words=True),
    get("/metrics", method="PATCH", words=True),
    get("/metrics/job/a", method="HEAD"),
    get("/metrics", method="HEAD", differs="head"),
    get("/-/healthy", method="HEAD", differs="head"),
    get("/", differs="pages"),
    get("/debug/pprof/", differs="pages"),
    Step("PUT", "/-/quit", b"", differs="pages"),
    Step("PUT", "/api/v1/admin/wipe", b"", differs="pages"),
]
"""What else there is to see."""

LAST = [
    put("@base64/%25", X, words=True),
    post("@base64/Pz8+", X, words=True),
    delete("@base64/Y", words=True),
]
"""After a bad job name in base64 version 1.5.1 answers no further request of that kind."""

STEPS = [
    *GROUPS,
    *PATHS,
    *BASE64,
    *TEXT,
    *DISTRIBUTIONS,
    *BETWEEN,
    *MEDIA,
    *MESSAGES,
    *TENANTS,
    *PAGES,
    *LAST,
]


@dataclass(frozen=True)
class Outcome:
    """What became of a step: both answers, and both states."""

    theirs: Answer
    ours: Answer
    their_state: State
    our_state: State

    @property
    def same(self) -> bool:
        """Whether nobody could tell them apart, but for words."""
        answers = (self.theirs.status, self.theirs.cors) == (self.ours.status, self.ours.cors)
        return answers and self.their_state == self.our_state


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Outcome]]:
    """Give what became of all steps in their order; where one leaves the sides different, both begin anew."""
    with servers.pushgateway(tmp_path_factory.mktemp("gateway"), "--web.enable-admin-api") as server:
        theirs, ours, outcomes = Theirs(server), Ours(), []
        for step in STEPS:
            (their_answer, _), (our_answer, _) = theirs.ask(step), ours.ask(step)
            outcome = Outcome(their_answer, our_answer, theirs.state(), ours.state())
            outcomes.append(outcome)
            if outcome.their_state != outcome.our_state:
                theirs.clear()
                ours.clear()
        yield outcomes


@pytest.mark.parametrize("place", range(len(STEPS)), ids=map(str, STEPS))
def test_side_by_side(played: list[Outcome], place: int) -> None:
    """Answer and groups are those of the Pushgateway, or differ where the step says so."""
    step, outcome = STEPS[place], played[place]
    if step.differs:
        assert not outcome.same, f"{step.differs} is no difference here"
        return
    assert outcome.ours.status == outcome.theirs.status, outcome
    assert outcome.our_state == outcome.their_state
    assert outcome.ours.cors == outcome.theirs.cors
    if step.words:
        assert outcome.ours.words == outcome.theirs.words


def test_the_script_is_long_enough() -> None:
    """Every verb, every media type, more than sixty requests that are answered alike."""
    assert sum(not step.differs for step in STEPS) > 60
    assert {step.method for step in STEPS} >= {"PUT", "POST", "DELETE", "GET", "HEAD", "PATCH", "OPTIONS"}


def test_every_difference_is_shown() -> None:
    """Each has a step, and each step's is known."""
    named = {step.differs for step in STEPS} - {""}
    assert named <= DIFFERENCES.keys() | NEWER.keys()
    assert named >= DIFFERENCES.keys()


def test_the_page_lists_exactly_these_differences() -> None:
    """The first table is ours, the second that of newer Pushgateways, row by row."""
    ours, newer = tables(DOCUMENT.read_text())
    assert ours == {"What pushvar does": "Why, or what the Pushgateway does", **dict(DIFFERENCES.values())}
    assert newer == {"What newer Pushgateways do": "What pushvar does", **dict(NEWER.values())}


def tables(text: str) -> list[dict[str, str]]:
    """The tables of a page: first column -> second."""
    blocks = re.findall(r"(?m)(?:^\|.*\n)+", text)
    rows = [[line.strip("| ").split(" | ") for line in block.splitlines()] for block in blocks]
    return [{row[0]: row[1] for row in table if len(row) > 1} for table in rows]
