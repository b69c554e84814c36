"""The metrics pages of real programs, scraped as text into a real Prometheus: nothing is changed."""

from __future__ import annotations

import json
import math
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pushvar.catalogue import HEALTH
from pushvar.receiver.server import Receiver

from tests.e2e.configurations import write_config
from tests.programs import servers
from tests.programs.commands import run_pushvar
from tests.programs.raw_server import ok, raw_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Proxies
    from tests.programs.databases import Database
    from tests.programs.faulty_server import FaultyServer
    from tests.programs.raw_server import Connection
    from tests.programs.servers import Server

TARGETS_OWN = {"job", "instance", "customer_id", "service_domain", "sla_tier"}
HEALTH_NAMES = {family.name for family in HEALTH}
Identity = tuple[str, frozenset[tuple[str, str]]]


def with_format(config: Path, **keys: object) -> None:
    """Give every job of a configuration these keys."""
    document = json.loads(config.read_text())
    for job in document["scrape_configs"]:
        job.update(keys)
    config.write_text(json.dumps(document))


def official(page: str) -> dict[Identity, float]:
    """The samples of a page as the official parser reads it, counters under the names of the page."""
    words = [line.split() for line in page.splitlines() if line.startswith("# TYPE ")]
    renamed = {f"{name}_total": name for _, _, name, word in words if word == "counter"}
    return {
        (
            renamed.get(sample.name, sample.name),
            frozenset((name, value) for name, value in sample.labels.items() if value),
        ): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def stored(database: Database, job: str, own: set[str]) -> dict[Identity, float]:
    """What a database holds of a job, without its target labels and health series."""
    found = {}
    for labels, value in database.query(f'{{job="{job}"}}'):
        name = labels["__name__"]
        rest = {key: text for key, text in labels.items() if key not in {"__name__", *own}}
        if name not in HEALTH_NAMES:
            found[name, frozenset(rest.items())] = value
    return found


def same(got: dict[Identity, float], expected: dict[Identity, float]) -> None:
    """Equal names, labels and values, NaN among them."""
    assert got.keys() == expected.keys()
    different = {
        key: (got[key], value)
        for key, value in expected.items()
        if got[key] != value and not (math.isnan(got[key]) and math.isnan(value))
    }
    assert different == {}


@pytest.mark.parametrize("form", ["prometheus", "auto"])
@pytest.mark.parametrize("program", ["prometheus", "etcd", "pushgateway"])
def test_a_real_page_arrives_as_the_official_parser_reads_it(
    program: str, form: str, request: pytest.FixtureRequest, recorded: Proxies, tmp_path: Path
) -> None:
    """Each sample of the one page that was fetched is in Prometheus with its name, labels and value."""
    prometheus: Database = request.getfixturevalue("prometheus")
    job = f"text-{program}-{form}"
    with ExitStack() as own:
        server: Server | Database = (
            own.enter_context(servers.pushgateway(tmp_path))  # the shared one shows other tests' groups
            if program == "pushgateway"
            else request.getfixturevalue(program)
        )
        proxy = own.enter_context(recorded(server.url))
        receiver = own.enter_context(Receiver())
        backends = {"prometheus": prometheus.write_url, "strict": receiver.write_url}
        config = write_config(tmp_path, {job: f"{proxy.address}/metrics"}, backends)
        with_format(config, format=form)
        done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db")
        assert (done.returncode, done.stderr) == (0, "")
        (exchange,) = proxy.exchanges
        expected = official(exchange.body.decode())
        assert len(expected) > 30
        same(stored(prometheus, job, TARGETS_OWN), expected)
        assert receiver.violations() == ()
        types = {one.family: str(one.type) for one in receiver.series()}
        assert types["process_open_fds"] == "gauge"
        assert types["process_cpu_seconds_total"] == "counter"
        assert types["go_gc_duration_seconds"] == "summary"
        (metadata,) = prometheus.query(f'up{{job="{job}"}}')
        assert metadata[1] == 1


def test_times_of_its_own_arrive(prometheus: Database, tmp_path: Path) -> None:
    """OpenMetrics with timestamps and an exemplar: each sample has its own time, if the job wants that."""
    now_ms = time.time_ns() // 1_000_000
    then_ms = now_ms - 30_000
    page = (
        f"# TYPE timed counter\ntimed_total 1 {then_ms / 1000:.3f}\n"
        f'untimed_bucket{{le="1"}} 2 # {{trace_id="a"}} 0.5 {now_ms / 1000}\n# EOF\n'
    )
    answer = ok(page.encode(), "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8")

    def serve(connection: Connection) -> None:
        while connection.request():
            connection.socket.sendall(answer)

    with raw_server(serve) as server:
        for honor in (True, False):
            job = f"timed-{honor}"
            config = write_config(tmp_path, {job: f"127.0.0.1:{server.port}"}, {"p": prometheus.write_url})
            with_format(config, honor_timestamps=honor)
            done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / f"{job}.db")
            assert (done.returncode, done.stderr) == (0, "")
            ((_, ((timed_ms, value),)),) = prometheus.samples(f'timed_total{{job="{job}"}}')
            ((labels, ((untimed_ms, _),)),) = prometheus.samples(f'untimed_bucket{{job="{job}"}}')
            assert (value, labels["le"]) == (1, "1")
            assert untimed_ms >= now_ms
            assert timed_ms == (then_ms if honor else untimed_ms)
        assert "Accept: application/openmetrics-text;version=1.0.0,text/plain;" in server.heads[0]


def test_show_takes_text(prometheus: Database, tmp_path: Path) -> None:
    """A page shown and shown again is the same: every line of it has its label set and value."""
    shown = run_pushvar("show", f"{prometheus.url}/metrics")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "# TYPE prometheus_http_requests_total counter\n" in shown.stdout
    page = tmp_path / "page.prom"
    page.write_text('# TYPE x counter\nx{a="b"} 1\ny <no value>\nx{a="b"} 2\n')
    shown = run_pushvar("show", page, "--explain")
    assert shown.returncode == 0
    assert "repaired: a line whose value is no number was left out (line 3)" in shown.stderr
    assert "x{a=b}" in shown.stdout
    assert "duplicate of an earlier x" in shown.stdout
    piped = run_pushvar(
        "show", "-", "--format", "openmetrics", input="# TYPE x counter\nx_total 1 5\n# EOF\n"
    )
    assert "x_total{" in piped.stdout


def test_a_program_that_prints_something_else_is_down(faulty: FaultyServer, tmp_path: Path) -> None:
    """format: prometheus on an HTML page or on expvar: the scrape fails, and says what the first line is."""
    page = faulty.url.removeprefix("http://") + "/html"
    with Receiver() as receiver:
        config = write_config(tmp_path, {"html": page}, {"strict": receiver.write_url})
        with_format(config, format="prometheus")
        done = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db")
        assert done.returncode == 3
        assert "bad_format" in done.stdout
        assert {target.job: target.health for target in receiver.targets()} == {"html": "down"}
