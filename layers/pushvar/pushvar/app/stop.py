"""The wish that a run should end: asked for by a signal, heeded by whatever waits, fetches or pushes."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

GRACE_S = 4.0
"""How long what is under way may still take; what is not delivered by then is spooled."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_MOST_WISHES = 1 << 16
_NOTE = b"\nending: what is under way is delivered or kept; once more ends at once\n"


class Stop:
    """Asked for once, by ``ask`` or by SIGINT and SIGTERM after ``listen``; nothing takes it back.

    A signal's handler may run while any lock is held, so there is none: a pipe that somebody wrote to
    stays readable for ever, for all who wait. SIGHUP, a wish to look at the configuration now, has a pipe
    of its own, which is emptied when the wish is heeded.
    """

    def __init__(self) -> None:
        self._asked_s = inf
        self._reader, self._writer = os.pipe()
        self._look, self._looked_for = os.pipe()
        os.set_blocking(self._look, False)
        os.set_blocking(self._looked_for, False)

    def listen(self) -> None:
        """Take the next SIGINT or SIGTERM as the wish, and SIGHUPs. A second one ends the process at once."""
        for number in _SIGNALS:
            signal.signal(number, self._hear)
        signal.signal(signal.SIGHUP, self._hear_look)

    def _hear_look(self, _number: int, _frame: FrameType | None) -> None:
        with suppress(BlockingIOError):  # full of wishes already
            os.write(self._looked_for, b".")

    def look(self) -> bool:
        """Whether somebody asked since the last call to look at the configuration."""
        try:
            return bool(os.read(self._look, _MOST_WISHES))
        except BlockingIOError:
            return False

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self.ask()
        if os.isatty(2):
            os.write(2, _NOTE)

    def ask(self) -> None:
        """Let the run end; from any thread, any number of times."""
        if self._asked_s == inf:
            self._asked_s = time.monotonic()
            os.write(self._writer, b".")

    def asked(self) -> bool:
        """Whether it was asked for."""
        return self._asked_s != inf

    def until_s(self) -> float:
        """The moment on the monotonic clock by which all is to be over; inf as long as nobody asked."""
        return self._asked_s + GRACE_S

    def sleep(self, seconds: float) -> None:
        """Wait that long, or until somebody asks for the end."""
        select.select([self._reader], [], [], max(seconds, 0.0))

    def rest(self, seconds: float) -> None:
        """Wait that long, or until somebody asks for the end or for a look."""
        select.select([self._reader, self._look], [], [], max(seconds, 0.0))

    def close(self) -> None:
        """Give the pipe back; signals end the process again."""
        for number in _SIGNALS:
            if signal.getsignal(number) == self._hear:
                signal.signal(number, signal.SIG_DFL)
        if signal.getsignal(signal.SIGHUP) == self._hear_look:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
        for pipe in (self._reader, self._writer, self._look, self._looked_for):
            os.close(pipe)
