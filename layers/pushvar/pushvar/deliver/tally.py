"""The counts of a delivery while it goes on."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field

from pushvar.model import Delivery


@dataclass(slots=True)
class Tally:
    """What has become of the samples so far; ``delivery`` is the same for good."""

    backend: str
    sent: int = 0
    replayed: int = 0
    spooled: int = 0
    requests: int = 0
    retries: int = 0
    wire_bytes: int = 0
    error: str = ""
    dropped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def give_up(self, reason: str, samples: int, words: str) -> None:
        """Count samples as dropped; the first of each reason is told in words."""
        if reason not in self.dropped:
            self.notes.append(f"{reason}: {words}")
        self.dropped[reason] += samples

    def copy(self) -> Tally:
        """This tally as it is now."""
        return deepcopy(self)

    @property
    def fates(self) -> tuple[int, Counter[str], list[str]]:
        """What became of samples, beside the work that it took: sent, dropped, and the notes on it."""
        return self.sent, self.dropped, self.notes

    def delivery(self, waiting: int = 0, waiting_since_ms: int = 0) -> Delivery:
        """The counts, frozen; ``waiting`` samples are in the spool."""
        return Delivery(
            self.backend, self.sent, self.spooled, tuple(sorted(self.dropped.items())), self.replayed,
            self.requests, self.retries, self.wire_bytes, self.error, waiting, waiting_since_ms,
            tuple(self.notes),
        )  # fmt: skip
