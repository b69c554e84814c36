"""Whole processes: what one takes from start to end."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.servers import Failed
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def python_cpu_s(arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    """CPU of a Python process with these arguments, user and system. Raises Failed when it fails."""
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)  # Popen's own wait does not tell the CPU
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"python {' '.join(arguments)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime
