"""``pushvar job run`` and signals: each reaches the command once; terminals, containers and timeouts work."""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.job_scenes import Scene, appears, batch, status
from tests.programs.loopback import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.programs.servers import Server

ALL = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")

OWNS_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Starts a command as the leader of a session whose terminal is standard input."""

ADOPTS_ORPHANS = """
import ctypes, os, sys
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Starts a command that orphans come to, as they come to process 1 of a container."""

LEAVES_ORPHANS = """
import os, pathlib, time
for _ in range(20):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
def dead():
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if (state, int(parent)) == ("Z", os.getppid()):
            yield path
end = time.monotonic() + 20
while any(dead()) and time.monotonic() < end:
    time.sleep(0.02)
print("left:", *dead())
"""
"""Leaves dead orphans behind, and says which of them nobody buries."""


@pytest.fixture
def scene(tmp_path: Path, pushgateway: Server) -> Scene:
    """A gateway that works."""
    return Scene(tmp_path, pushgateway.url)


def heard(said: Path) -> list[str]:
    """The signals that the command got."""
    return said.read_text().split()


def test_each_signal_reaches_the_command_once(scene: Scene) -> None:
    """SIGTERM and its kin are sent on, and the wrapper waits for what the command makes of them."""
    command, said, end = scene.signalled(*ALL)
    with scene.running("told", *command) as process:
        appears(said)
        for count, name in enumerate(ALL, 1):
            process.send_signal(getattr(signal, name))
            wait_until(lambda: len(heard(said)) >= count, timeout_s=20, what=name)  # noqa: B023 - used at once
        assert process.poll() is None
        end.touch()
        assert process.wait(timeout=30) == 0
    assert heard(said) == [*ALL]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_command_that_a_signal_ends(name: str, scene: Scene, pushgateway: Server) -> None:
    """The code is 128 and the signal's number, and the run was interrupted, which is no success."""
    command, said, _ = scene.signalled()
    job = f"ended by {name}"
    with scene.running(job, *command) as process:
        appears(said)
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=30) == 128 + getattr(signal, name)
    assert status(pushgateway, job) == "interrupted"
    found = batch(pushgateway, job)
    assert (found["last_success"], found["running"]) == (0, 0)
    assert "last_success_timestamp_seconds" not in found


def test_a_command_that_ends_well_when_it_is_told_to(scene: Scene, pushgateway: Server) -> None:
    """Its exit code 0 is returned, but what SIGTERM ended is not whole: no success is noted."""
    command, said, end = scene.signalled("SIGTERM", "SIGUSR1")
    for job, number in (("asked", signal.SIGTERM), ("nudged", signal.SIGUSR1)):
        end.unlink(missing_ok=True)
        said.unlink(missing_ok=True)
        with scene.running(job, *command) as process:
            appears(said)
            process.send_signal(number)
            wait_until(lambda: bool(heard(said)), timeout_s=20, what="the signal")
            end.touch()
            assert process.wait(timeout=30) == 0
    assert (status(pushgateway, "asked"), status(pushgateway, "nudged")) == ("interrupted", "success")


def test_who_signals_the_whole_group_reaches_the_command_once(scene: Scene) -> None:
    """Without a terminal the command leads a group of its own: one signal for our group is one for it."""
    command, said, end = scene.signalled("SIGINT", "SIGTERM")
    with subprocess.Popen(scene.line("grouped", *command), env=scene.env, start_new_session=True) as process:
        appears(said)
        for count, number in enumerate((signal.SIGINT, signal.SIGTERM), 1):
            os.killpg(process.pid, number)
            wait_until(lambda: len(heard(said)) >= count, timeout_s=20, what="a signal")  # noqa: B023
        end.touch()
        assert process.wait(timeout=30) == 0
    assert heard(said) == ["SIGINT", "SIGTERM"]


def test_a_timeout_ends_all_that_the_command_started(scene: Scene) -> None:
    """Also what a shell waits for, and what hears no SIGTERM: nothing holds the output open any more."""
    script = "trap '' TERM; (trap '' TERM; sleep 600) & wait; wait"
    done = scene.run(
        "whole", "sh", "-c", script, options=("--timeout", "300ms", "--kill-after", "300ms")
    )  # returns only when all who hold its output are gone
    assert done.returncode == 124
    assert b"longer than 0.3 s" in done.stderr


def test_orphans_are_buried(scene: Scene) -> None:
    """As process 1 of a container would have to: dead processes that come to the wrapper do not pile up."""
    line = scene.line("orphans", sys.executable, "-c", LEAVES_ORPHANS)
    adopting = [sys.executable, "-c", ADOPTS_ORPHANS, *line]
    done = subprocess.run(adopting, env=scene.env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "left:\n", "")


@contextmanager
def terminal(scene: Scene, line: list[str | Path]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A command with a terminal of its own; gives the side of the person at it."""
    person, program = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", OWNS_TERMINAL, *line],
        stdin=program,
        stdout=program,
        stderr=program,
        env=scene.env,
    ) as process:
        os.close(program)
        try:
            yield person, process
        finally:
            if process.poll() is None:
                process.kill()
            os.close(person)


def shown(person: int, words: bytes, so_far: bytes = b"") -> bytes:
    """All that a terminal shows, up to these words."""
    end_s = time.monotonic() + 20
    while words not in so_far:
        assert time.monotonic() < end_s, so_far
        if select.select([person], [], [], 0.1)[0]:
            with suppress(OSError):  # nobody is there any more
                so_far += os.read(person, 4096)
    return so_far


def pending(pid: int) -> bool:
    """Whether a process has signals that it has not taken; one more of a kind would be lost."""
    found = Path(f"/proc/{pid}/status").read_text()
    masks = [line.split()[1] for line in found.splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
    return any(int(mask, 16) for mask in masks)


def test_ctrl_c_reaches_the_command_once(scene: Scene, pushgateway: Server) -> None:
    """The kernel signals both, so nothing is sent on; a signal for the wrapper alone still is."""
    command, said, end = scene.signalled("SIGINT", "SIGQUIT")
    with terminal(scene, scene.line("typed", *command)) as (person, process):
        appears(said)
        for count, key in enumerate((b"\x03", b"\x1c"), 1):
            os.write(person, key)
            wait_until(lambda: len(heard(said)) >= count, timeout_s=20, what="a key")  # noqa: B023
        wait_until(lambda: not pending(process.pid), timeout_s=20, what="the wrapper's turn")
        process.send_signal(signal.SIGINT)
        wait_until(lambda: len(heard(said)) >= 3, timeout_s=20, what="the signal")
        end.touch()
        assert process.wait(timeout=30) == 0
    assert heard(said) == ["SIGINT", "SIGQUIT", "SIGINT"]
    assert status(pushgateway, "typed") == "success"


READS = (
    "print('ready', flush=True); [print('<' + line.strip() + '>', flush=True) for line in iter(input, 'end')]"
)
"""Says each line that is typed, until the last one."""


def test_a_terminal_is_the_commands(scene: Scene) -> None:
    """It can read what is typed, and Ctrl-C ends what does not hear it: 130."""
    deaf = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL)"
    with terminal(scene, scene.line("reads", sys.executable, "-c", f"{deaf}; {READS}")) as (person, process):
        seen = shown(person, b"ready")
        os.write(person, b"words\n")
        shown(person, b"<words>", seen)
        os.write(person, b"\x03")
        assert process.wait(timeout=30) == 130


def test_job_control_of_a_shell(scene: Scene) -> None:
    """Ctrl-Z stops the command with its wrapper, fg lets both go on, and the terminal is still theirs."""
    line = shlex.join(map(str, scene.line("stopped", sys.executable, "-c", READS)))
    with terminal(scene, ["bash", "--norc", "--noprofile", "-i"]) as (person, process):
        os.write(person, f"{line}; echo code=$?\n".encode())
        seen = shown(person, b"ready\r\n")
        os.write(person, b"first\n")
        seen = shown(person, b"<first>", seen)
        os.write(person, b"\x1a")
        seen = shown(person, b"Stopped", seen)
        os.write(person, b"fg; echo ended=$?; exit\n")
        seen = shown(person, b"fg;", seen)
        os.write(person, b"second\n")
        seen = shown(person, b"<second>", seen)
        os.write(person, b"end\n")
        shown(person, b"ended=0", seen)
        assert process.wait(timeout=30) == 0


def test_a_hangup_that_is_ignored_stays_so(scene: Scene) -> None:
    """Under nohup the command has SIGHUP ignored, as it would have without a wrapper."""
    program = "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    line = ["nohup", *scene.line("nohup", sys.executable, "-c", program)]
    done = subprocess.run(line, env=scene.env, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_a_pipe_that_nobody_reads_ends_the_command(scene: Scene) -> None:
    """SIGPIPE, which Python ignores, ends the command as everywhere: yes | head ends."""
    line = scene.line("piped", "yes")
    with subprocess.Popen(line, env=scene.env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"y\n"
        process.stdout.close()
        assert process.wait(timeout=30) == 128 + signal.SIGPIPE
