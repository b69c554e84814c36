"""The job as a child process: started as a shell would start it, told every signal, waited for to its end.

Signals are blocked and taken one by one, so no handler runs in the middle of anything, and each says who
sent it. The child inherits all else: standard streams, other open files, the mask and the dispositions of
signals as they were.

Process groups. With a terminal the child stays in the group of this process: then reading the terminal,
Ctrl-C, Ctrl-Z and fg work as without a wrapper, since the kernel signals the whole foreground group, and
what the kernel has sent to both is not sent on once more. Without a terminal (cron, containers, CI) the
child leads a group of its own: who signals our group reaches it once, and a timeout ends all of it.

As process 1 of a container, orphans are ours to reap; any child is.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from errno import ENOENT
from math import inf
from typing import TYPE_CHECKING, Any

from pushvar.jobs.run_status import CANNOT_EXECUTE, NOT_FOUND, TIMED_OUT, exit_code_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from resource import struct_rusage

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
FATAL = FORWARDED[:4]
"""Those by which somebody wants a program to end."""

_TAKEN = (*FORWARDED, signal.SIGCHLD)
_CHANGED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Ignored since this interpreter began; the child is to have them as everybody has."""

_BY_KERNEL = 0x80  # SI_KERNEL: a terminal's key, sent to all of the foreground group (sigaction(2))
_LONGEST_WAIT_S = 3600.0
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class NotStarted(Exception):
    """The command could not be executed: ``code`` is a shell's for it, the text says why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Finished:
    """How the child ended: its exit code as a shell says it, what it used, the signals that it was sent."""

    exit_code: int
    cpu_s: float
    max_rss_bytes: int
    heard: frozenset[int]
    timed_out: bool = False


class Child:
    """A command that was started. Raises NotStarted; from then on signals wait for ``wait`` to take them."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        before = hold_signals()
        self._shares_group = _has_terminal()
        group: dict[str, Any] = {} if self._shares_group else {"setpgroup": 0}
        try:
            self.pid = os.posix_spawnp(
                command[0], list(command), environment,
                setsigmask=before, setsigdef=_CHANGED_BY_PYTHON, **group,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            missing = isinstance(error, OSError) and error.errno == ENOENT
            why = getattr(error, "strerror", None) or str(error)
            raise NotStarted(NOT_FOUND if missing else CANNOT_EXECUTE, f"{command[0]}: {why}") from None
        self._heard: set[int] = set()

    def wait(self, timeout_s: float, kill_after_s: float) -> Finished:
        """Wait for the end and send on what signals come. Zero is no timeout.

        After it the child is sent SIGTERM, and SIGKILL when that does not end it within ``kill_after_s``.
        """
        last_words = [signal.SIGTERM, signal.SIGKILL] if timeout_s else []
        next_s = time.monotonic() + timeout_s if timeout_s else inf
        while (ended := self._reap()) is None:
            left_s = next_s - time.monotonic()
            if left_s <= 0 and last_words:
                self._end(last_words.pop(0))
                next_s = time.monotonic() + kill_after_s if last_words else inf
            else:
                self._take(min(left_s, _LONGEST_WAIT_S))
        while taken := signal.sigtimedwait(_TAKEN, 0):  # what came to both, and to us after its end
            self._heard.add(taken.si_signo)
        code, usage = ended
        timed_out = bool(timeout_s) and len(last_words) < 2  # noqa: PLR2004 - both, when it was in time
        return Finished(
            TIMED_OUT if timed_out else code,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * _MAXRSS_UNIT,
            frozenset(self._heard),
            timed_out,
        )

    def _reap(self) -> tuple[int, struct_rusage] | None:
        """Exit code and usage of the child, once it has ended; whoever else has is forgotten."""
        while True:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == self.pid:
                return exit_code_of(os.waitstatus_to_exitcode(status)), usage
            if not pid:
                return None

    def _take(self, longest_s: float) -> None:
        """Wait for a signal; send it on, unless the child had it from the kernel already."""
        taken = signal.sigtimedwait(_TAKEN, max(longest_s, 0.0))
        if taken is None or taken.si_signo == signal.SIGCHLD:
            return
        self._heard.add(taken.si_signo)
        if not (self._shares_group and taken.si_code == _BY_KERNEL):
            with suppress(ProcessLookupError):
                os.kill(self.pid, taken.si_signo)

    def _end(self, number: int) -> None:
        """Send a signal to all of the child that we can name, and wake what is stopped."""
        for one in (number, signal.SIGCONT):
            with suppress(ProcessLookupError, PermissionError):
                if self._shares_group:
                    os.kill(self.pid, one)
                else:
                    os.killpg(self.pid, one)


def hold_signals() -> set[int]:
    """Keep signals until somebody takes them; gives the mask as it was."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, as some parents leave it, hides exit codes
    return {*signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)}


def woken(timeout_s: float) -> int:
    """Wait for a signal, SIGCHLD among them, after the child has ended; 0 when none came in time."""
    taken = signal.sigtimedwait(_TAKEN, max(timeout_s, 0.0))
    return 0 if taken is None else taken.si_signo


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
