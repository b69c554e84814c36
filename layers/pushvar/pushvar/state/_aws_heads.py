"""The heads of shards in the AWS store: leases, and writes that happen only under a lease."""

from __future__ import annotations

import json
import zlib
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pushvar.state._aws_table import Refused, Write
from pushvar.state._words import lease_lost
from pushvar.state.protocol import Head, Lease, ShardState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pushvar.state._aws_table import AwsTable, Key, Value

SPOOL: Final = "spool#"
_ZIP_FROM_BYTES: Final = 512
_FREE: Final = "attribute_not_exists(holder) OR holder = :holder OR expires_ms <= :now_ms"
_TAKE: Final = (
    "SET holder = :holder, expires_ms = :expires_ms, last_write = :this_write, started_cycle = :cycle,"
    " started_before = if_not_exists(started_cycle, :zero),"
    " last_sequence = if_not_exists(last_sequence, :zero) ADD fence :one"
)
_OURS: Final = "fence = :fence AND holder = :holder"
_RELEASE: Final = "SET expires_ms = :zero, last_write = :this_write REMOVE holder"
_COMMIT: Final = (
    "SET started_cycle = :started, finished_cycle = :finished, counters = :counters, lanes = :lanes,"
    " layout = :layout, last_write = :this_write"
)
_COMMIT_AND_RELEASE: Final = f"{_COMMIT}, expires_ms = :zero REMOVE holder"
_APPEND: Final = "SET last_sequence = :next, last_write = :this_write"


class AwsHeads:
    """Leases and heads of shards. Safe for several threads.

    Threads of one process that write under one shard's lease take turns, since DynamoDB refuses
    transactions that meet on an item, and all of them touch the head.
    """

    def __init__(self, table: AwsTable) -> None:
        self._table = table
        self._turns: dict[str, Lock] = {}
        self._sequences: dict[str, int] = {}  # the last spool number of each shard, as far as we know

    def acquire(self, shard: str, owner: str, *, cycle: int, now_ms: int, ttl_ms: int) -> Lease | None:
        """Take a free, expired or own lease and read the head, in one write."""
        this_write = uuid4().hex
        values: dict[str, Value] = {
            ":holder": owner,
            ":now_ms": now_ms,
            ":expires_ms": now_ms + ttl_ms,
            ":cycle": cycle,
            ":this_write": this_write,
            ":zero": 0,
            ":one": 1,
        }
        try:
            before = self._table.write(Write("Update", _key(shard), _FREE, _TAKE, values))
        except Refused:
            return None
        self._sequences[shard] = before.get("last_sequence", 0)
        again = before.get("last_write") == this_write  # our own earlier try, its answer lost, took it
        started_cycle = before.get("started_before" if again else "started_cycle", 0)
        return Lease(shard, owner, before.get("fence", 0) + 1, now_ms + ttl_ms, _head(started_cycle, before))

    def renew(self, lease: Lease, expires_ms: int) -> None:
        """Move the end of a lease; raises LeaseLost."""
        change = "SET expires_ms = :expires_ms, last_write = :this_write"
        self._change(lease, change, {":expires_ms": expires_ms})

    def commit(self, lease: Lease, head: Head, *, release: bool) -> None:
        """Replace the head; raises LeaseLost."""
        values: dict[str, Value] = {
            ":started": head.started_cycle,
            ":finished": head.finished_cycle,
            ":counters": _packed(head.counters),
            ":lanes": _packed(head.lanes),
            ":layout": head.layout,
        }
        if release:
            self._change(lease, _COMMIT_AND_RELEASE, values | {":zero": 0})
        else:
            self._change(lease, _COMMIT, values)

    def look(self, shards: Collection[str]) -> Mapping[str, ShardState]:
        """The heads as they are now, 100 by a read; a shard that never had a lease is left out."""
        keys = {_key(shard): shard for shard in shards}
        items = self._table.get_all(keys)
        return {
            keys[key]: ShardState(
                _head(item.get("started_cycle", 0), item), item["expires_ms"] if "holder" in item else 0
            )
            for key, item in items.items()
        }

    def release(self, lease: Lease) -> None:
        """Give the lease back; raises LeaseLost."""
        self._change(lease, _RELEASE, {":zero": 0})

    def under(self, lease: Lease, writes: Sequence[Write]) -> None:
        """Do writes of other items as one transaction (one of ``batches``), if the lease is the newest.

        Raises LeaseLost, or Refused when conditions of the writes do not hold.
        """
        check = Write("ConditionCheck", _key(lease.shard), _OURS, values=_ours(lease))
        with self._turn(lease.shard):
            try:
                self._table.write(check, *writes)
            except Refused as refused:
                if 0 in refused.found:
                    raise _lost(lease, refused.found[0]) from None
                raise Refused({index - 1: found for index, found in refused.found.items()}) from None

    def append(self, lease: Lease, items: Sequence[Mapping[str, Value]], this_write: str) -> int:
        """Put spool items at the end of the shard's spool, all or none; gives the number of the last.

        They are no more than one of ``batches``. The head counts, so a number is never given twice.
        ``this_write`` names this call alone. Raises LeaseLost.
        """
        with self._turn(lease.shard):
            while True:
                last = self._sequences.get(lease.shard, 0)
                now, done = self._append_after(lease, last, items, this_write)
                self._sequences[lease.shard] = now
                if done:
                    return now  # else another opening of the store counted under this lease

    def _append_after(
        self, lease: Lease, last: int, items: Sequence[Mapping[str, Value]], this_write: str
    ) -> tuple[int, bool]:
        """Append if ``last`` is the shard's last number; gives what it is now, and whether it is ours."""
        now = last + len(items)
        values = {**_ours(lease), ":last": last, ":next": now, ":this_write": this_write}
        condition = f"{_OURS} AND last_sequence = :last"
        count = Write("Update", _key(lease.shard), condition, _APPEND, values)
        puts = (Write("Put", spool_key(lease.shard, last + n), item=item) for n, item in enumerate(items, 1))
        try:
            self._table.write(count, *puts)
        except Refused as refused:
            found = refused.found[0]
            if (found.get("fence"), found.get("holder")) != (lease.fence, lease.owner):
                raise _lost(lease, found) from None
            # The last write may be our own earlier try, whose answer was lost.
            return int(found["last_sequence"]), found["last_write"] == this_write
        return now, True

    def _change(self, lease: Lease, change: str, values: Mapping[str, Value]) -> None:
        this_write = uuid4().hex
        values = {**_ours(lease), **values, ":this_write": this_write}
        try:
            self._table.write(Write("Update", _key(lease.shard), _OURS, change, values))
        except Refused as refused:
            if refused.found[0].get("last_write") != this_write:  # else our earlier try released it
                raise _lost(lease, refused.found[0]) from None

    def _turn(self, shard: str) -> Lock:
        return self._turns.setdefault(shard, Lock())


def spool_key(shard: str, sequence: int) -> Key:
    """Where the index of a spool entry stands; the order of keys is the order of appending."""
    return f"shard#{shard}", f"{SPOOL}{sequence:016}"


def _key(shard: str) -> Key:
    return f"shard#{shard}", "head"


def _ours(lease: Lease) -> dict[str, Value]:
    return {":fence": lease.fence, ":holder": lease.owner}


def _lost(lease: Lease, found: Mapping[str, Any]) -> Exception:
    return lease_lost(lease, found.get("fence"), found.get("holder"))


def _head(started_cycle: int, item: Mapping[str, Any]) -> Head:
    counters, lanes = item.get("counters", "{}"), item.get("lanes", "{}")
    finished_cycle, layout = item.get("finished_cycle", 0), item.get("layout", 0)
    return Head(started_cycle, finished_cycle, _unpacked(counters), _unpacked(lanes), layout)


def _packed(value: object) -> str | bytes:
    """JSON text, or zlib of it where that saves write units (1 KB each)."""
    text = json.dumps(value, separators=(",", ":"))
    return text if len(text) < _ZIP_FROM_BYTES else zlib.compress(text.encode())


def _unpacked(value: str | bytes) -> Any:
    return json.loads(value if isinstance(value, str) else zlib.decompress(value))
