"""The state stores under contract. A new store is one row here; its cases are written already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from pushvar.state.protocol import NewEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from pushvar.state.protocol import Lease, SpoolEntry, StateStore


@dataclass(frozen=True, slots=True)
class StoreKind:
    """How to name a new, empty store, and whether opening it twice reaches the same data.

    ``reference`` is given the test's request, for the fixtures that the store stands on. ``effort`` is
    how much of the long tests this store does: a call that costs milliseconds gets less than one.
    """

    name: str
    reference: Callable[[pytest.FixtureRequest], str]
    shared: bool = True
    effort: float = 1.0

    def __str__(self) -> str:
        return self.name


def _sqlite(request: pytest.FixtureRequest) -> str:
    return f"sqlite:{request.getfixturevalue('tmp_path') / uuid4().hex}.db"


def _aws(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("aws_door").new_store())


KINDS: Final = (
    StoreKind("sqlite", _sqlite),
    StoreKind("memory", lambda _request: "memory:", shared=False),
    StoreKind("aws", _aws, effort=0.1),
)
SHARED_KINDS: Final = tuple(kind for kind in KINDS if kind.shared)


def append(
    store: StateStore, lease: Lease, lane: str, body: bytes, *, samples: int = 1, time_ms: int = 1
) -> SpoolEntry:
    """One batch at the end of a lane."""
    (entry,) = store.spool_append(lease, lane, [NewEntry(body, samples, time_ms)])
    return entry


def series_of(store: StateStore, target_key: str) -> bytes | None:
    """The series set of one target, or None."""
    return store.series([target_key]).get(target_key)
