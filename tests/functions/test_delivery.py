"""Delivery on emulated services: what waits lies in DynamoDB and S3, and any container may send it."""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.model import STALE_BITS

from tests.functions.deployment import Deployment, deploy
from tests.programs.scripted_receiver import Reply, ScriptedReceiver, scripted_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.faulty_server import FaultyServer

BUDGET_S = 8


@pytest.fixture
def stack(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Give an empty deployment."""
    deployed = deploy(aws, tmp_path, monkeypatch.setenv)
    yield deployed
    for container in deployed.containers:
        container.close()


@pytest.fixture
def receiver() -> Iterator[ScriptedReceiver]:
    """Give a receiver that takes everything until it is told otherwise."""
    with scripted_receiver(Reply(204)) as one:
        yield one


def job(*addresses: str, name: str = "pay", **more: Any) -> dict[str, Any]:
    """A scrape config whose targets belong to acme."""
    group = {"targets": list(addresses), "labels": {"customer_id": "acme"}}
    return {"job_name": name, "metrics_path": "/ok", "static_configs": [group], **more}


def cycle(stack: Deployment) -> None:
    """One cycle, in little time: a backend that is down is given up soon."""
    stack.cycle(timeout_s=BUDGET_S)


def taken(receiver: ScriptedReceiver, since: int = 0) -> dict[str, list[tuple[int, int]]]:
    """What arrived from request ``since`` on: (time, 64-bit pattern) of each sample by series."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for request in receiver.arrived[since:]:
        for labels, time_ms, value in request.samples:
            (bits,) = struct.unpack("<Q", struct.pack("<d", value))
            found[str(labels)].append((time_ms, bits))
    return found


def test_what_waits_is_sent_by_another_container(
    stack: Deployment, faulty: FaultyServer, receiver: ScriptedReceiver
) -> None:
    """Two cycles into a dead backend, one into a living one: three samples of each series, in order."""
    address = faulty.url.removeprefix("http://")
    stack.configure([job(address)], receiver.url, queue_config={"max_samples_per_send": 10})
    receiver.replies[:] = [Reply(503)]
    cycle(stack)
    before = len(receiver.arrived)
    cycle(stack)
    assert len(receiver.arrived) == before + 1, "a backend that is down is asked once"
    receiver.replies[:] = [Reply(204)]
    since = len(receiver.arrived)
    cycle(stack)
    found = taken(receiver, since)
    assert len(found) == 6
    for samples in found.values():
        times = [time_ms for time_ms, _ in samples]
        assert len(times) == 3
        assert times == sorted(set(times))
    cycle(stack)
    assert {len(samples) for samples in taken(receiver, since).values()} == {4}
    left = stack.aws.client("s3").list_objects_v2(Bucket=stack.bucket, Prefix="spool").get("Contents", ())
    assert list(left) == []


def test_a_removed_target_ends_and_a_moved_one_does_not(
    stack: Deployment, faulty: FaultyServer, receiver: ScriptedReceiver
) -> None:
    """More shards end no series; a target that is taken out of the configuration gets its markers once."""
    address = faulty.url.removeprefix("http://")
    other = faulty.other_url.removeprefix("http://")
    jobs = [job(address, other), job(address, other, name="web"), job(address, other, name="api")]
    stack.configure(jobs, receiver.url)
    cycle(stack)
    stack.set_variable("PUSHVAR_SHARDS", "3")
    cycle(stack)
    assert not any(bits == STALE_BITS for samples in taken(receiver).values() for _, bits in samples)
    stack.configure([job(address), *jobs[1:]], receiver.url)
    since = len(receiver.arrived)
    cycle(stack)
    cycle(stack)
    ended = {
        series: [bits for _, bits in samples].count(STALE_BITS)
        for series, samples in taken(receiver, since).items()
    }
    gone = {series for series, count in ended.items() if count}
    assert gone
    assert {ended[series] for series in gone} == {1}
    assert all(f"('instance', '{other}')" in series and "('job', 'pay')" in series for series in gone)
    assert any("('__name__', 'up')" in series for series in gone)
