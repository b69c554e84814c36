"""Every program that other tests rely on starts, answers and ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import snappy
from pushvar.errors import ComponentMissing
from pushvar.wire.proto import prometheus_v1_pb2

from tests import components
from tests.components import apt, golang, sam
from tests.programs import loopback, orders
from tests.programs.commands import promtool, pushvar_environment, run_pushvar
from tests.programs.process import NotReady, running, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Orders, Proxies
    from tests.programs.browser import Browser
    from tests.programs.databases import Database
    from tests.programs.faulty_server import FaultyServer
    from tests.programs.servers import Server

PROGRAMS = [program for component in components.COMPONENTS for program in component.programs]


def write(database: Database, value: float, time_ms: int, **labels: str) -> None:
    """Send one sample by remote write 1.0."""
    request = prometheus_v1_pb2.WriteRequest()
    series = request.timeseries.add()
    for name, text in sorted(labels.items()):
        series.labels.add(name=name, value=text)
    series.samples.add(value=value, timestamp=time_ms)
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    body = snappy.compress(request.SerializeToString())
    answer = loopback.request("POST", database.write_url, body=body, headers=headers)
    assert answer.status == 204, answer.body


def fetch_components(
    *arguments: str, path: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m tests.components`` with these variables beside the present ones."""
    return subprocess.run(
        [sys.executable, "-m", "tests.components", *arguments],
        cwd=components.REPOSITORY,
        env={**os.environ, "PATH": os.environ["PATH"] if path is None else path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_is_found(program: str) -> None:
    """Every program of the table is on this machine and can be executed."""
    assert os.access(components.find(program), os.X_OK)


def test_an_unknown_program_is_a_mistake_of_the_caller() -> None:
    """A program that no component has is refused with the list of those that exist."""
    with pytest.raises(
        KeyError, match="known are alertmanager, amtool, caddy, chromium, etcd, influxd, mtail, prom"
    ):
        components.find("grafana")


def test_a_program_that_is_nowhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing program is an error that says which command brings it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ComponentMissing, match=r"etcd is neither .* or apt-get install etcd-server"):
        components.find("etcd", home=tmp_path)


def test_a_second_fetch_does_nothing() -> None:
    """When everything is here, fetching says so, fetches nothing and takes no time."""
    started_s = time.monotonic()
    done = fetch_components()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("all programs that the tests need are here")
    assert time.monotonic() - started_s < 5


def test_what_cannot_be_fetched_is_named(tmp_path: Path, faulty: FaultyServer) -> None:
    """Without apt, the programs and an index, each is named with the next step, and the exit status is 1."""
    (tmp_path / "go").symlink_to(golang.find_go())  # it is there, or would be installed for good
    empty = {"UV_DEFAULT_INDEX": faulty.url, "UV_NO_CACHE": "1"}
    done = fetch_components(str(tmp_path / "home"), path=str(tmp_path), **empty)
    assert done.returncode == 1
    for package in ("prometheus", "prometheus-pushgateway", "victoria-metrics", "etcd-server", "chromium"):
        assert f"apt-get install {package}\n" in done.stdout
    for name, lock in (
        ("sam", "sam"),
        ("runtime", "dev"),
        ("checkov", "checkov"),
        ("ministack", "ministack"),
    ):
        reason = f"{name} could not be installed from requirements/{lock}\\.lock: .*; is the package index"
        assert re.search(reason, done.stdout)
        assert not (tmp_path / "home" / name / "complete").exists()


def test_packages_of_another_lock_do_not_count(tmp_path: Path) -> None:
    """What was installed is used while its lock is the same; else the command that renews it is named."""
    assert sam.SAM.complete(components.HOME)
    other = replace(sam.SAM, lock=golang.LOCK)
    assert not other.complete(components.HOME)
    with pytest.raises(
        ComponentMissing, match=r"/sam does not hold what requirements/go\.lock .* run python"
    ):
        other.find(components.HOME)
    with pytest.raises(ComponentMissing, match=r"requirements/sam\.lock"):
        sam.find_sam(tmp_path)
    with pytest.raises(ComponentMissing, match=r"requirements/dev\.lock"):
        sam.find_runtime(tmp_path)


def test_an_index_that_pip_is_told_of_serves_uv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faulty: FaultyServer
) -> None:
    """Package installers differ in their settings: uv is handed pip's index, unless it has one of its own."""
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"{faulty.url}/pips")
    with pytest.raises(apt.NotFetched):
        sam.RUNTIME.install(tmp_path)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{faulty.url}/uvs")
    with pytest.raises(apt.NotFetched):
        sam.RUNTIME.install(tmp_path)
    assert {path.split("/")[1] for path in faulty.paths()} == {"pips", "uvs"}


@pytest.mark.parametrize("name", ["prometheus", "victoria_metrics"])
def test_a_database_takes_remote_write_and_is_queried(name: str, request: pytest.FixtureRequest) -> None:
    """A sample written to either database is there at once, with its labels, value and time."""
    database: Database = request.getfixturevalue(name)
    now_ms = time.time_ns() // 1_000_000
    write(database, 42.5, now_ms, __name__="component_answer", job="components")
    expected = {"__name__": "component_answer", "job": "components"}
    assert database.query('component_answer{job="components"}') == [(expected, 42.5)]
    assert database.samples('component_answer{job="components"}') == [(expected, [(now_ms, 42.5)])]
    assert database.series('component_answer{job="components"}') == [expected]
    assert database.query("component_answer", now_ms / 1000 - 3600) == []
    assert [value for _, value in database.query("scalar(vector(7))")] == [7.0]


def test_a_query_that_is_wrong_says_so(prometheus: Database) -> None:
    """A test that asks nonsense fails with the words of the database."""
    with pytest.raises(AssertionError, match="parse error"):
        prometheus.query("rate(")


def test_the_pushgateway_takes_a_push(pushgateway: Server) -> None:
    """What is pushed stands on the Pushgateway's page of metrics."""
    url = f"{pushgateway.url}/metrics/job/components"
    assert loopback.request("PUT", url, body=b"component_pushed 3\n").status == 200
    assert 'component_pushed{instance="",job="components"} 3\n' in pushgateway.text("/metrics")


def test_etcd_serves_expvar_and_metrics(etcd: Server) -> None:
    """One process shows the same runtime as expvar and as the Go client's series."""
    memstats = json.loads(etcd.text("/debug/vars"))["memstats"]
    assert memstats["HeapSys"] > 0
    assert "# TYPE go_memstats_heap_sys_bytes gauge\n" in etcd.text("/metrics")


def test_the_go_program_publishes_business_numbers(go_program: Server) -> None:
    """The example shows counters, gauges, maps and a struct beside memstats, and they move."""
    before = json.loads(go_program.text("/debug/vars"))
    assert before.keys() >= {
        "orders_placed_total",
        "queue_depth",
        "http_requests",
        "orders",
        "checkout_latency",
    }
    assert before["goroutines"] > 1
    assert before["orders"]["card"].keys() == {"placed", "paid", "shipped", "cancelled"}

    def moved() -> bool:
        after = json.loads(go_program.text("/debug/vars"))
        requests = [one["http_requests"]["GET /orders"] for one in (before, after)]
        return bool(after["memstats"]["NumGC"] > before["memstats"]["NumGC"] and requests[1] > requests[0])

    loopback.wait_until(moved, timeout_s=20, what="a garbage collection and a request")


def test_go_finds_nothing_wrong_with_the_example() -> None:
    """The example passes ``go vet``."""
    golang.run(orders.SOURCE, "vet", "./...")


def test_the_go_program_ends_cleanly(run_orders: Orders) -> None:
    """SIGTERM ends the example with status 0."""
    with run_orders("-quiet") as server:
        assert server.program.end(grace_s=10) == 0


def test_the_quiet_go_program_rests(run_orders: Orders) -> None:
    """Without traffic two documents differ in memstats and goroutines only, and no collection runs."""
    with run_orders("-quiet") as server:
        one, two = (json.loads(server.text("/debug/vars")) for _ in range(2))
    memory_one, memory_two = one.pop("memstats"), two.pop("memstats")
    del one["goroutines"], two["goroutines"]  # one per connection, and closed ones take a moment
    assert one == two
    assert memory_one["NumGC"] == memory_two["NumGC"]


@pytest.mark.parametrize(
    ("fault", "on_the_wire"),
    [
        ("nan", '"hit_ratio": NaN,'),
        ("inf", '"slack_seconds": +Inf,'),
        ("inf", '"drift_seconds": -Inf,'),
        ("funcnan", '"load": ,'),
        ("ctrlkey", r'"sessions": {"alice\x00\x1b": 3, "b\aob": 1, "caf\xe9": 2},'),
        ("baretext", '"started": 20'),
        ("nilmap", '"workers": {"idle": null}'),
    ],
)
def test_the_go_program_publishes_what_is_no_json(run_orders: Orders, fault: str, on_the_wire: str) -> None:
    """Each fault puts its own bytes on the wire."""
    with run_orders("-quiet", f"-fault={fault}") as server:
        assert on_the_wire in server.text("/debug/vars")


def test_the_browser_runs_scripts_and_paints(
    browser: Browser, go_program: Server, recorded: Proxies, tmp_path: Path
) -> None:
    """Chromium gives the DOM after scripts ran, and a picture of the asked size."""
    page = "data:text/html,<p id=p>plain</p><script>p.textContent = 'scripted ' + (1 + 1)</script>"
    assert '<p id="p">scripted 2</p>' in browser.dump(page)
    with recorded(go_program.url) as proxy:
        assert "orders_placed_total" in browser.dump(f"{proxy.url}/debug/vars")
        assert proxy.last().status == 200
    picture = tmp_path / "page.png"
    browser.screenshot(page, picture, 640, 360)
    header = picture.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert (int.from_bytes(header[16:20]), int.from_bytes(header[20:24])) == (640, 360)


def test_the_browser_has_fonts(browser: Browser, tmp_path: Path) -> None:
    """Text is painted: letters of different shapes give different pictures."""
    for letters in ("iii", "mmm"):
        browser.screenshot(f"data:text/html,<h1>{letters}</h1>", tmp_path / f"{letters}.png", 200, 100)
    assert (tmp_path / "iii.png").read_bytes() != (tmp_path / "mmm.png").read_bytes()


def test_promtool_judges(tmp_path: Path) -> None:
    """Promtool takes a good text format from stdin and refuses a bad rule file."""
    good = "# HELP a_total Things.\n# TYPE a_total counter\na_total 1\n"
    assert promtool("check", "metrics", input=good).returncode == 0
    bad = tmp_path / "bad.yml"
    bad.write_text("groups: [{name: a, rules: [{record: r, expr: 'rate('}]}]\n")
    assert promtool("check", "rules", bad).returncode != 0


def test_pushvar_runs_apart_from_this_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command runs without the PUSHVAR_* variables and proxies of the one who runs the tests."""
    monkeypatch.setenv("PUSHVAR_CONFIG", "elsewhere")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert {"PUSHVAR_CONFIG", "https_proxy"}.isdisjoint(pushvar_environment())
    done = run_pushvar("--help")
    assert done.returncode == 0, done.stderr


def test_a_server_that_never_gets_ready_shows_its_log(tmp_path: Path) -> None:
    """A program that ends at once is reported with its status and its last words."""
    command = ["/bin/sh", "-c", "echo the disk is on fire; exit 3"]
    with (
        pytest.raises(NotReady, match=r"ended with status 3 .*\n.*the disk is on fire"),
        serving(lambda _: command, tmp_path / "log", ready_path="/"),
    ):
        pass


def test_a_program_ends_with_all_its_children(tmp_path: Path) -> None:
    """What a program started is ended with it."""
    with running(["/bin/sh", "-c", "sleep 1000 & echo $!; wait"], tmp_path / "log") as program:
        loopback.wait_until(lambda: bool(program.log_tail()), timeout_s=10, what="the child")
        child = int(program.log_tail())
    assert program.process.returncode == -signal.SIGKILL
    loopback.wait_until(lambda: not is_alive(child), timeout_s=10, what="the child's end")


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be buried does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - /proc is no tree of files to walk
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
