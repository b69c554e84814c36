"""State in one DynamoDB table, large bodies as objects of one S3 bucket: for Lambda and for many machines.

A healthy cycle is two writes of one small item. What one shard writes is bound to its head by a
condition, so a fence that has passed can change nothing.

    pk                 sk                 attributes
    shard#<shard>      head               holder, fence, expires_ms, started_cycle, finished_cycle, counters,
                                          lanes, last_sequence, last_write, started_before
    shard#<shard>      spool#<16 digits>  lane, time_ms, samples, size_bytes, object_key, gone_s
    shard#<shard>      fingerprints       body or object_key
    target#<key>       series             body or object_key
    document#<sha256>  document           body or object_key
    pointer#<name>     pointer            digest

    bucket: spool/<shard>/<lane>/<id>  fingerprints/<shard>/<id>  series/<key>/<id>  documents/<sha256>

``counters`` and ``lanes`` are JSON text, or zlib of it (binary) once that is long; documents and
fingerprints are zlib, series as given. ``gone_s`` (Unix seconds) is the table's TTL attribute and only
sweeps what a dead shard left; objects under ``spool/`` must be kept longer than SPOOL_KEPT_S.
``holder`` is absent while nobody has the lease. ``last_write`` names the last write of a head: when the
answer of a write is lost and botocore sends it again, that tells our own earlier try from a stranger's.

Limits (DynamoDB): an item has at most 400 KB, a key 2 KB.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pushvar.errors import ConfigError, LeaseLost
from pushvar.state._aws_bodies import AwsBodies, safe_name
from pushvar.state._aws_bucket import AwsBucket
from pushvar.state._aws_heads import SPOOL, AwsHeads, spool_key
from pushvar.state._aws_table import AwsTable, Write
from pushvar.state._words import demand_own_entry, document_damaged, entry_gone
from pushvar.state.protocol import Head, Lease, SpoolEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.state._aws_table import Key, Value

SPOOL_KEPT_S: Final = 14 * 24 * 3600
"""When the table may sweep a spool item that no run has acknowledged or dropped: far past any age limit."""

INLINE_DOCUMENT_BYTES: Final = 4_096
_LOCATION: Final = re.compile(r"([A-Za-z0-9_.-]{3,255})/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])")


def open_store(location: str) -> AwsStore:
    """The store in ``TABLE/BUCKET``, both in the region of AWS_REGION. Raises ConfigError."""
    match = _LOCATION.fullmatch(location)
    if match is None:
        raise ConfigError(
            "state",
            f"{location!r} is no DynamoDB table and S3 bucket",
            hint="write aws:TABLE/BUCKET, the names alone, as in aws:pushvar-prod/pushvar-prod-123456789012",
        )
    return AwsStore(match[1], match[2])


class AwsStore:
    """The state protocol on DynamoDB and S3. Safe for several threads, processes and machines."""

    def __init__(self, table: str, bucket: str) -> None:
        self._table, self._bucket = AwsTable(table), AwsBucket(bucket)
        self._heads = AwsHeads(self._table)
        self._bodies = AwsBodies(self._table, self._heads, self._bucket)

    def acquire(self, shard: str, owner: str, *, cycle: int, now_ms: int, ttl_ms: int) -> Lease | None:
        """Take a free, expired or own lease; the fence grows by one. One write."""
        return self._heads.acquire(shard, owner, cycle=cycle, now_ms=now_ms, ttl_ms=ttl_ms)

    def renew(self, lease: Lease, *, now_ms: int, ttl_ms: int) -> Lease:
        """Prolong a lease, also an expired one that nobody took; raises LeaseLost otherwise."""
        self._heads.renew(lease, now_ms + ttl_ms)
        return replace(lease, expires_ms=now_ms + ttl_ms)

    def commit(self, lease: Lease, head: Head, *, release: bool = False) -> None:
        """Replace the shard's head, and give the lease back when asked to; raises LeaseLost. One write."""
        self._heads.commit(lease, head, release=release)

    def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when it is already lost."""
        with suppress(LeaseLost):
            self._heads.release(lease)

    def put_document(self, body: bytes) -> str:
        """Store a document under its sha256; one that is there costs a read."""
        digest = sha256(body).hexdigest()
        key = _document_key(digest)
        if self._table.get(key) is None:
            zipped = zlib.compress(body)
            if len(zipped) <= INLINE_DOCUMENT_BYTES:
                self._table.write(Write("Put", key, item={"body": zipped}))
            else:
                object_key = f"documents/{digest}"
                self._bucket.put_once(object_key, zipped)
                self._table.write(Write("Put", key, item={"object_key": object_key}))
        return digest

    def get_document(self, digest: str) -> bytes | None:
        """The document of that hash, or None; raises StateError when its bytes no longer fit the hash."""
        zipped = self._bodies.read(_document_key(digest))
        if zipped is None:
            return None
        try:
            body = zlib.decompress(zipped)
        except zlib.error:
            body = b""
        if sha256(body).hexdigest() != digest:
            delete = f"item document#{digest}, and object documents/{digest} of bucket {self._bucket.name}"
            raise document_damaged(digest, f"state table {self._table.name}", delete)
        return body

    def set_pointer(self, name: str, digest: str) -> None:
        """Point a name at a document."""
        self._table.write(Write("Put", _pointer_key(name), item={"digest": digest}))

    def get_pointer(self, name: str) -> str | None:
        """The hash that a name points at, or None."""
        item = self._table.get(_pointer_key(name))
        return None if item is None else str(item["digest"])

    def spool_append(self, lease: Lease, lane: str, body: bytes, *, samples: int, time_ms: int) -> SpoolEntry:
        """Store a batch at the end of a lane: the body first, then what names it; raises LeaseLost."""
        place = f"spool/{safe_name(lease.shard)}/{safe_name(lane)}/{uuid4().hex}"
        self._bucket.put(place, body)
        item: dict[str, Value] = {
            "lane": lane,
            "time_ms": time_ms,
            "samples": samples,
            "size_bytes": len(body),
            "object_key": place,
            "gone_s": int(time.time()) + SPOOL_KEPT_S,
        }
        try:
            sequence = self._heads.append(lease, item, this_write=place)
        except LeaseLost:
            self._bodies.sweep(place)
            raise
        return SpoolEntry(lease.shard, lane, sequence, time_ms, samples, len(body), place)

    def spool_entries(self, shard: str, lane: str | None = None) -> tuple[SpoolEntry, ...]:
        """What waits in one lane or in all of them, in the order of appending."""
        items = self._table.query(f"shard#{shard}", SPOOL)
        return tuple(_entry(shard, item) for item in items if lane is None or item["lane"] == lane)

    def spool_body(self, entry: SpoolEntry) -> bytes:
        """The bytes of one entry; raises StateError when they are gone."""
        body = self._bucket.get(entry.place) if entry.place else None
        if body is None:
            raise entry_gone(entry)
        return body

    def spool_acknowledge(self, lease: Lease, entry: SpoolEntry) -> None:
        """Remove an entry of the lease's own shard, if it is still there; raises LeaseLost."""
        demand_own_entry(lease, entry)
        self._heads.under(lease, Write("Delete", spool_key(entry.shard, entry.sequence)))
        if entry.place:
            self._bodies.sweep(entry.place)  # nothing names it: a failure here only leaves rubbish

    def fingerprints(self, shard: str) -> Mapping[str, bytes]:
        """Target key -> fingerprint, for every target the shard remembers."""
        body = self._bodies.read(_fingerprints_key(shard))
        if body is None:
            return {}
        return {key: bytes.fromhex(text) for key, text in json.loads(zlib.decompress(body)).items()}

    def set_fingerprints(self, lease: Lease, fingerprints: Mapping[str, bytes]) -> None:
        """Replace the shard's fingerprints; raises LeaseLost."""
        text = json.dumps({key: value.hex() for key, value in fingerprints.items()}, separators=(",", ":"))
        body = zlib.compress(text.encode())
        self._bodies.replace(lease, _fingerprints_key(lease.shard), body, folder="fingerprints")

    def series(self, target_key: str) -> bytes | None:
        """The series set of a target as it was stored, or None."""
        return self._bodies.read(_series_key(target_key))

    def set_series(self, lease: Lease, target_key: str, body: bytes | None) -> None:
        """Store a target's series set, or forget it (None); raises LeaseLost."""
        self._bodies.replace(lease, _series_key(target_key), body, folder="series")

    def close(self) -> None:
        """Let go of the connections."""
        self._table.close()
        self._bucket.close()


def _document_key(digest: str) -> Key:
    return f"document#{digest}", "document"


def _pointer_key(name: str) -> Key:
    return f"pointer#{name}", "pointer"


def _fingerprints_key(shard: str) -> Key:
    return f"shard#{shard}", "fingerprints"


def _series_key(target_key: str) -> Key:
    return f"target#{target_key}", "series"


def _entry(shard: str, item: Mapping[str, Any]) -> SpoolEntry:
    fields = (item[name] for name in ("time_ms", "samples", "size_bytes", "object_key"))
    return SpoolEntry(shard, item["lane"], int(item["sk"].removeprefix(SPOOL)), *fields)
