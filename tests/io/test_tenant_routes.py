"""Two tenants and a backend that tells them apart: the real forwarder, and what the backend was sent."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import snappy
from pushvar.app.forwarder import Forwarder
from pushvar.app.world import real_world
from pushvar.collect.registry import open_registry
from pushvar.state import open_state
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest
from pushvar.wire.proto.write_v2_pb2 import Request

from tests.programs import loopback
from tests.programs.plain_sender import Backend, backend, good, pages
from tests.programs.scripted_receiver import Arrived, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TENANTS = ("acme", "globex")
TENANT = "X-Scope-OrgID"


@dataclass
class Scene:
    """A forwarder with a target for each tenant; each publishes a metric of its own and one of both."""

    forwarder: Forwarder
    backend: Backend
    folder: Path

    def whose(self, arrived: Arrived) -> set[str]:
        """The customers of the samples of a request."""
        return {dict(labels)["customer_id"] for labels, _, _ in arrived.samples}

    @property
    def requests(self) -> list[Arrived]:
        """All requests with samples."""
        return [one.arrived for one in self.backend.got]


def _always(page: str) -> Callable[[int], str]:
    return lambda _number: page


@contextmanager
def scene(folder: Path, answer: Callable[[Arrived], Reply] = good, **remote: Any) -> Iterator[Scene]:
    """Build one; ``remote`` are keys of the backend's block."""
    with ExitStack() as stack:
        receiver = stack.enter_context(backend(lambda _number, arrived: answer(arrived)))
        jobs = []
        for tenant in TENANTS:
            page = f"# HELP {tenant}_secret_total Of {tenant}.\n{tenant}_secret_total 1\nshared 2\n"
            served = stack.enter_context(pages(_always(page)))
            labels = {"customer_id": tenant, "vm_account": str(TENANTS.index(tenant) + 7)}
            group = {"targets": [served.address], "labels": labels}
            jobs.append({"job_name": f"job-{tenant}", "metrics_path": "/metrics", "static_configs": [group]})
        block = {"name": "main", "url": f"http://127.0.0.1:{receiver.port}/api/v1/write", **remote}
        config = folder / "pushvar.yml"
        config.write_text(
            json.dumps({"global": {"self_metrics": False}, "scrape_configs": jobs, "remote_write": [block]})
        )
        forwarder = Forwarder(open_registry(str(config)), open_state("memory:"), real_world(), owner="test")
        stack.callback(forwarder.close)
        yield Scene(forwarder, receiver, folder)


SEPARATED: dict[str, Any] = {"headers": {TENANT: "{customer_id}"}, "queue_config": {"max_backoff": "100ms"}}


@pytest.mark.parametrize("message", ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"])
def test_a_request_holds_one_tenant(tmp_path: Path, message: str) -> None:
    """The header names the tenant of every sample in the request, in both versions of remote write."""
    with scene(tmp_path, **SEPARATED, protobuf_message=message) as two:
        for _ in range(2):
            two.forwarder.cycle(every_s=0.01)
            time.sleep(0.02)
        assert len(two.requests) == 2 * len(TENANTS)
        for request in two.requests:
            assert two.whose(request) == {request.headers[TENANT]}


def test_metadata_tells_a_tenant_of_its_own_series_only(tmp_path: Path) -> None:
    """Names and help texts are a tenant's own business; those of health series are everybody's."""
    with scene(tmp_path, **SEPARATED) as two:
        two.forwarder.cycle()
        told = {}
        for request in two.backend.metadata:
            message = WriteRequest.FromString(snappy.decompress(request.body))
            told[request.headers[TENANT]] = {one.metric_family_name: one.help for one in message.metadata}
    assert set(told) == set(TENANTS)
    for tenant, other in (TENANTS, TENANTS[::-1]):
        assert told[tenant][f"{tenant}_secret_total"] == f"Of {tenant}."
        assert {"up", "shared"} <= set(told[tenant])
        assert not [name for name in told[tenant] if other in name]


def test_metadata_in_2_0_is_the_tenants_own(tmp_path: Path) -> None:
    """Each series has the help of its own family; no text of another tenant stands in a request."""
    with scene(tmp_path, **SEPARATED, protobuf_message="io.prometheus.write.v2.Request") as two:
        two.forwarder.cycle()
        for request in two.requests:
            (other,) = {*TENANTS} - {request.headers[TENANT]}
            symbols = Request.FromString(snappy.decompress(request.body)).symbols
            assert f"Of {request.headers[TENANT]}." in symbols
            assert not [text for text in symbols if other in text]


def test_one_tenants_429_does_not_hold_up_the_other(tmp_path: Path) -> None:
    """What is limited waits in a lane of its own; the other tenant's samples arrive in each cycle."""

    def answer(arrived: Arrived) -> Reply:
        if arrived.headers[TENANT] == "acme":
            return Reply(429, {"Retry-After": "30"}, "slow down")
        return good(arrived)

    with scene(tmp_path, answer, **SEPARATED) as two:
        for _ in range(2):
            report = two.forwarder.cycle(every_s=0.01, patience_s=0.5)
            (delivery,) = report.deliveries
            assert (delivery.sent, delivery.spooled, delivery.lost) == (7, 7, 0)
            time.sleep(0.02)
        taken = [one for one in two.backend.got if isinstance(one.reply, Reply) and one.reply.status == 204]
        assert [one.arrived.headers[TENANT] for one in taken] == ["globex", "globex"]
        assert report.deliveries[0].waiting == 14


class _Paths(BaseHTTPRequestHandler):
    """Takes every write and keeps whose samples came at which path."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        """Take it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = WriteRequest.FromString(snappy.decompress(body))
        for series in request.timeseries:
            labels = {label.name: label.value for label in series.labels}
            self.seen.append((labels["customer_id"], self.path))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Stay silent."""


def test_a_victoria_metrics_url_names_the_tenants_account(tmp_path: Path) -> None:
    """A label of the target is the account in the path, and no request holds another account's samples."""
    path = "/insert/{vm_account}:0/prometheus/api/v1/write"
    with ThreadingHTTPServer(("127.0.0.1", 0), _Paths) as server, loopback.served(server):
        server.daemon_threads = True
        server.block_on_close = False
        with scene(tmp_path, url=f"http://127.0.0.1:{server.server_port}{path}") as two:
            two.forwarder.cycle()
    expected = [(tenant, path.format(vm_account=7 + place)) for place, tenant in enumerate(TENANTS)]
    assert sorted(set(_Paths.seen)) == expected
    assert len(_Paths.seen) == 14
