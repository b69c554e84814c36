"""How long a delivery goes on trying, and on which clock."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_JITTER = 0.1
"""At most 10 % either way, so that every wait stays at least 0.8 of the one before."""

_EARLY = 0.01
"""The part of a wait by which a clock may be off. Who is woken earlier is to end, and does not retry."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on: backoff bounds, the timeout of one request, and the clock they are read on.

    ``random`` gives numbers in [0, 1). ``sleep`` waits that many seconds; when it returns earlier,
    the run is to end and nothing is tried again. ``until_s`` is the end of the run, once that is known: an
    earlier deadline than ``deadline_s``. A request that was begun in time may take ``overrun_s`` longer: what
    is cut off was perhaps taken, and has to be sent again.
    """

    min_backoff_s: float
    max_backoff_s: float
    timeout_s: float
    deadline_s: float
    monotonic_s: Callable[[], float]
    sleep: Callable[[float], object]
    random: Callable[[], float]
    until_s: Callable[[], float] = lambda: inf
    overrun_s: float = 0.0

    @property
    def left_s(self) -> float:
        """What is left until the deadline; not above 0 when it has passed."""
        return min(self.deadline_s, self.until_s()) - self.monotonic_s()

    def request_s(self, *, overrun: bool = True) -> float:
        """How long a request that is begun now may take."""
        longest_s = self.deadline_s + self.overrun_s if overrun else self.deadline_s
        return min(self.timeout_s, min(longest_s, self.until_s()) - self.monotonic_s())

    def backoff_s(self, attempt: int) -> float:
        """The wait after attempt ``attempt``, from 0: doubling from the least to the most, with jitter."""
        doubled_s: float = self.min_backoff_s * 2 ** min(attempt, 30)
        return min(doubled_s, self.max_backoff_s) * (1 - _JITTER + 2 * _JITTER * self.random())

    def wait_until(self, at_s: float) -> bool:
        """Wait for a moment; False when the deadline comes first, or the run is to end."""
        wait_s = at_s - self.monotonic_s()
        if wait_s <= 0:
            return True
        if at_s >= self.deadline_s:
            return False
        self.sleep(wait_s)
        return self.monotonic_s() >= at_s - _EARLY * wait_s
