"""``pushvar run --target --remote-write``: no configuration, one target, one backend, samples at once."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from pushvar.receiver.server import Receiver

from tests.programs.commands import PUSHVAR, pushvar_environment, run_pushvar
from tests.programs.loopback import wait_until
from tests.programs.plain_sender import backend, child, command, good, pages
from tests.programs.process import running
from tests.programs.scripted_receiver import Reply

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.servers import Server

WRITE = "http://127.0.0.1:1/api/v1/write"


def test_the_first_samples_come_at_once(tmp_path: Path) -> None:
    """Within two seconds of the start of the process, and then every second; SIGTERM ends it with 0."""
    with pages(lambda step: f"step {step}\n") as target, backend(lambda _n, one: good(one)) as receiver:
        line = command(f"http://{target.address}/metrics", f"http://127.0.0.1:{receiver.port}/w", "1.0")
        began_s = time.monotonic()
        with running(line, tmp_path / "log", pushvar_environment()) as sender:
            wait_until(lambda: bool(receiver.got), timeout_s=20, what="the first samples")
            assert receiver.got[0].at_s - began_s < 2
            wait_until(lambda: len(receiver.got) >= 4, timeout_s=20, what="three more")
            assert sender.end(grace_s=10) == 0


@pytest.mark.parametrize("path", ["", "/debug/vars"])
def test_expvar_is_taken_too(go_program: Server, path: str) -> None:
    """A URL without a path is that of expvar; nothing of pushvar's own is sent, no file is written."""
    with Receiver() as receiver:
        url = f"{go_program.url}{path}"
        done = run_pushvar("run", "--target", url, "--remote-write", receiver.write_url, "--once")
        assert (done.returncode, done.stderr) == (0, "")
        names = {one.family for one in receiver.series()}
        assert {"up", "go_goroutines", "orders_placed_total"} <= names
        assert not any(name.startswith("pushvar_") for name in names)
        assert {target.job for target in receiver.targets()} == {"pushvar"}
        assert receiver.violations() == ()


def test_a_query_and_a_job_arrive(tmp_path: Path) -> None:
    """The target's query is asked for as it stands; --state makes what is undelivered last."""
    with pages(lambda step: f"step {step}\n") as target:
        url = f"http://{target.address}/metrics?name=a&name=b"
        state = tmp_path / "state.db"
        arguments = ("run", "--target", url, "--job", "shop", "--every", "1s", "--state", str(state))
        with backend(lambda _n, _one: Reply(503)) as receiver:
            where = f"http://127.0.0.1:{receiver.port}/w"
            with child([PUSHVAR, *arguments, "--remote-write", where]) as process:
                wait_until(lambda: len(receiver.got) >= 2, timeout_s=20, what="two tries")
                process.send_signal(signal.SIGTERM)
                _, err = process.communicate(timeout=10)
            assert process.returncode == 0
            assert "kept in the spool; the next run sends them first" in err
            receiver.script = lambda _n, one: good(one)
            receiver.got.clear()
            with child([PUSHVAR, *arguments, "--remote-write", where]) as process:
                wait_until(lambda: len(receiver.got) >= 2, timeout_s=20, what="the replay")
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=10)
            steps = [
                value
                for got in receiver.got
                for labels, _, value in got.arrived.samples
                if {("__name__", "step"), ("job", "shop")} <= set(labels)
            ]
    assert steps == list(range(len(steps)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "http://h/m"], "--remote-write is missing: --target and --remote-write go together"),
        (["--remote-write", WRITE], "--target is missing: --target and --remote-write go together"),
        (["--job", "x"], "--target and --remote-write is missing"),
        (["--target", "h:80/m", "--remote-write", WRITE], "--target: is no URL; write http://"),
        (["--target", "http://[::1", "--remote-write", WRITE], "--target: is no URL; write http://"),
        (["--target", "http://h:99999/m", "--remote-write", WRITE], '--target: "h:99999" is not host:port'),
        (["--target", "http://u:secret@h/m", "--remote-write", WRITE], "--target: a URL with a user in it"),
        (["--target", "http://h/m", "--remote-write", "h:9090"], "--remote-write: is no URL; write http://"),
        (["--target", "http://h/m", "--remote-write", "ftp://h/"], "--remote-write: is no URL"),
        (["--target", "http://h/m", "--remote-write", WRITE, "--job", " "], "--job: is empty; write a name"),
        (["--target", "http://h/m", "--remote-write", WRITE, "--config", "x.yml"], "give one or the other"),
        (["--target", "http://h/m", "--remote-write", WRITE, "--message", "3"], "prometheus.WriteRequest"),
        (
            ["--target", "http://h/m", "--remote-write", WRITE, "--every", "0.2s"],
            "is not a duration; write 15s",
        ),
        (
            ["--target", "http://h/m", "--remote-write", WRITE, "--every", "200ms"],
            "than every second",
        ),
    ],
)
def test_bad_input(arguments: list[str], words: str) -> None:
    """What is wrong is named by its option, exit code 2, nothing is sent and no secret is shown."""
    done = run_pushvar("run", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_help_says_it_all() -> None:
    """The help of the command holds an example and what is different without a configuration."""
    shown = run_pushvar("run", "--help").stdout
    assert "pushvar run --target http://10.0.1.5:8080/metrics --remote-write" in shown
    assert "no metrics of pushvar's own" in shown
    assert "SIGTERM and SIGINT end a run within 10 s" in shown
