"""The state stores under contract. A new store is one row here; its cases are written already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoreKind:
    """How to name an empty store for one test, and whether opening it twice reaches the same data."""

    name: str
    reference: Callable[[Path], str]
    shared: bool = True

    def __str__(self) -> str:
        return self.name


KINDS: Final = (
    StoreKind("sqlite", lambda folder: f"sqlite:{folder / 'state.db'}"),
    StoreKind("memory", lambda _folder: "memory:", shared=False),
)
SHARED_KINDS: Final = tuple(kind for kind in KINDS if kind.shared)
