"""The programs that tests run against, as fixtures.

Servers live as long as the session and are shared, so a test uses label values or paths of its own.
A test that needs one for itself takes a context manager from ``tests.programs``. When a test fails,
its report shows the last log lines of each program that had something to say meanwhile.
"""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests import components
from tests.programs import aws as amazon
from tests.programs import (
    builds,
    databases,
    expvar_servers,
    faulty_server,
    orders,
    process,
    recording_proxy,
    servers,
)
from tests.programs.browser import Browser
from tests.programs.expvar_zoo import expvar_zoo as run_zoo

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.builds import Build
    from tests.programs.databases import Database
    from tests.programs.servers import Server

    Orders = Callable[..., AbstractContextManager[Server]]
    Proxies = Callable[[str], AbstractContextManager[recording_proxy.RecordingProxy]]


def pytest_configure() -> None:
    """Make SIGTERM an interrupt: a run that is called off still ends the programs it started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what each program printed last to the report of a test that failed while it printed."""
    report = yield
    if report.failed:
        spoke = (program for program in process.STARTED if program.spoke_since(call.start))
        report.sections += [(f"log of {program.name}", program.log_tail()) for program in spoke]
    return report


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give a Prometheus that takes remote write 1.0."""
    with databases.prometheus(tmp_path_factory.mktemp("prometheus")) as database:
        yield database


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Give Prometheus' tool, which stands beside the server."""
    return components.find("prometheus").with_name("promtool")


@pytest.fixture(scope="session")
def victoria_metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give a VictoriaMetrics that takes remote write 1.0."""
    with databases.victoria_metrics(tmp_path_factory.mktemp("victoria-metrics")) as database:
        yield database


@pytest.fixture(scope="session")
def pushgateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a Pushgateway."""
    with servers.pushgateway(tmp_path_factory.mktemp("pushgateway")) as server:
        yield server


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """Give an AWS of this session, which tests share: each uses names of its own."""
    with amazon.aws(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture
def aws(aws_server: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """Give the session's AWS, and make it the one that boto3 in this process finds.

    It is given more time than AWS: moto writes an item as a whole, so the late end of a try that was given
    up would undo what came after it.
    """
    monkeypatch.setattr("pushvar.state._aws_service.READ_TIMEOUT_S", 20.0)
    for name, value in aws_server.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return aws_server


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give an etcd, which serves /debug/vars and /metrics of one process."""
    with servers.etcd(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture(scope="session")
def influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give an InfluxDB 1.x with one database, two points in it and a query done."""
    with expvar_servers.influxdb(tmp_path_factory.mktemp("influxdb")) as server:
        yield server


@pytest.fixture(scope="session")
def mtail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give an mtail that follows one log."""
    with expvar_servers.mtail(tmp_path_factory.mktemp("mtail")) as server:
        yield server


@pytest.fixture(scope="session")
def caddy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give the admin endpoint of a Caddy that serves nothing."""
    with expvar_servers.caddy(tmp_path_factory.mktemp("caddy")) as server:
        yield server


@pytest.fixture(scope="session")
def expvar_zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give the Go program that publishes each payload family under ``/<family>/debug/vars``."""
    with run_zoo(tmp_path_factory.mktemp("expvar-zoo")) as server:
        yield server


@pytest.fixture(scope="session")
def orders_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Go example, compiled once."""
    return orders.build(tmp_path_factory.mktemp("orders-build"))


@pytest.fixture(scope="session")
def go_program(orders_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give the Go example with its simulated traffic."""
    with orders.orders(orders_binary, tmp_path_factory.mktemp("orders")) as server:
        yield server


@pytest.fixture
def run_orders(orders_binary: Path, tmp_path: Path) -> Orders:
    """Give a way to run the Go example with flags of one's own.

    ``with run_orders("-quiet", "-fault=nan") as server: ...``
    """
    return partial(orders.orders, orders_binary, tmp_path)


@pytest.fixture
def recorded() -> Proxies:
    """Give a way to see what passes between a client and a server.

    ``with recorded(server.url) as proxy: ...``
    """
    return recording_proxy.recording_proxy


@pytest.fixture
def faulty() -> Iterator[faulty_server.FaultyServer]:
    """Give a server that misbehaves by path, with no request recorded yet."""
    with faulty_server.faulty_server() as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Browser:
    """Give a headless Chromium."""
    return Browser.found()


@pytest.fixture(scope="session")
def local_build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Give the functions and their layer, built by SAM for the Python that runs the tests."""
    return builds.build(tmp_path_factory.mktemp("local-build"), "build-local")


@pytest.fixture(scope="session")
def release_build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Give what is deployed by default: arm64, the runtime of the template, whatever machine this is."""
    return builds.build(tmp_path_factory.mktemp("release-build"))


@pytest.fixture(scope="session")
def x86_build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Give the same for x86_64."""
    return builds.build(tmp_path_factory.mktemp("x86-build"), "build-x86")
