"""A second process on a state store: ``python -m tests.contract.state_worker COMMAND REFERENCE ...``."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pushvar.state import open_state
from pushvar.state.protocol import Group, NewEntry

from tests.contract.pushed_groups import group

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


def replace_group(reference: str, owner: str, rounds: str) -> None:
    """Make one group's body the next number until it is ``rounds``; say the numbers that were ours."""
    store, place, number = open_state(reference), group("raced"), 0
    tell(0)
    sys.stdin.readline()
    while number < int(rounds):
        now = store.get_groups([place.head.key]).get(place.head.key)
        number = int(now.body) if now else 0
        mine = Group(replace(place.head, version=f"{owner}{number + 1}"), b"%d" % (number + 1))
        if number < int(rounds) and store.put_group(mine, now.head.version if now else ""):
            tell(number + 1)
    store.close()


def push(reference: str, size_bytes: str) -> None:
    """Push new groups without end, and say the number of each when it is stored."""
    store = open_state(reference)
    for number in range(1_000_000):
        body = number.to_bytes(4, "big") * (int(size_bytes) // 4)
        assert store.put_group(group(f"{number:07}", body=body, version="v"), "")
        tell(number)


COMMANDS: dict[str, Callable[..., None]] = {
    "race": race,
    "append": append,
    "replace_group": replace_group,
    "push": push,
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
