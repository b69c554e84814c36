"""The forwarder in its loop: due jobs, reloads, secrets that go, backends that hang, memory that stays."""

from __future__ import annotations

import gc
import json
import threading
import time
import tracemalloc
from base64 import b64decode
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import snappy
from pushvar.app.backends import Backends
from pushvar.app.forwarder import Forwarder
from pushvar.app.world import World
from pushvar.collect.registry.file import FileRegistry
from pushvar.config.load import load
from pushvar.errors import ConfigError, StateError
from pushvar.model import Load
from pushvar.net.secrets import Secrets
from pushvar.state import open_state
from pushvar.wire.proto import prometheus_v1_pb2 as official
from pushvar.wire.remote_write import v2

from tests.programs.certificates import authority
from tests.programs.faulty_server import FaultyServer, faulty_server
from tests.programs.raw_server import Connection, ok, raw_server
from tests.programs.scripted_receiver import WRITTEN, Reply, scripted_receiver
from tests.spools import new_spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.model import Report
    from pushvar.state.protocol import StateStore

    from tests.programs.raw_server import Act

START_MS = 1_795_173_600_000
COUNTED = Reply(204, {WRITTEN.format("Samples"): "1000000"})


@dataclass
class Clock:
    """Time that passes by sleeping, and by what the test says a cycle takes."""

    now_s: float = 0.0
    offset_ms: int = START_MS
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now_s += seconds

    def now_ms(self) -> int:
        """Unix time, which somebody may set."""
        return self.offset_ms + round(self.now_s * 1000)


class Loop:
    """A forwarder over a configuration file, on a clock of the test's own."""

    def __init__(self, folder: Path, document: dict[str, Any], environment: dict[str, str]) -> None:
        self.config = folder / "pushvar.yml"
        self.write(document)
        self.clock = Clock()
        self.looks: list[str] = []
        self.environment = environment
        self.world = World(
            environment, self.read_file, self.clock.now_ms,
            lambda: self.clock.now_s, self.clock.sleep, lambda: 0.5,
        )  # fmt: skip
        self.state: StateStore = open_state("memory:")
        registry = FileRegistry(str(self.config), monotonic=lambda: self.clock.now_s)
        self.forwarder = Forwarder(registry, self.state, self.world, owner="test")
        self.starts: list[tuple[float, list[str]]] = []

    def read_file(self, path: str) -> str:
        """Read a secret's file, and note it."""
        self.looks.append(path)
        return Path(path).read_text("utf-8")

    def write(self, document: dict[str, Any] | str) -> None:
        """Replace the configuration."""
        self.config.write_text(document if isinstance(document, str) else json.dumps(document))

    def cycle(self) -> dict[str, str]:
        """One cycle; gives the reason of each job's (only) target."""
        return {dict(one.plan.target.labels)["job"]: one.reason for one in self.forwarder.cycle().scrapes}

    def run_for(
        self, seconds: float, *, takes_s: dict[int, float] | None = None, every_s: float | None = None
    ) -> None:
        """Run the loop until the clock says so; cycle number n takes ``takes_s[n]``."""
        end_s = self.clock.now_s + seconds

        def report(cycle: Report) -> None:
            jobs = sorted({dict(one.plan.target.labels)["job"] for one in cycle.scrapes})
            self.starts.append(((cycle.started_ms - START_MS) / 1000, jobs))
            self.clock.now_s += (takes_s or {}).get(len(self.starts), 0.0)

        self.forwarder.run(report, lambda: self.clock.now_s >= end_s, every_s=every_s)


@dataclass
class Made:
    """A way to make loops that are closed at the end; ``url`` misbehaves by path."""

    folder: Path
    faulty: FaultyServer
    loops: list[Loop] = field(default_factory=list)

    def document(
        self, jobs: dict[str, dict[str, Any]], backend: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Jobs by name, each with the good target, and one backend that takes everything."""
        host = self.faulty.url.removeprefix("http://")
        plain = {"metrics_path": "/ok", "scrape_timeout": "1s", "static_configs": [{"targets": [host]}]}
        return {
            "global": {"self_metrics": False},
            "scrape_configs": [{"job_name": name, **plain, **settings} for name, settings in jobs.items()],
            "remote_write": [{"name": "b", "url": f"{self.faulty.url}/status/204", **(backend or {})}],
        }

    def loop(self, document: dict[str, Any], **environment: str) -> Loop:
        """A loop over this configuration."""
        self.loops.append(Loop(self.folder, document, environment))
        return self.loops[-1]

    def pushes(self) -> int:
        """How many requests reached the backend."""
        return sum(request.method == "POST" for request in self.faulty.requests)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Give a way to make loops."""
    with faulty_server() as server:
        one = Made(tmp_path, server)
        yield one
        for loop in one.loops:
            loop.forwarder.close()


def every(seconds: int) -> dict[str, Any]:
    """A job's interval."""
    return {"scrape_interval": f"{seconds}s"}


# When


def test_jobs_are_due_by_their_own_intervals(made: Made) -> None:
    """One job every second, one every three: each on its own beat, together where they meet."""
    loop = made.loop(made.document({"one": every(1), "three": every(3)}))
    loop.run_for(7)
    assert loop.starts == [(second, ["one", "three"] if second % 3 == 0 else ["one"]) for second in range(7)]


def test_intervals_that_do_not_divide_each_other(made: Made) -> None:
    """Two and three seconds: neither job waits for the other's beat."""
    loop = made.loop(made.document({"two": every(2), "three": every(3)}))
    loop.run_for(9)
    assert [start for start, jobs in loop.starts if "two" in jobs] == [0, 2, 4, 6, 8]
    assert [start for start, jobs in loop.starts if "three" in jobs] == [0, 3, 6]


def test_no_drift(made: Made) -> None:
    """What a cycle takes is not added to the interval."""
    loop = made.loop(made.document({"a": every(2)}))
    loop.run_for(20, takes_s={number: 0.3 + number / 100 for number in range(1, 20)})
    assert [start for start, _ in loop.starts] == [2 * number for number in range(10)]


def test_a_late_cycle_starts_at_once(made: Made) -> None:
    """A little late keeps the beat; a whole interval late starts a new one; nothing is made up for."""
    loop = made.loop(made.document({"a": every(2)}))
    loop.run_for(16, takes_s={2: 2.5, 5: 5.1})
    starts = [start for start, _ in loop.starts]
    assert starts == pytest.approx([0, 2, 4.5, 6, 8, 13.1, 15.1])


def test_one_pace_for_all(made: Made) -> None:
    """With a pace of its own the run heeds no interval."""
    loop = made.loop(made.document({"a": every(60), "b": every(7)}))
    loop.run_for(3, every_s=0.5)
    assert loop.starts == [(number / 2, ["a", "b"]) for number in range(6)]


@pytest.mark.parametrize("shift_s", [-86_400, -3, 3, 86_400])
def test_a_clock_that_is_set(made: Made, shift_s: int) -> None:
    """Whatever somebody does to the wall clock, no more than one interval passes without a scrape."""
    loop = made.loop(made.document({"a": every(2)}))
    loop.run_for(4)
    loop.clock.offset_ms += shift_s * 1000
    before, begun_s = len(loop.starts), loop.clock.now_s
    loop.run_for(10)
    assert 4 <= len(loop.starts) - before <= 7
    assert max(loop.clock.slept) <= 2.0
    assert begun_s == 4


# Reload


def test_a_changed_configuration_works_in_the_next_cycle(made: Made) -> None:
    """New jobs, a new pace, a new backend: without a restart."""
    loop = made.loop(made.document({"a": every(60)}))
    loop.run_for(61)
    assert [start for start, _ in loop.starts] == [0, 60]
    loop.write(made.document({"a": every(2), "b": every(4)}, {"url": f"{made.faulty.url}/status/200"}))
    loop.run_for(65)
    assert loop.starts[2:5] == [(120, ["a", "b"]), (122, ["a"]), (124, ["a", "b"])]
    assert made.faulty.paths()[-1] == "/status/200"


def test_a_reload_keeps_the_beat_of_other_jobs(made: Made) -> None:
    """A job whose interval did not change is not scraped out of turn."""
    loop = made.loop(made.document({"slow": every(60), "fast": every(1)}))
    loop.run_for(5)
    loop.write(made.document({"slow": every(60), "fast": every(1), "new": every(1)}))
    loop.run_for(5)
    assert [start for start, jobs in loop.starts if "slow" in jobs] == [0]
    assert [start for start, jobs in loop.starts if "new" in jobs] == [5, 6, 7, 8, 9]


BACKEND = "remote_write: [{url: 'http://x'}]\n"
SECURE = "remote_write: [{url: 'https://x', tls_config: {ca_file: gone.pem}}]\n"
BROKEN = [
    ("scrape_configs: [", "pushvar.yml:"),
    ("scrape_configs: [{job_name: a, nonsense: 1}]", "nonsense"),
    ("scrape_configs: [{job_name: a}]", "no backend to send to"),
    (
        f"{BACKEND}scrape_configs: [{{job_name: a, authorization: {{credentials: 'env:GONE'}}}}]",
        "env:GONE is not set",
    ),
    (f"{SECURE}scrape_configs: [{{job_name: a}}]", "gone.pem"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN, ids=[words for _, words in BROKEN])
def test_a_broken_configuration_changes_nothing(made: Made, text: str, words: str) -> None:
    """The last good one stays whole, the problem is told for as long as it lasts, then all is well again."""
    good = made.document({"a": every(1)})
    loop = made.loop(good)
    assert loop.cycle() == {"a": "ok"}
    loop.write(text)
    said = set()
    for _ in range(3):
        loop.clock.sleep(1)
        assert loop.cycle() == {"a": "ok"}
        said.add("\n".join(str(problem) for problem in loop.forwarder.problems))
    assert len(said) == 1, "the same words each time, so that they are shown once"
    assert words in said.pop()
    loop.write(made.document({"a": every(1), "b": every(1)}))
    loop.clock.sleep(1)
    assert loop.cycle() == {"a": "ok", "b": "ok"}
    assert loop.forwarder.problems == ()


def test_no_configuration_at_first_is_an_error(made: Made) -> None:
    """At the start there is no good one to keep."""
    document = made.document({"a": {"authorization": {"credentials": "env:GONE"}}})
    with pytest.raises(ConfigError, match="env:GONE is not set"):
        made.loop(document)


def test_targets_of_files_come_and_go(made: Made) -> None:
    """A file_sd file is heeded after its refresh_interval; a broken one changes no targets."""
    host = made.faulty.url.removeprefix("http://")
    targets = made.folder / "targets.json"
    targets.write_text("[]")
    job = {"static_configs": [], "file_sd_configs": [{"files": ["targets.json"], "refresh_interval": "2s"}]}
    loop = made.loop(made.document({"a": every(1) | job}))
    counts = []
    for text in ("[]", json.dumps([{"targets": [host]}]), None, "{broken", None, "[]", None):
        if text is not None:
            targets.write_text(text)
        loop.clock.sleep(1)
        counts.append(len(loop.cycle()))
    assert counts == [0, 1, 1, 1, 1, 0, 0]


# What goes away while it runs


def test_a_secret_that_goes_costs_its_own_job(made: Made) -> None:
    """Its targets are down with the reason; the other job goes on; when it is back, all is well."""
    secret = {"authorization": {"credentials": "env:TOKEN"}}
    loop = made.loop(made.document({"safe": every(1), "keyed": every(1) | secret}), TOKEN="t1")
    assert loop.cycle() == {"safe": "ok", "keyed": "ok"}
    del loop.environment["TOKEN"]
    loop.clock.sleep(61)
    report = loop.forwarder.cycle()
    found = {dict(one.plan.target.labels)["job"]: (one.reason, one.detail) for one in report.scrapes}
    assert found["safe"][0] == "ok"
    assert found["keyed"][0] == "auth"
    assert "env:TOKEN is not set" in found["keyed"][1]
    assert report.deliveries[0].failed == 0
    loop.environment["TOKEN"] = "t2"
    loop.clock.sleep(1)
    assert loop.cycle() == {"safe": "ok", "keyed": "ok"}
    assert made.faulty.requests[-2].headers.get("authorization", "Bearer t2") == "Bearer t2"


def test_a_secret_that_is_changed_costs_one_cycle(made: Made) -> None:
    """Of a refused job the secret is read again, not later than the next cycle; nothing else is.

    The target takes another password, and the file has it too, long before a look would be due.
    """
    password = made.folder / "password"
    password.write_text("old\n")
    takes = ["old"]

    def act(connection: Connection) -> None:
        while connection.request():
            given = connection.server.heads[-1].partition("Authorization: Basic ")[2].partition("\r\n")[0]
            fine = b64decode(given) == f"u:{takes[0]}".encode()
            connection.send(ok(b"{}") if fine else b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    with raw_server(act) as target:
        keyed = every(1) | {
            "basic_auth": {"username": "u", "password": f"file:{password}"},
            "static_configs": [{"targets": [f"127.0.0.1:{target.port}", f"localhost:{target.port}"]}],
        }
        other = every(1) | {"authorization": {"credentials": "env:TOKEN"}}
        loop = made.loop(made.document({"keyed": keyed, "other": other}), TOKEN="t1")
        reasons = []
        for cycle in range(7):
            if cycle == 2:
                takes[0] = "new"
                password.write_text("new\n")
            if cycle == 4:
                takes[0] = "another"  # and the file does not know
            reasons.append(loop.cycle())
            loop.clock.sleep(1)
    assert [one["other"] for one in reasons] == ["ok"] * 7
    assert [one["keyed"] for one in reasons] == ["ok", "ok", "auth", "ok", "auth", "auth", "auth"]
    assert loop.looks == [str(password)] * 4  # at first, after each of three refusals


def test_a_backend_secret_that_goes_costs_its_own_backend(made: Made) -> None:
    """The other backend has everything; the report names the secret and counts what failed."""
    document = made.document({"a": every(1)}, {"authorization": {"credentials": f"file:{made.folder}/token"}})
    document["remote_write"].append({"name": "open", "url": f"{made.faulty.url}/status/204"})
    (made.folder / "token").write_text("s3cret\n")
    loop = made.loop(document)
    assert [one.failed for one in loop.forwarder.cycle().deliveries] == [0, 0]
    for content in (None, b"\xff\xfe", b"two\nlines"):
        (made.folder / "token").unlink(missing_ok=True)
        if content is not None:
            (made.folder / "token").write_bytes(content)
        loop.clock.sleep(61)
        keyed, other = loop.forwarder.cycle().deliveries
        assert (keyed.sent, other.failed, other.error) == (0, 0, "")
        assert keyed.failed == other.sent > 0
        assert "token" in keyed.error
        assert "two" not in keyed.error


def test_a_certificate_that_goes_costs_its_own(made: Made) -> None:
    """A CA file that vanishes harms the job and the backend that name it, nobody else."""
    authority(made.folder)
    host = made.faulty.url.removeprefix("http://")
    tls = {"tls_config": {"ca_file": "ca.pem"}}
    document = made.document({"plain": every(1), "secure": every(1) | tls | {"scheme": "https"}})
    document["remote_write"].append({"name": "tls", "url": f"https://{host}/", **tls})
    loop = made.loop(document)
    (made.folder / "ca.pem").unlink()
    report = loop.forwarder.cycle()
    found = {dict(one.plan.target.labels)["job"]: one.reason for one in report.scrapes}
    assert found == {"plain": "ok", "secure": "tls"}
    good, bad = report.deliveries
    assert (good.failed, good.error, bad.sent) == (0, "", 0)
    assert "ca.pem" in bad.error


class Failing:
    """A state store that fails when the test wants it: everything else is the real one's."""

    def __init__(self, store: StateStore) -> None:
        self.store = store
        self.broken = False

    def __getattr__(self, name: str) -> Any:
        if self.broken and name == "acquire":
            raise StateError("the disk is full")
        return getattr(self.store, name)


def test_a_state_store_that_fails_for_a_while(made: Made) -> None:
    """In the first cycle it ends the run; later it costs its own cycles, and the report says so."""
    loop = made.loop(made.document({"a": every(1)}))
    store = Failing(loop.state)
    loop.forwarder._state = store
    store.broken = True
    with pytest.raises(StateError):
        loop.run_for(3)
    store.broken = False
    skipped: list[str] = []

    def report(cycle: Report) -> None:
        skipped.append(cycle.detail)
        store.broken = len(skipped) in {2, 3}

    end_s = loop.clock.now_s + 6
    loop.forwarder.run(report, lambda: loop.clock.now_s >= end_s)
    assert [text != "" for text in skipped] == [False, False, True, True, False, False][: len(skipped)]
    assert "the disk is full" in skipped[2]


# Backends


def backends(world: World, *urls: str) -> Backends:
    """Backends at these URLs, with short timeouts."""
    blocks = [{"name": f"b{n}", "url": url, "remote_timeout": "500ms"} for n, url in enumerate(urls)]
    document = json.dumps({"scrape_configs": [{"job_name": "a"}], "remote_write": blocks})
    return Backends(load(document, source="test"), Secrets({}, str, time.monotonic), world)


def real_world() -> World:
    """This machine's, with an environment of its own."""
    from pushvar.app.world import real_world as real

    return replace(real(), environment={})


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_backends(made: Made, count: int) -> None:
    """None, one or three: a delivery for each, in the order of the configuration."""
    loop = made.loop(made.document({"a": every(1)}))
    scrapes = loop.forwarder.cycle().scrapes
    some = backends(real_world(), *[f"{made.faulty.url}/status/204"] * count)
    deliveries = some.deliver(
        Load(scrapes), loop.forwarder.engine.families, time.monotonic() + 5, new_spool()
    )
    some.close()
    assert [one.backend for one in deliveries] == [f"b{n}" for n in range(count)]
    assert all(one.sent and not one.failed and not one.error for one in deliveries)


@pytest.mark.parametrize("path", ["/hang", "/drip", "/status/503", "/reset"])
def test_a_bad_backend_costs_its_own_samples_and_no_more_than_the_time(made: Made, path: str) -> None:
    """Beside one that hangs, drips, fails or breaks off, the other two have everything."""
    loop = made.loop(made.document({"a": every(1)}))
    scrapes = loop.forwarder.cycle().scrapes
    good = f"{made.faulty.url}/status/204"
    some = backends(real_world(), good, made.faulty.url + path, good)
    start_s = time.monotonic()
    first, bad, last = some.deliver(Load(scrapes), loop.forwarder.engine.families, start_s + 1.5, new_spool())
    some.close()
    assert time.monotonic() - start_s < 2.5
    assert (first.failed, last.failed, bad.sent) == (0, 0, 0)
    assert bad.failed == first.sent == last.sent > 0
    assert (first.error, last.error) == ("", "")
    assert bad.error


def test_metadata_never_costs_samples(made: Made) -> None:
    """A backend that fails for metadata alone still gets every sample, in every cycle."""
    taken = []

    def act(client: Connection) -> None:
        while client.request():
            body = official.WriteRequest.FromString(snappy.decompress(client.body))
            taken.append(len(body.timeseries))
            client.send(ok().replace(b"200 OK", b"503 No") if body.metadata else ok())

    with raw_server(act) as server:
        loop = made.loop(made.document({"a": every(1)}, {"url": f"http://127.0.0.1:{server.port}/"}))
        for _ in range(3):
            (delivery,) = loop.forwarder.cycle().deliveries
            assert (delivery.failed, delivery.sent > 0) == (0, True)
            loop.clock.sleep(1)
    assert sum(taken) == 3 * delivery.sent


def test_a_dead_backend_does_not_slow_the_loop(made: Made) -> None:
    """The other backend has its samples at every beat although one never answers."""
    document = made.document({"a": every(1)})
    document["remote_write"].append({"name": "dead", "url": made.faulty.refused_url})
    registry = FileRegistry(str(made.loop(document).config))
    forwarder = Forwarder(registry, open_state("memory:"), real_world(), owner="test")
    start_s = time.monotonic()
    reports: list[Report] = []
    forwarder.run(reports.append, lambda: time.monotonic() - start_s > 3.5)
    forwarder.close()
    assert 2 <= len(reports) <= 5
    assert all(report.deliveries[0].sent and not report.deliveries[0].failed for report in reports)


def answers_when_told(told: list[tuple[str, set[str]]]) -> Act:
    """Targets and backends at once; notes which jobs are up in a push, and /slow answers after the first."""
    heard = threading.Event()

    def act(client: Connection) -> None:
        while client.request():
            method, path, _ = client.server.heads[-1].partition("\r\n")[0].split()
            if method == "POST":
                request = official.WriteRequest.FromString(snappy.uncompress(client.body))
                labels = [{one.name: one.value for one in series.labels} for series in request.timeseries]
                told.append((path, {one["job"] for one in labels if one["__name__"] == "up"}))
                client.send(ok())
                heard.set()
            elif path != "/slow" or heard.wait(20):
                client.send(ok(b'{"requests_total": 7}'))

    return act


def test_who_hangs_holds_up_nobody_else(made: Made) -> None:
    """A target answers only when the others' samples have reached the backend; every sample arrives once.

    A backend whose relabelling may make series of several targets one gets everything at the end, together.
    """
    told: list[tuple[str, set[str]]] = []
    with raw_server(answers_when_told(told)) as server:
        target = {"static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}], "scrape_timeout": "25s"}
        jobs = {name: every(30) | target | {"metrics_path": f"/{name}"} for name in ("fast", "slow")}
        url = f"http://127.0.0.1:{server.port}"
        relabel = [{"action": "labeldrop", "regex": "rack"}]
        document = made.document(jobs, {"url": f"{url}/plain", "metadata_config": {"send": False}})
        relabelled = {**document["remote_write"][0], "name": "r", "url": f"{url}/relabelled"}
        document["remote_write"].append(relabelled | {"write_relabel_configs": relabel})
        config = made.folder / "pushvar.yml"
        config.write_text(json.dumps(document))
        forwarder = Forwarder(FileRegistry(str(config)), open_state("memory:"), real_world(), owner="test")
        report = forwarder.cycle()
        forwarder.close()
    assert {one.reason for one in report.scrapes} == {"ok"}
    samples = sum(one.carried for one in report.scrapes)
    assert [(one.backend, one.sent, one.failed) for one in report.deliveries] == [
        ("b", samples, 0), ("r", samples, 0),
    ]  # fmt: skip
    assert [jobs for path, jobs in told if path == "/plain"] == [{"fast"}, {"slow"}]
    assert [jobs for path, jobs in told if path == "/relabelled"] == [{"fast", "slow"}]


def test_the_push_client_is_loaded_while_targets_are_waited_for(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that answers only when it is loaded is fetched; later cycles do not load it again."""
    loaded = threading.Event()
    loads: list[str] = []

    def load_client() -> None:
        loads.append(threading.current_thread().name)
        loaded.set()

    def act(client: Connection) -> None:
        while client.request() and loaded.wait(20):
            client.send(ok(b'{"requests_total": 7}'))

    monkeypatch.setattr("pushvar.app.backends.load_client", load_client)
    with raw_server(act) as server:
        target = {"static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}], "scrape_timeout": "25s"}
        loop = made.loop(made.document({"a": every(30) | target}))
        assert loop.cycle() == {"a": "ok"}
        loop.clock.now_s += 30
        assert loop.cycle() == {"a": "ok"}
    assert loads == ["push client"]


def any_order(down: set[str]) -> Act:
    """Targets that answer after other times in each cycle; those that are ``down`` show no document."""
    body = b'{"requests_total": 7, "queue": 1, "workers": 3, "errors_total": 0}'

    def act(client: Connection) -> None:
        while client.request():
            path = client.server.heads[-1].split()[1]
            time.sleep(0.002 * ((hash(path) + len(client.server.heads) * 11) % 13))
            client.send(ok(b"none" if path in down else body))

    return act


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the targets of each 2.0 request that is compiled from now on."""
    found: list[int] = []
    compile_request = v2._compile

    def noted(templates: Any, *rest: Any) -> Any:
        found.append(len(templates))
        return compile_request(templates, *rest)

    monkeypatch.setattr(v2, "_compile", noted)
    return found


def test_warm_cycles_in_2_0_compile_no_request(made: Made, compiled: list[int]) -> None:
    """Though the targets answer in another order each time; one that is down costs two."""
    down: set[str] = set()
    seen = []
    with raw_server(any_order(down)) as server, scripted_receiver(COUNTED) as receiver:
        target = {"static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}
        jobs = {f"j{n}": every(30) | target | {"metrics_path": f"/{n}"} for n in range(24)}
        backend = {"url": receiver.url, "protobuf_message": "io.prometheus.write.v2.Request"}
        loop = made.loop(made.document(jobs, backend | {"queue_config": {"max_samples_per_send": 50}}))
        for away in ([], [], [], [], ["/7"]):
            down.update(away)
            compiled.clear()
            assert sorted({*loop.cycle().values()}) == (["bad_json", "ok"] if down else ["ok"])
            seen.append((len(receiver.arrived), len(compiled)))
            receiver.arrived.clear()
            loop.clock.now_s += 30
    requests, recompiled = zip(*seen, strict=True)
    assert requests == (requests[0],) * 5
    assert requests[0] > 4
    assert recompiled[3:] == (0, 2)  # its own, and the one that ends with its stale markers


# Memory


def test_a_thousand_cycles_leave_nothing_behind(made: Made) -> None:
    """A loop over one target does not grow."""

    def act(client: Connection) -> None:
        while client.request():
            client.send(ok(b'{"requests_total": 7}'))

    with raw_server(act) as server:
        document = made.document(
            {"a": every(1) | {"static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}}
        )
        document["remote_write"][0]["url"] = f"http://127.0.0.1:{server.port}/"
        loop = made.loop(document)

        def turn(cycles: int) -> None:
            for _ in range(cycles):
                assert loop.cycle() == {"a": "ok"}
                loop.clock.now_s += 1
            server.requests.clear()
            server.heads.clear()
            gc.collect()

        tracemalloc.start()
        turn(1100)  # caches of a thousand entries are full
        before, _ = tracemalloc.get_traced_memory()
        turn(1000)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert after - before < 64 * 1024
