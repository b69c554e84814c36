"""What a batch job pushed and the state store keeps: one group, its listing and its body."""

from __future__ import annotations

from dataclasses import dataclass

Grouping = tuple[tuple[str, str], ...]
"""The labels of a group's URL, sorted by name, ``job`` among them; any value but that may be empty."""


GROUP_KEY = "group/"
"""What the key of a target begins with that is a pushed group, and no endpoint."""


@dataclass(frozen=True, slots=True)
class GroupHead:
    """A pushed group without what was pushed; times are Unix ms, 0 where it never happened.

    ``key`` is a stable hash of ``tenant`` (its customer_id) and ``grouping``: 20 hex digits. ``version`` is
    new with every change and never comes again. A group ends at ``expires_ms``; a ``deleted`` one has ended
    and waits until its series were marked stale. ``pushed_ms`` is the last push that was taken,
    ``failed_ms`` the last that was not. ``types`` is a digest of the families' names and types.
    """

    key: str
    tenant: str
    grouping: Grouping
    version: str
    expires_ms: int
    pushed_ms: int = 0
    failed_ms: int = 0
    deleted: bool = False
    samples: int = 0
    types: bytes = b""

    def ended(self, now_ms: int) -> bool:
        """Whether nothing of it is to be sent any more."""
        return self.deleted or self.expires_ms <= now_ms


@dataclass(frozen=True, slots=True)
class Group:
    """A group with its body: the families as ``jobs`` packs them; empty for a deleted one."""

    head: GroupHead
    body: bytes
