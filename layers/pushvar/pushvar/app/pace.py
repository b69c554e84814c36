"""When each job of a loop has its turn: at its own interval, and a late one not twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

_EARLY = 0.05
"""The share of an interval by which a job may start before its time."""


class Pace:
    """The moments, in Unix ms, at which jobs are due next; one that is not known is due at once."""

    def __init__(self) -> None:
        self._next_ms: dict[str, int] = {}

    def due(self, name: str, interval_ms: int, now_ms: int) -> bool:
        """Whether a job has its turn now; then its next one is an interval later.

        A timer may ring a little early, and somebody may set the clock back.
        """
        next_ms = self._next_ms.get(name, now_ms)
        if now_ms < next_ms - interval_ms * _EARLY and next_ms - now_ms <= interval_ms:
            return False
        astray = abs(now_ms - next_ms) >= interval_ms
        self._next_ms[name] = (now_ms if astray else next_ms) + interval_ms
        return True

    def first_ms(self) -> int:
        """The next moment at which any job is due; 0 when none is known."""
        return min(self._next_ms.values(), default=0)

    def keep(self, names: Container[str]) -> None:
        """Forget all other jobs."""
        self._next_ms = {name: at_ms for name, at_ms in self._next_ms.items() if name in names}
