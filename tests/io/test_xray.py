"""Spans as X-Ray's daemon gets them."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.net.xray import DAEMON, TRACE, XRay

from tests.programs.xray_daemon import XRayDaemon, xray_daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT, PARENT = "1-691f2a00-0123456789abcdef01234567", "53995c3f42cd8ad8"
SAMPLED = f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=1:a:0"


@pytest.fixture
def daemon() -> Iterator[XRayDaemon]:
    """Give a daemon."""
    with xray_daemon() as one:
        yield one


@pytest.fixture
def environment(daemon: XRayDaemon) -> dict[str, str]:
    """Give what Lambda sets for a sampled invocation."""
    return {DAEMON: daemon.address, TRACE: SAMPLED}


@pytest.fixture
def xray(environment: dict[str, str]) -> XRay:
    """Give what a function sends its spans by."""
    return XRay(environment)


def by_name(daemon: XRayDaemon) -> dict[str, dict[str, Any]]:
    """The documents that arrived, by name."""
    return {one["name"]: one for one in daemon.documents()}


def test_spans_lie_in_each_other(daemon: XRayDaemon, xray: XRay) -> None:
    """The outermost in the segment that Lambda made; each is told when it ends, with its own time."""
    began_s = time.time()
    with xray.span("shard", shard="7", cycle=5), xray.span("fetch", targets=3) as notes:
        notes["down"] = 1
    with xray.span("commit"):
        pass
    found = daemon.documents()
    assert [one["name"] for one in found] == ["fetch", "shard", "commit"]
    fetch, shard, commit = found
    assert (shard["parent_id"], fetch["parent_id"], commit["parent_id"]) == (PARENT, shard["id"], PARENT)
    assert {(one["trace_id"], one["type"]) for one in found} == {(ROOT, "subsegment")}
    assert all(re.fullmatch("[0-9a-f]{16}", one["id"]) for one in found)
    assert len({one["id"] for one in found}) == 3
    assert shard["annotations"] == {"shard": "7", "cycle": 5}
    assert fetch["annotations"] == {"targets": 3, "down": 1}
    assert began_s <= shard["start_time"] <= fetch["start_time"] <= fetch["end_time"] <= shard["end_time"]
    assert not any("fault" in one for one in found)


def test_an_exception_is_a_fault(daemon: XRayDaemon, xray: XRay) -> None:
    """It passes through, and is named; so is an error that was only noted."""
    with pytest.raises(LookupError), xray.span("shard"), xray.span("lease"):
        raise LookupError("no\nsuch key " + "x" * 10_000)
    with xray.span("backend main") as notes:
        notes["error"] = "503: try later"
    found = by_name(daemon)
    assert all(one["fault"] for one in found.values())
    (told,) = found["lease"]["cause"]["exceptions"]
    assert (told["type"], told["message"][:11], len(told["message"])) == ("LookupError", "no such key", 500)
    assert found["backend main"]["annotations"] == {"error": "503: try later"}


def test_threads_lie_in_what_waits_for_them(daemon: XRayDaemon, xray: XRay) -> None:
    """Backends are served side by side while the delivery waits."""
    both = threading.Barrier(2)

    def serve(name: str) -> None:
        with xray.span(name):
            both.wait()

    with xray.span("deliver"):
        threads = [threading.Thread(target=serve, args=(name,)) for name in ("backend a", "backend b")]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    found = by_name(daemon)
    assert {found[name]["parent_id"] for name in ("backend a", "backend b")} == {found["deliver"]["id"]}


@pytest.mark.parametrize(
    "trace",
    ["", f"Root={ROOT};Parent={PARENT};Sampled=0", f"Root={ROOT};Parent={PARENT}", "Sampled=1", ";;="],
)
def test_what_is_not_sampled_is_not_told(
    daemon: XRayDaemon, environment: dict[str, str], xray: XRay, trace: str
) -> None:
    """Nothing is sent, and notes can be added all the same."""
    environment[TRACE] = trace
    with xray.span("shard", cycle=5) as notes:
        notes["more"] = 1
    assert daemon.documents() == []


def test_the_next_invocation_begins_anew(daemon: XRayDaemon, environment: dict[str, str], xray: XRay) -> None:
    """A span that an earlier one never ended is nobody's parent."""
    left_open = xray.span("left open")
    left_open.__enter__()
    environment[TRACE] = SAMPLED.replace(PARENT, "0" * 16).replace("0123", "4567")
    with xray.span("shard"):
        pass
    assert by_name(daemon)["shard"]["parent_id"] == "0" * 16


@pytest.mark.parametrize("address", ["", "127.0.0.1:9", "nowhere", "127.0.0.1:port", "a.invalid:1"])
def test_a_daemon_that_is_away_is_no_error(environment: dict[str, str], xray: XRay, address: str) -> None:
    """Traces are lost, and nothing else."""
    environment[DAEMON] = address
    done = False
    with xray.span("a <b>" * 100):
        done = True
    assert done
