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
    from pushvar.state.protocol import StateStore

POINTER = "config/last_good"
UNSETTLED = "config/unsettled"

SETTLE_MS = 30_000
"""How far apart two reads of an unsettled tree must be, and equal, before it is taken."""


class _Seen(msgspec.Struct, frozen=True):
    """An unsettled tree, by its digest, and when it was first read so (Unix ms)."""

    digest: str
    first_ms: int


class LastGood:
    """A registry that stands behind another one and remembers in the state store what was good.

    A tree that does not match its manifest may be half of a change: it is taken when it is read again
    ``SETTLE_MS`` later and still the same. ``usable`` raises ConfigError for a new version that lacks
    something outside of it, such as a secret.
    """

    def __init__(
        self,
        registry: Registry,
        state: StateStore,
        now_ms: Callable[[], int],
        usable: Callable[[Snapshot], None] = lambda _snapshot: None,
    ) -> None:
        self._registry = registry
        self._state = state
        self._now_ms = now_ms
        self._usable = usable
        self._good: Snapshot | None = None

    def load(self) -> Snapshot:
        """The registry's snapshot, or the last good one with the reason among its problems.

        Raises ConfigError when there is neither, StateError when the state store fails.
        """
        try:
            snapshot = self._registry.load()
            demand_backend(snapshot.config)
            self._demand_settled(snapshot)
            if self._is_new(snapshot):
                self._usable(snapshot)
        except ConfigError as error:
            return self._instead(error)
        if snapshot.unheard and (good := self._remembered()) is not None:
            snapshot = with_remembered(snapshot, good)
        if self._is_new(snapshot):
            digest = self._state.put_document(snapshot_document(snapshot))
            if self._state.get_pointer(POINTER) != digest:  # reading is cheaper, for cron too
                self._state.set_pointer(POINTER, digest)
        self._good = snapshot
        return snapshot

    def _is_new(self, snapshot: Snapshot) -> bool:
        return self._good is None or snapshot.version != self._good.version

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
            self._good = read_snapshot(body) if body else None
        return self._good

    def _demand_settled(self, snapshot: Snapshot) -> None:
        """Raise ConfigError unless the snapshot is whole, or has been the same for a while."""
        if not snapshot.unsettled:
            return
        good = self._remembered()
        if good is not None and good.version == snapshot.version:
            return
        now_ms, seen = self._now_ms(), self._seen()
        if seen is None or seen.digest != snapshot.unsettled:
            noted = msgspec.json.encode(_Seen(snapshot.unsettled, now_ms))
            self._state.set_pointer(UNSETTLED, self._state.put_document(noted))
        elif now_ms - seen.first_ms >= SETTLE_MS:
            return
        raise ConfigError(
            "",
            "the tree does not match its manifest: somebody is changing it, or changed it by hand",
            hint=f"it is taken if it is the same {SETTLE_MS // 1000} s later; config push is taken at once",
        )

    def _seen(self) -> _Seen | None:
        digest = self._state.get_pointer(UNSETTLED)
        body = self._state.get_document(digest) if digest else None
        return msgspec.json.decode(body, type=_Seen) if body else None
