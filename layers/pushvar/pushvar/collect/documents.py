"""What plan stores and forward reads: configurations, slices of targets, whole snapshots. Pure.

A document is JSON with a schema number; the state store names it by the hash of its bytes, so equal
content is one document. Secrets are references in all of them, never values.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from pushvar.collect.registry.protocol import Snapshot, TargetGroup
from pushvar.config.schema import Config
from pushvar.errors import StateError
from pushvar.model import Target

SCHEMA = 1


class ConfigDocument(msgspec.Struct, frozen=True):
    """A configuration without its targets: what all shards share."""

    schema: int
    config: Config


class SliceDocument(msgspec.Struct, frozen=True):
    """The targets of one shard, with their final labels."""

    schema: int
    targets: tuple[Target, ...]


class SnapshotDocument(msgspec.Struct, frozen=True):
    """A registry's whole content: the last good one."""

    schema: int
    version: str
    config: Config
    groups: tuple[TargetGroup, ...]


_Document = TypeVar("_Document", ConfigDocument, SliceDocument, SnapshotDocument)


def config_document(config: Config) -> bytes:
    """The document of a configuration. It does not change when only targets do."""
    return msgspec.json.encode(ConfigDocument(SCHEMA, _without_targets(config)))


def slice_document(targets: tuple[Target, ...]) -> bytes:
    """The document of one shard's targets."""
    return msgspec.json.encode(SliceDocument(SCHEMA, targets))


def snapshot_document(snapshot: Snapshot) -> bytes:
    """The document of a snapshot; its groups hold the targets."""
    config = _without_targets(snapshot.config)
    return msgspec.json.encode(SnapshotDocument(SCHEMA, snapshot.version, config, snapshot.groups))


def read_config(body: bytes) -> Config:
    """The configuration of a document. Raises StateError when it is none that we can read."""
    return _read(body, ConfigDocument).config


def read_slice(body: bytes) -> tuple[Target, ...]:
    """The targets of a document. Raises StateError when it is none that we can read."""
    return _read(body, SliceDocument).targets


def read_snapshot(body: bytes) -> Snapshot:
    """The snapshot of a document. Raises StateError when it is none that we can read."""
    document = _read(body, SnapshotDocument)
    return Snapshot(document.config, document.groups, document.version)


def _without_targets(config: Config) -> Config:
    jobs = tuple(replace(job, static_configs=()) for job in config.scrape_configs)
    return replace(config, scrape_configs=jobs)


def _read(body: bytes, kind: type[_Document]) -> _Document:
    try:
        schema = msgspec.json.decode(body, type=_Schema).schema
        document: Any = msgspec.json.decode(body, type=kind) if schema == SCHEMA else None
    except msgspec.MsgspecError as error:
        raise StateError(
            f"a stored {kind.__name__} cannot be read: {error}", hint="deploy plan and forward of one version"
        ) from None
    if document is None:
        raise StateError(
            f"a stored {kind.__name__} has schema {schema}, this pushvar reads {SCHEMA}",
            hint="deploy plan and forward of one version",
        )
    return document  # type: ignore[no-any-return]


class _Schema(msgspec.Struct):
    schema: int
