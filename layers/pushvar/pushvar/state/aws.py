"""State in one DynamoDB table, large bodies as objects of one S3 bucket: for Lambda and for many machines.

A healthy cycle is two writes of one small item. What one shard writes is bound to its head by a
condition, so a fence that has passed can change nothing.

    pk                 sk                 attributes
    shard#<shard>      head               holder, fence, expires_ms, started_cycle, finished_cycle, counters,
                                          lanes, layout, last_sequence, last_write, started_before
    shard#<shard>      spool#<16 digits>  lane, time_ms, samples, size_bytes, object_key, gone_s
    shard#<shard>      fingerprints       body or object_key
    target#<key>       series             body or object_key
    document#<sha256>  document           body or object_key
    pointer#<name>     pointer            digest
    types#<tenant>     types              version, body
    group#<key>        group              key, tenant, grouping, version, expires_ms, pushed_ms, failed_ms,
                                          deleted, samples, types, gone_s, body or object_key
    groups#<tenant>    head#<key>         the same without key, tenant and body
    groups#<tenant>    shapes             shapes, size_bytes
    groups             tenant#<tenant>    changes

    bucket: spool/<shard>/<lane>/<id>  fingerprints/<shard>/<id>  series/<key>/<id>  groups/<key>/<id>
            documents/<sha256>

``counters`` and ``lanes`` are JSON text, or zlib of it (binary) once that is long; documents,
fingerprints and types are zlib, series and groups as given. ``gone_s`` (Unix seconds) is the table's TTL
attribute and only sweeps what a dead shard left; objects under ``spool/`` must be kept longer than that.
``holder`` is absent while nobody has the lease. ``last_write`` names the last write of a head: when the
answer of a write is lost and botocore sends it again, that tells our own earlier try from a stranger's.

A group and its line in the tenant's listing are one transaction; the shape stands before it, ``changes``
rises after it. All pushes meet on the items of ``groups``: about 1,000 a second (one partition).

Limits (DynamoDB): an item has at most 400 KB, a key 2 KB.
"""

from __future__ import annotations

import json
import re
import zlib
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from pushvar.errors import ConfigError, LeaseLost
from pushvar.state._aws_bodies import AwsBodies
from pushvar.state._aws_bucket import AwsBucket
from pushvar.state._aws_groups import AwsGroups
from pushvar.state._aws_heads import AwsHeads
from pushvar.state._aws_spool import AwsSpool
from pushvar.state._aws_table import AwsTable, Write
from pushvar.state._aws_types import AwsTypes
from pushvar.state._words import document_damaged

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pushvar.state._aws_table import Key
    from pushvar.state.protocol import Group, GroupHead, Head, Lease, NewEntry, ShardState, SpoolEntry

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
        self._spool = AwsSpool(self._table, self._heads, self._bodies, self._bucket)
        self._types = AwsTypes(self._table)
        self._groups = AwsGroups(self._table, self._bodies)

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

    def look(self, shards: Collection[str]) -> Mapping[str, ShardState]:
        """What these shards are now; one that never had a lease is left out."""
        return self._heads.look(shards)

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

    def spool_append(self, lease: Lease, lane: str, entries: Sequence[NewEntry]) -> tuple[SpoolEntry, ...]:
        """Store batches at the end of a lane: the bodies first, then what names them; raises LeaseLost."""
        return self._spool.append(lease, lane, entries)

    def spool_entries(self, shard: str, lane: str | None = None) -> tuple[SpoolEntry, ...]:
        """What waits in one lane or in all of them, in the order of appending."""
        return self._spool.entries(shard, lane)

    def spool_body(self, entry: SpoolEntry) -> bytes:
        """The bytes of one entry; raises StateError when they are gone."""
        return self._spool.body(entry)

    def spool_acknowledge(self, lease: Lease, entries: Sequence[SpoolEntry]) -> None:
        """Remove entries of the lease's own shard, if they are still there; raises LeaseLost."""
        self._spool.acknowledge(lease, entries)

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
        self._bodies.replace(lease, {_fingerprints_key(lease.shard): body}, folder="fingerprints")

    def series(self, target_keys: Collection[str]) -> Mapping[str, bytes]:
        """The series sets of these targets as they were stored; 100 by a read."""
        keys = {_series_key(target_key): target_key for target_key in target_keys}
        return {keys[key]: body for key, body in self._bodies.read_all(keys).items()}

    def set_series(self, lease: Lease, bodies: Mapping[str, bytes | None]) -> None:
        """Store series sets, or forget them (None), 99 by a transaction; raises LeaseLost."""
        keyed = {_series_key(target_key): body for target_key, body in bodies.items()}
        self._bodies.replace(lease, keyed, folder="series")

    def types(self, tenant: str) -> Mapping[str, str]:
        """Family name -> type, as settled for a tenant."""
        return self._types.read(tenant)

    def settle_types(self, tenant: str, proposed: Mapping[str, str]) -> Mapping[str, str]:
        """Add the names that have no type yet, and give the whole table."""
        return self._types.settle(tenant, proposed)

    def group_tenants(self) -> Mapping[str, int]:
        """Tenant -> a number that grows with every change of its groups, for all that have or had any."""
        return self._groups.tenants()

    def groups(self, tenant: str) -> tuple[GroupHead, ...]:
        """The heads of a tenant's groups by key; one query, no body is read."""
        return self._groups.heads(tenant)

    def group_shapes(self, tenant: str) -> frozenset[tuple[str, ...]]:
        """The label names of every grouping that the tenant's groups have or had."""
        return self._groups.shapes(tenant)

    def get_groups(self, keys: Collection[str]) -> Mapping[str, Group]:
        """The groups of these keys that are there; 100 by a read."""
        return self._groups.get(keys)

    def put_group(self, group: Group, replaces: str) -> bool:
        """Store a group if the stored one still has that version; a transaction, then the tenant's number."""
        return self._groups.put(group, replaces)

    def forget_groups(self, heads: Collection[GroupHead]) -> None:
        """Remove those groups that still have the version of their head, 50 by a transaction."""
        self._groups.forget(heads)

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
