"""A server program as a child process: started, awaited, ended; its log is kept for the one who debugs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.programs import loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

READY_WITHIN_S = 30.0
ATTEMPTS = 3  # a free port may be taken by somebody else before the program listens on it


STARTED: list[Running] = []  # every program of this session, for the report of a test that fails


class NotReady(Exception):
    """A program ended, or never answered, where it should have become ready. Shows its log's tail."""


@dataclass(frozen=True, slots=True)
class Running:
    """A program that runs: its process and the file that its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def log_tail(self, lines: int = 40) -> str:
        """Give the last lines that the program printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def spoke_since(self, time_s: float) -> bool:
        """Tell whether the program printed anything after that time (Unix seconds)."""
        coarse_s = 0.1  # file times lag behind the clock
        return self.log.is_file() and self.log.stat().st_mtime >= time_s - coarse_s

    def end(self, *, grace_s: float = 0.0) -> int:
        """End the program: SIGTERM when there is grace, SIGKILL after it. Gives its exit status."""
        if grace_s and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(grace_s)
        with contextlib.suppress(ProcessLookupError):  # children of it go as well
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()


@contextmanager
def running(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Start a program with its output in ``log`` and kill it at the end. Does not wait for it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    STARTED.append(program := Running(os.path.basename(command[0]), process, log))  # noqa: PTH119 - text in, text out
    try:
        yield program
    finally:
        program.end()


@contextmanager
def serving(
    command_on: Callable[[Sequence[int]], Sequence[str]], log: Path, *, ready_path: str, ports: int = 1
) -> Iterator[tuple[Running, int]]:
    """Start a server on free ports, wait until ``ready_path`` answers 200 on the first, kill it at the end.

    ``command_on`` makes the command from the ports. A program that ends at once is started again on
    other ports, twice. Gives the program and its first port; raises NotReady.
    """
    failure = ""
    for _ in range(ATTEMPTS):
        chosen = [loopback.free_port() for _ in range(ports)]
        with running(command_on(chosen), log) as program:
            failure = await_ready(program, f"http://127.0.0.1:{chosen[0]}{ready_path}")
            if not failure:
                yield program, chosen[0]
                return
            failure = f"{program.name} {failure}; its log ends:\n{program.log_tail()}"
    raise NotReady(failure)


def await_ready(program: Running, url: str, *, timeout_s: float = READY_WITHIN_S) -> str:
    """Wait until a URL answers 200; give what went wrong, or an empty string."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if program.process.poll() is not None:
            return f"ended with status {program.process.returncode} before it was ready"
        with contextlib.suppress(OSError):
            if loopback.get(url, timeout_s=2.0).status == 200:
                return ""
        time.sleep(0.05)
    return f"did not answer 200 at {url} within {timeout_s:g} s"
