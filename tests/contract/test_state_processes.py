"""The state protocol between processes: overlapping runs and sudden death."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from pushvar.state import open_state

from tests.contract.state_stores import SHARED_KINDS, StoreKind
from tests.contract.state_worker import SHARD, now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=SHARED_KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> StoreKind:
    """Each store that several processes can open."""
    return cast("StoreKind", request.param)


@pytest.fixture
def reference(request: pytest.FixtureRequest, kind: StoreKind) -> str:
    """The name of an empty store of that kind."""
    return kind.reference(request)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts workers, reads what they print line by line, and lets none outlive the test."""
    started = []

    def worker(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.contract.state_worker", *arguments]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        return process

    yield worker
    for process in started:
        process.kill()
        process.communicate()


def test_one_process_at_a_time_holds_a_lease(
    kind: StoreKind, reference: str, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """Of several processes racing on a new store exactly one is inside at a time, and none is lost."""
    wins, marker = int(40 * kind.effort), str(tmp_path / "inside")
    racers = [start("race", reference, owner, str(wins), marker) for owner in ("a", "b", "c")]
    assert [racer.stdout.readline() for racer in racers if racer.stdout] == ["0\n"] * 3
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=60) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0], [errors for _, errors in outputs]
    fences = sorted(int(line) for output, _ in outputs for line in output.split())
    assert fences == list(range(1, 3 * wins + 1))
    store = open_state(reference)
    lease = store.acquire(SHARD, "judge", cycle=2, now_ms=now_ms(), ttl_ms=1)
    store.close()
    assert lease is not None
    assert lease.fence == 3 * wins + 1
    assert lease.head.counters == {"won": 3 * wins}


def test_of_processes_that_race_one_replaces_a_version(
    kind: StoreKind, reference: str, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """Processes replace a group on a new store at the same time: each of its versions has one writer."""
    rounds = int(90 * kind.effort)
    racers = [start("replace_group", reference, owner, str(rounds)) for owner in ("a", "b", "c")]
    assert [racer.stdout.readline() for racer in racers if racer.stdout] == ["0\n"] * 3
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=60) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0], [errors for _, errors in outputs]
    assert sorted(int(line) for output, _ in outputs for line in output.split()) == list(range(1, rounds + 1))
    with closing(open_state(reference)) as store:
        (head,) = store.groups("t")
        assert store.get_groups([head.key])[head.key].body == b"%d" % rounds
        assert store.group_tenants()["t"] >= rounds


@pytest.mark.parametrize("size_bytes", [4, 100_000])
def test_a_push_that_returned_survives_kill_9(
    reference: str, size_bytes: int, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """Every group that a killed process was told of is there, listed and whole; at most one more is."""
    doomed = start("push", reference, str(size_bytes))
    assert doomed.stdout is not None
    told = [int(doomed.stdout.readline()) for _ in range(10)]
    doomed.kill()
    told += [int(line) for line in doomed.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    with closing(open_state(reference)) as store:
        heads = store.groups("t")
        found = store.get_groups([head.key for head in heads])
        numbers = sorted(int(head.grouping[0][1]) for head in heads)
        assert numbers in ([*told], [*told, len(told)])
        assert store.group_tenants()["t"] >= len(told)
    for each in found.values():
        assert each.body == int(each.head.grouping[0][1]).to_bytes(4, "big") * (size_bytes // 4)
    assert [found[head.key].head for head in heads] == list(heads)


@pytest.mark.parametrize(
    ("size_bytes", "together"), [(4, 1), (4_000, 1), (400_000, 1), (50_000, 30), (4, 150)]
)
def test_an_append_that_returned_survives_kill_9(
    reference: str, size_bytes: int, together: int, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """What a killed process had stored is there, whole, in order, no hole in it; the head knows its cycle."""
    doomed = start("append", reference, str(size_bytes), str(together))
    assert doomed.stdout is not None
    told = [int(doomed.stdout.readline()) for _ in range(20)]
    doomed.kill()
    rest = doomed.stdout.read()  # behind the lines that are buffered already
    told += [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    store = open_state(reference)
    lease = store.acquire(SHARD, "next", cycle=8, now_ms=now_ms() + 10_000, ttl_ms=1_000)
    assert lease is not None
    assert (lease.head.started_cycle, lease.head.finished_cycle) == (7, 0)
    entries = store.spool_entries(SHARD, "main")
    assert [entry.sequence for entry in entries][: len(told)] == told
    assert len(entries) <= len(told) + 2 * together  # some may have been stored and not told
    for number, entry in enumerate(entries):
        assert store.spool_body(entry) == number.to_bytes(4, "big") * (size_bytes // 4)
    store.close()
