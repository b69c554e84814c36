"""A second process on a state store: ``python -m tests.contract.state_worker COMMAND REFERENCE ...``."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pushvar.state import open_state
from pushvar.state.protocol import NewEntry

if TYPE_CHECKING:
    from collections.abc import Callable

TTL_MS = 60_000
SHARD = "0"


def now_ms() -> int:
    """The wall clock, which all processes of a test share."""
    return time.time_ns() // 1_000_000


def tell(number: int) -> None:
    """Say a number to the test, at once."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def race(reference: str, owner: str, wins: str, marker: str) -> None:
    """Win the lease so many times; while it is held no other process may be inside the marker."""
    store, left = open_state(reference), int(wins)
    tell(0)
    sys.stdin.readline()  # all start together, on a store that nobody has made yet
    while left:
        lease = store.acquire(SHARD, owner, cycle=1, now_ms=now_ms(), ttl_ms=TTL_MS)
        if lease is None:
            time.sleep(0.001)
            continue
        Path(marker).touch(exist_ok=False)  # fails when somebody else holds the lease too
        won = lease.head.counters.get("won", 0) + 1
        time.sleep(0.001)
        store.commit(lease, replace(lease.head, counters={"won": won}))
        Path(marker).unlink()
        store.release(lease)
        tell(lease.fence)
        left -= 1
    store.close()


def append(reference: str, size_bytes: str, together: str) -> None:
    """Append so many at once to a lane, without end, and say each sequence number when it is stored."""
    store = open_state(reference)
    lease = store.acquire(SHARD, "doomed", cycle=7, now_ms=now_ms(), ttl_ms=1)
    assert lease is not None
    for first in range(0, 1_000_000, int(together)):
        numbers = range(first, first + int(together))
        bodies = [number.to_bytes(4, "big") * (int(size_bytes) // 4) for number in numbers]
        new = [NewEntry(body, 1, number) for number, body in zip(numbers, bodies, strict=True)]
        for entry in store.spool_append(lease, "main", new):
            tell(entry.sequence)


COMMANDS: dict[str, Callable[..., None]] = {"race": race, "append": append}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
