"""The manifest of a tree: written last, so that a reader can tell a whole tree from half of a change."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST = "manifest"
"""Its name in the tree."""

SCHEMA = 1


def digest_of(items: Mapping[str, str]) -> str:
    """The sha256 of all items, as hex: of the JSON list of [name, value] pairs, sorted by name."""
    pairs = [[name, items[name]] for name in sorted(items)]
    return hashlib.sha256(json.dumps(pairs, separators=(",", ":")).encode()).hexdigest()


def manifest_of(items: Mapping[str, str]) -> str:
    """The manifest of these items, by relative name."""
    return json.dumps({"schema": SCHEMA, "digest": digest_of(items), "parameters": len(items)})


def digest_in(manifest: str) -> str:
    """The digest that a manifest names; empty for what is no manifest of this schema."""
    try:
        found = json.loads(manifest)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        return ""
    digest = found.get("digest")
    return digest if isinstance(digest, str) else ""


def matches(manifest: str, items: Mapping[str, str]) -> bool:
    """Whether the manifest is that of these items."""
    return digest_in(manifest) == digest_of(items)
