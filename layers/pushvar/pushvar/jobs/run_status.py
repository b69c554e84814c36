"""What an exit code means for a job: success, failure, interruption, timeout.

128+n for signal n, 126 and 127 for what could not be started and 124 for a timeout are the codes of
POSIX shells and of timeout(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

TIMED_OUT, CANNOT_EXECUTE, NOT_FOUND = 124, 126, 127
_BY_SIGNAL = 128
_HUP, _INT, _QUIT, _TERM = 1, 2, 3, 15
_INTERRUPTED = _BY_SIGNAL + _INT


def exit_code_of(returned: int) -> int:
    """The code that a shell would give for what waiting returned: -n for signal n."""
    return _BY_SIGNAL - returned if returned < 0 else returned


def status_of(code: int, *, heard: Container[int], timed_out: bool) -> str:
    """The status of a run with this exit code that ``heard`` these signals.

    SIGTERM asks for the end, so what ends after it is not whole, whatever its code. A program may live
    on after SIGINT, SIGQUIT or SIGHUP: after these it is interrupted when it ends badly.
    """
    if timed_out:
        return "timeout"
    if _TERM in heard or (code and any(number in heard for number in (_INT, _QUIT, _HUP))):
        return "interrupted"
    return "failure" if code else "success"


def outcome_of(error: BaseException | None) -> tuple[int, str]:
    """Exit code and status of Python code that ended with this error, or without one."""
    if error is None:
        return 0, "success"
    if isinstance(error, SystemExit):
        code = (error.code if isinstance(error.code, int) else int(error.code is not None)) & 0xFF
        return code, "failure" if code else "success"
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED, "interrupted"
    # generators that are closed and tasks that are cancelled: somebody else wants the end
    return 1, "failure" if isinstance(error, Exception) else "interrupted"
