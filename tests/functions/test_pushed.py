"""A push on emulated services, all the way: gateway, plan, queue, forward, backend, and its end."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from pushvar.model import STALE_BITS

from tests.functions.deployment import Deployment, deploy
from tests.functions.function_url import event_of
from tests.programs.scripted_receiver import Reply, ScriptedReceiver, scripted_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.aws import Aws

OPEN = {"anonymous": "acme"}


@pytest.fixture
def stack(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Give an empty deployment."""
    deployed = deploy(aws, tmp_path, monkeypatch.setenv)
    yield deployed
    for container in deployed.containers:
        container.close()


@pytest.fixture
def receiver() -> Iterator[ScriptedReceiver]:
    """Give a receiver that takes everything."""
    with scripted_receiver(Reply(204)) as one:
        yield one


def push(stack: Deployment, method: str, body: bytes = b"") -> int:
    """One request to a new container of the gateway; gives the status."""
    headers = {"Content-Type": "text/plain"}
    answer = stack.container("gateway")(event_of(method, "/metrics/job/nightly/region/eu", headers, body, ""))
    return int(answer["statusCode"])


def test_a_push_reaches_the_backend_and_ends(stack: Deployment, receiver: ScriptedReceiver) -> None:
    """Sent in each cycle by whichever container, with its tenant's labels; a DELETE ends it, once."""
    stack.configure([], receiver.url, gateway=OPEN, metadata_config={"send": False})
    stack.cycle()
    assert receiver.arrived == []
    assert push(stack, "PUT", b"# TYPE rows gauge\nrows 42\n") == 200
    stack.cycle()
    stack.cycle()
    assert b"group#" in stack.stored()
    assert push(stack, "DELETE") == 202
    stack.cycle()
    stack.cycle()
    rows = [
        (dict(labels), time_ms, struct.unpack("<Q", struct.pack("<d", value))[0])
        for request in receiver.arrived
        for labels, time_ms, value in request.samples
        if ("__name__", "rows") in labels
    ]
    assert {tuple(sorted(labels.items())) for labels, _, _ in rows} == {
        (
            ("__name__", "rows"), ("customer_id", "acme"), ("job", "nightly"), ("region", "eu"),
            ("service_domain", "nightly"), ("sla_tier", "bronze"),
        )
    }  # fmt: skip
    (value,) = struct.unpack("<Q", struct.pack("<d", 42.0))
    assert [bits for _, _, bits in rows] == [value, value, STALE_BITS]
    times = [time_ms for _, time_ms, _ in rows]
    assert times == sorted(set(times))
    assert b"group#" not in stack.stored()
