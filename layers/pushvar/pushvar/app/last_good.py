"""The last good configuration: used while the registry has none that may be used, across cold starts too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from pushvar.collect.documents import read_snapshot, snapshot_document
from pushvar.collect.registry import with_remembered
from pushvar.config.checks import demand_backend
from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.collect.registry.protocol import Registry, Snapshot
    from pushvar.config.schema import Config
    from pushvar.state.protocol import StateStore

POINTER = "config/last_good"
TAKEN = "config/taken"
UNSETTLED = "config/unsettled"

SETTLE_MS = 30_000
"""How far apart two reads of an unsettled tree must be, and equal, before it is taken."""


class _Seen(msgspec.Struct, frozen=True):
    """A digest, of an unsettled tree or of the last good snapshot, and when it was first so (Unix ms)."""

    digest: str
    first_ms: int


class LastGood:
    """A registry that stands behind another one and remembers in the state store what was good.

    A tree that does not match its manifest may be half of a change: it is taken when it is read again
    ``SETTLE_MS`` later and still the same. ``usable`` raises ConfigError for a new version that lacks
    something outside of it, such as a secret; ``demand`` raises it for one that does not do for the command.
    """

    def __init__(
        self,
        registry: Registry,
        state: StateStore,
        now_ms: Callable[[], int],
        usable: Callable[[Snapshot], None] = lambda _snapshot: None,
        demand: Callable[[Config], None] = demand_backend,
    ) -> None:
        self._registry = registry
        self._state = state
        self._now_ms = now_ms
        self._usable = usable
        self._demand = demand
        self._good: Snapshot | None = None

    def load(self) -> Snapshot:
        """The registry's snapshot, or the last good one with the reason among its problems.

        Raises ConfigError when there is neither, StateError when the state store fails.
        """
        try:
            snapshot = self._registry.load()
            self._demand(snapshot.config)
            self._demand_settled(snapshot)
            if self._is_new(snapshot):
                self._usable(snapshot)
        except ConfigError as error:
            return self._instead(error)
        if snapshot.unheard and (good := self._remembered()) is not None:
            snapshot = with_remembered(snapshot, good)
        taken_ms = 0 if self._good is None or self._is_new(snapshot) else self._good.taken_ms
        self._good = replace(snapshot, taken_ms=taken_ms or self._take(snapshot))
        return self._good

    def _is_new(self, snapshot: Snapshot) -> bool:
        return self._good is None or snapshot.version != self._good.version

    def _take(self, snapshot: Snapshot) -> int:
        """Remember a snapshot as the last good one; gives when it became that, in whichever process."""
        digest = self._state.put_document(snapshot_document(snapshot))
        if self._state.get_pointer(POINTER) == digest:  # reading is cheaper, for cron too
            seen = self._seen(TAKEN)
            if seen is not None and seen.digest == digest:
                return seen.first_ms
        now_ms = self._now_ms()
        self._note(TAKEN, digest, now_ms)
        self._state.set_pointer(POINTER, digest)
        return now_ms

    def _instead(self, error: ConfigError) -> Snapshot:
        good = self._remembered()
        if good is None:
            raise error
        reasons = error.problems if isinstance(error, ConfigErrors) else (error,)
        return replace(good, problems=(*reasons, *good.problems), outdated=True)

    def _remembered(self) -> Snapshot | None:
        if self._good is None:
            digest = self._state.get_pointer(POINTER)
            body = self._state.get_document(digest) if digest else None
            if digest and body:
                taken = self._seen(TAKEN)
                taken_ms = taken.first_ms if taken is not None and taken.digest == digest else 0
                self._good = replace(read_snapshot(body), taken_ms=taken_ms)
        return self._good

    def _demand_settled(self, snapshot: Snapshot) -> None:
        """Raise ConfigError unless the snapshot is whole, or has been the same for a while."""
        if not snapshot.unsettled:
            return
        good = self._remembered()
        if good is not None and good.version == snapshot.version:
            return
        now_ms, seen = self._now_ms(), self._seen(UNSETTLED)
        if seen is None or seen.digest != snapshot.unsettled:
            self._note(UNSETTLED, snapshot.unsettled, now_ms)
        elif now_ms - seen.first_ms >= SETTLE_MS:
            return
        raise ConfigError(
            "",
            "the tree does not match its manifest: somebody is changing it, or changed it by hand",
            hint=f"it is taken if it is the same {SETTLE_MS // 1000} s later; config push is taken at once",
        )

    def _note(self, pointer: str, digest: str, now_ms: int) -> None:
        noted = msgspec.json.encode(_Seen(digest, now_ms))
        self._state.set_pointer(pointer, self._state.put_document(noted))

    def _seen(self, pointer: str) -> _Seen | None:
        digest = self._state.get_pointer(pointer)
        body = self._state.get_document(digest) if digest else None
        return msgspec.json.decode(body, type=_Seen) if body else None
