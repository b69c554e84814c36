"""Groups for the tests of state stores."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Any

from pushvar.model import Group, GroupHead

if TYPE_CHECKING:
    from pushvar.model import Grouping
    from pushvar.state.protocol import StateStore

_versions = count(1)


def new_version() -> str:
    """A version that this process never gave before."""
    return f"v{next(_versions)}"


def group(job: str = "j", tenant: str = "t", body: bytes = b"body", **more: Any) -> Group:
    """A group of a new version; ``more`` are fields of its head, and ``labels`` of its grouping."""
    labels: dict[str, str] = {"job": job, **more.pop("labels", {})}
    grouping: Grouping = tuple(sorted(labels.items()))
    key = sha256(repr((tenant, grouping)).encode()).hexdigest()[:20]
    fields = {"version": new_version(), "expires_ms": 2_000_000_000_000, **more}
    return Group(GroupHead(key, tenant, grouping, **fields), body)


def later(old: Group, body: bytes = b"later", **more: Any) -> Group:
    """The same group with another body and a new version."""
    return Group(replace(old.head, version=new_version(), **more), body)


def put(store: StateStore, pushed: Group, replaces: Group | None = None) -> Group:
    """Store a group that must be taken."""
    assert store.put_group(pushed, replaces.head.version if replaces else "")
    return pushed


def stored(store: StateStore, of: Group) -> Group | None:
    """The group as it is now, or None; its head is the one that is listed."""
    found = store.get_groups([of.head.key]).get(of.head.key)
    listed = [head for head in store.groups(of.head.tenant) if head.key == of.head.key]
    assert listed == ([found.head] if found else [])
    return found
