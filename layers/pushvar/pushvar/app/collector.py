"""The garbage collector of a program that does the same again and again, with rests between.

Left alone, it looks for garbage amid a cycle, when nearly all that it finds is in use, and walks over
the plans and templates of all targets, which live as long as their configuration.
"""

from __future__ import annotations

from typing import Protocol

SETTLED_AFTER = 2
"""Cycles after which most of what is to be kept was made: plans in the first, templates by the second."""

BACKSTOP = 50_000
"""Objects that a cycle may add before it is interrupted all the same: some 10 MB if all are garbage."""


class Collecting(Protocol):
    """What is needed of Python's module ``gc``."""

    def collect(self) -> int:
        """Free what only refers to itself."""

    def freeze(self) -> None:
        """Leave out of all collections what is there now."""

    def unfreeze(self) -> None:
        """Take it in again."""

    def get_threshold(self) -> tuple[int, int, int]:
        """How many new objects, and how many collections of each kind, lead to the next one."""

    def set_threshold(self, young: int, middle: int, old: int, /) -> None:
        """Change that."""


class Collector:
    """Collects in the rests instead of the cycles, and only what did not last.

    Worth it because plans are no garbage, and next to nothing is that a collection amid a cycle looks at;
    what is freed by count is freed at once, frozen or not. It is the whole process that is told.
    """

    def __init__(self, collecting: Collecting) -> None:
        self._gc = collecting
        self._cycles = 0
        self._threshold: tuple[int, int, int] | None = None

    def begin(self) -> None:
        """From here on cycles are not interrupted; the sooner, the less a first one takes."""
        if self._threshold is None:
            self._threshold = self._gc.get_threshold()
            self._gc.set_threshold(BACKSTOP, *self._threshold[1:])

    def rest(self) -> None:
        """A cycle is over, and nothing is to be done.

        What lasts is looked for anew after twice as many cycles each time: targets that were away come
        later, and what was frozen may have become garbage.
        """
        self._cycles += 1
        settled = self._cycles >= SETTLED_AFTER
        anew = settled and self._cycles & (self._cycles - 1) == 0
        if anew:
            self._gc.unfreeze()
        self._gc.collect()
        if anew:
            self._gc.freeze()

    def renew(self) -> None:
        """Another configuration is taken: what the one before was made into can be freed again."""
        if self._cycles >= SETTLED_AFTER:
            self._gc.unfreeze()
        self._cycles = 0

    def end(self) -> None:
        """Leave Python to its own ways."""
        self.renew()
        if self._threshold is not None:
            self._gc.set_threshold(*self._threshold)
            self._threshold = None
