"""``pushvar job run``: the job wins. Code, streams, start and end are its own, whatever the backend does."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from pushvar.receiver.server import Receiver

from tests.e2e.job_scenes import Scene, appears, batch, held, status
from tests.programs.commands import run_pushvar
from tests.programs.loopback import wait_until
from tests.programs.raw_server import ok, raw_server

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from tests.programs.faulty_server import FaultyServer
    from tests.programs.raw_server import Connection
    from tests.programs.servers import Server


@dataclass(frozen=True, slots=True)
class Case:
    """A command, what it ends with, and what is said of that."""

    command: tuple[str, ...]
    code: int
    status: str
    options: tuple[str, ...] = ()


CASES = {
    "success": Case(("true",), 0, "success"),
    "failure": Case(("sh", "-c", "exit 255"), 255, "failure"),
    "killed": Case(("sh", "-c", "kill -9 $$"), 137, "failure"),
    "timeout": Case(("sleep", "60"), 124, "timeout", ("--timeout", "200ms")),
    "deaf to SIGTERM": Case(
        ("sh", "-c", "trap '' TERM; sleep 60 & wait; wait"),
        124,
        "timeout",
        ("--timeout", "300ms", "--kill-after", "200ms"),
    ),
    "not found": Case(("no-such-command",), 127, "not_started"),
    "not executable": Case(("/etc/passwd",), 126, "not_started"),
}


@pytest.fixture
def scene(tmp_path: Path, pushgateway: Server) -> Scene:
    """A gateway that works."""
    return Scene(tmp_path, pushgateway.url)


def outcomes(scene: Scene, prefix: str, names: Collection[str], *options: str) -> dict[str, tuple[int, str]]:
    """Exit code and words of these cases, some at a time."""

    def one(name: str) -> tuple[int, str]:
        case = CASES[name]
        done = scene.run(f"{prefix} {name}", *case.command, options=(*case.options, *options))
        assert done.stdout == b""
        return done.returncode, done.stderr.decode()

    with ThreadPoolExecutor(6) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


def test_exit_codes_with_a_real_pushgateway(scene: Scene, pushgateway: Server) -> None:
    """Each command's own code is returned, and the gateway then holds the code and what it means."""
    found = outcomes(scene, "matrix", CASES)
    assert {name: code for name, (code, _) in found.items()} == {
        name: one.code for name, one in CASES.items()
    }
    for name, case in CASES.items():
        said = batch(pushgateway, f"matrix {name}")
        good = case.status == "success"
        assert said["last_exit_code"] == case.code, name
        assert status(pushgateway, f"matrix {name}") == case.status, name
        assert (said["last_success"], said["running"]) == (good, 0), name
        assert ("last_success_timestamp_seconds" in said, "last_failure_timestamp_seconds" in said) == (
            good,
            not good,
        )
        assert ("cpu_seconds" in said) == (case.status != "not_started"), name
    assert all("pushed" not in words for _, words in found.values())


def hang(connection: Connection) -> None:
    """Take the request and say nothing."""
    connection.request()
    connection.wait()


def says(answer: bytes) -> Callable[[Connection], None]:
    """Give every request this answer."""

    def act(connection: Connection) -> None:
        while connection.request():
            connection.send(answer)

    return act


BACKENDS = {
    "hanging": (hang, "no complete answer"),
    "500": (says(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), "HTTP 500"),
    "401": (says(b"HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\nwho?"), "HTTP 401: who?"),
    "no HTTP": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "the answer is not HTTP"),
}
OF_EACH_KIND = ("success", "failure", "killed", "timeout", "not found", "not executable")
SLOW = (
    "it takes too long",
    "no complete answer",
    "timed out",
)  # a busy machine may need more than the agreed time


@pytest.mark.parametrize(
    ("kind", "cases"),
    [
        ("refused", OF_EACH_KIND),
        ("hanging", OF_EACH_KIND),
        ("500", ("failure",)),
        ("401", ("failure",)),
        ("no HTTP", ("failure",)),
    ],
)
def test_exit_codes_whatever_the_backend_does(
    kind: str, cases: tuple[str, ...], tmp_path: Path, faulty: FaultyServer
) -> None:
    """The codes are the same, and one line says what was not pushed and why."""
    act, why = BACKENDS.get(kind, (hang, "Connection refused"))
    with raw_server(act) as server:
        url = faulty.refused_url if kind == "refused" else f"http://127.0.0.1:{server.port}"
        found = outcomes(Scene(tmp_path, url), "bad", cases, "--patience", "1s")
    for name, (code, words) in found.items():
        assert code == CASES[name].code, (name, words)
        lines = [line for line in words.splitlines() if "was not pushed" in line]
        assert len(lines) == 1, words
        assert any(word in lines[0] for word in (why, *SLOW)), words
        assert lines[0].startswith(f"pushvar: bad {name}: "), words


def test_a_dead_backend_holds_up_neither_start_nor_end(tmp_path: Path) -> None:
    """The command starts while its start hangs in the network, and its end waits no longer than agreed."""
    started, end = tmp_path / "started", tmp_path / "end"
    command = f"touch {started}; while [ ! -e {end} ]; do sleep 0.02; done"
    with raw_server(hang) as server:
        scene = Scene(tmp_path, f"http://127.0.0.1:{server.port}")
        with scene.running("held", "sh", "-c", command, options=("--patience", "1s")) as process:
            appears(started)
            wait_until(lambda: bool(server.heads), timeout_s=20, what="the push of the start")
            assert process.poll() is None
            end.touch()
            assert process.wait(timeout=30) == 0
    assert all(head.startswith("POST /metrics/job/held ") for head in server.heads)


def test_a_start_under_way_never_arrives_after_the_end(tmp_path: Path) -> None:
    """The start that hangs is cut before the end is sent, on a connection of its own."""
    bodies: list[tuple[int, bytes]] = []

    def slow_at_first(connection: Connection) -> None:
        while connection.request():
            bodies.append((connection.number, connection.body))
            if connection.number == 1:
                connection.socket.recv(1)  # until the client has had enough
                bodies.append((connection.number, b"cut"))
                return
            connection.send(ok(b""))

    with raw_server(slow_at_first) as server:
        scene = Scene(tmp_path, f"http://127.0.0.1:{server.port}")
        with scene.running(
            "slow",
            "sh",
            "-c",
            f"while [ ! -e {tmp_path}/end ]; do sleep 0.02; done",
            options=("--patience", "4s"),
        ) as process:
            wait_until(lambda: bool(bodies), timeout_s=20, what="the push of the start")
            (tmp_path / "end").touch()
            assert process.wait(timeout=30) == 0
            assert process.communicate()[1] == b""
    (first, start), (_, cut), (second, ended) = bodies
    assert (first, cut, second) == (1, b"cut", 2)
    assert b"batch_job_running 1\n" in start
    assert b"batch_job_running 0\n" in ended


def test_who_has_enough_of_waiting_signals_once_more(tmp_path: Path) -> None:
    """When the command has ended, SIGTERM ends the wait for the backend; the code stays the command's."""
    with raw_server(hang) as server:
        scene = Scene(tmp_path, f"http://127.0.0.1:{server.port}")
        ended = tmp_path / "ended"
        command = f"touch {ended}; exit 7"
        with scene.running("impatient", "sh", "-c", command, options=("--patience", "10m")) as process:
            appears(ended)
            wait_until(lambda: bool(server.heads), timeout_s=20, what="the push of the end")
            while process.poll() is None:  # the command itself may still be there for the first one
                process.send_signal(signal.SIGTERM)
                time.sleep(0.1)
            assert process.returncode in {7, 143}


def test_streams_are_the_commands_own(scene: Scene) -> None:
    """Standard input, output and error pass byte by byte, and other open files are there too."""
    body = bytes(range(256)) * 4096
    program = (
        "import sys; body = sys.stdin.buffer.read();"
        "sys.stdout.buffer.write(body); sys.stderr.buffer.write(body[::-1])"
    )
    done = scene.run("streams", sys.executable, "-c", program, stdin=body)
    assert (done.returncode, done.stdout, done.stderr) == (0, body, body[::-1])
    extra = scene.folder / "extra"
    extra.write_text("seven")
    with extra.open() as file:
        line = scene.line("streams", sys.executable, "-c", f"print(open({file.fileno()}).read(), end='')")
        read = subprocess.run(line, env=scene.env, pass_fds=[file.fileno()], capture_output=True, check=True)
    assert (read.stdout, read.stderr) == (b"seven", b"")


def test_arguments_and_environment_pass_as_they_are(scene: Scene) -> None:
    """Options of the command are its own, with and without the two dashes, and no byte is changed."""
    program = "import os, signal, sys; print(sys.argv[1:], os.environ['ODD'], signal.pthread_sigmask(0, []))"
    for dashes in (("--",), ()):
        line = [
            *scene.line("arguments")[:-1],
            *dashes,
            sys.executable,
            "-c",
            program,
            "--job",
            "-x",
            "",
            "a b",
        ]
        done = subprocess.run(
            line, env={**scene.env, "ODD": "é\n"}, capture_output=True, text=True, check=True
        )
        assert done.stdout == "['--job', '-x', '', 'a b'] é\n set()\n"


def test_a_good_run_is_remembered_through_a_bad_one(scene: Scene, pushgateway: Server) -> None:
    """The time of the last success, and what was declared, survive a run that fails."""
    options = ("--every", "12h", "--timeout", "1h", "--label", "env=prod", "--job-version", "1.2")
    assert scene.run("remembered", "true", options=options).returncode == 0
    before = batch(pushgateway, "remembered")
    assert scene.run("remembered", "false", options=options).returncode == 1
    after = batch(pushgateway, "remembered")
    assert after["last_success_timestamp_seconds"] == before["last_success_timestamp_seconds"]
    assert after["last_failure_timestamp_seconds"] == after["last_completion_timestamp_seconds"]
    assert after["last_start_timestamp_seconds"] > before["last_completion_timestamp_seconds"]
    assert (after["interval_seconds"], after["timeout_seconds"], after["overlapping"]) == (43_200, 3_600, 0)
    assert held(pushgateway, "remembered")["batch_job_info"] == {"schedule=12h,version=1.2": 1}
    assert after["max_rss_bytes"] > 1 << 20
    assert 0 <= after["duration_seconds"] < 60


def test_a_long_run_shows_that_it_is_there(scene: Scene, pushgateway: Server) -> None:
    """While it runs the gateway says so, with a heartbeat that moves; a killed wrapper leaves that behind."""
    command, _, end = scene.signalled()
    with scene.running("beating", *command, options=("--heartbeat", "200ms")) as process:
        wait_until(lambda: "running" in batch(pushgateway, "beating"), timeout_s=20, what="the start")
        first = batch(pushgateway, "beating")
        assert first["running"] == 1
        assert "last_exit_code" not in first
        moved = "heartbeat_timestamp_seconds"
        wait_until(
            lambda: batch(pushgateway, "beating")[moved] > first[moved], timeout_s=20, what="a heartbeat"
        )
        process.kill()
        process.wait()
        end.touch()
    assert batch(pushgateway, "beating")["running"] == 1


def test_straight_to_remote_write(tmp_path: Path) -> None:
    """Every request is valid to a strict receiver; the series have the job, the labels and growing times."""
    command = (
        f"while [ ! -e {tmp_path}/end ]; do sleep 0.02; done; echo rows=3 >> $PUSHVAR_JOB_RECORDS; exit 4"
    )
    with Receiver() as receiver:
        scene = Scene(tmp_path, "http://ignored")
        line = scene.line("written", "sh", "-c", command, options=("--label", "env=prod"))
        line[line.index("--to") : line.index("--to") + 2] = ["--remote-write", receiver.write_url]
        with subprocess.Popen(line, env=scene.env, stderr=subprocess.PIPE) as process:
            wait_until(lambda: bool(receiver.series({"job": "written"})), timeout_s=20, what="the start")
            (tmp_path / "end").touch()
            assert process.communicate()[1] == b""
        assert process.returncode == 4
        assert receiver.violations() == ()
        found = {dict(one.labels)["__name__"]: one for one in receiver.series({"job": "written"})}
        assert found["batch_job_last_exit_code"].latest.value == 4
        assert found["batch_job_rows"].latest.value == 3
        assert found["batch_job_running"].latest.value == 0
        assert [one.value for one in receiver.samples(dict(found["batch_job_running"].labels))] == [1, 0]
        assert all(dict(one.labels)["env"] == "prod" for one in found.values())
        assert len({one.latest.time_ms for name, one in found.items() if "overlapping" not in name}) == 1


MISTAKES: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "no URL": ((), {"PUSHVAR_PUSH_URL": ""}, "no gateway is named"),
    "a user in the URL": (("--to", "http://me:secret@127.0.0.1:1"), {}, "set PUSHVAR_PUSH_USERNAME"),
    "a label of ours": (("--label", "status=x"), {}, "status is a label of the metrics themselves"),
    "a secret that is gone": ((), {"PUSHVAR_PUSH_TOKEN": "file:/no/such"}, "file:/no/such cannot be read"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_about_metrics_cost_the_job_nothing(
    mistake: str, tmp_path: Path, faulty: FaultyServer
) -> None:
    """The command runs and its code is returned; a line says what is wrong, and never a secret."""
    options, environment, words = MISTAKES[mistake]
    env = {"XDG_STATE_HOME": str(tmp_path), "PUSHVAR_PUSH_URL": faulty.refused_url, **environment}
    line = [
        "job",
        "run",
        "--job",
        "mistaken",
        "--patience",
        "200ms",
        *options,
        "--",
        "sh",
        "-c",
        "echo ran; exit 9",
    ]
    done = run_pushvar(*line, env=env)
    assert (done.returncode, done.stdout) == (9, "ran\n")
    assert words in done.stderr
    assert "secret@" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_folder_for_state_no_room_for_words(scene: Scene, pushgateway: Server) -> None:
    """A state folder without access and a closed standard error do not matter; overlap is not claimed."""
    env = {"XDG_STATE_HOME": "/proc/nowhere", "TMPDIR": "/proc/nowhere"}
    shell = ["sh", "-c", '"$@" 2>&-', "sh", *scene.line("homeless", "sh", "-c", "exit 6")]
    done = subprocess.run(shell, env={**scene.env, **env}, capture_output=True, check=False)
    assert done.returncode == 6
    assert batch(pushgateway, "homeless")["last_exit_code"] == 6
    assert "overlapping" not in batch(pushgateway, "homeless")


def test_what_a_usage_error_is(tmp_path: Path) -> None:
    """A command line that cannot be understood gives 2, and then nothing was run."""
    ran = tmp_path / "ran"
    for options in (("--every", "soon"), ("--to", "http://a", "--remote-write", "http://b"), ("--nope",)):
        done = run_pushvar("job", "run", "--job", "x", *options, "--", "touch", ran)
        assert (done.returncode, ran.exists()) == (2, False), done.stderr
    assert run_pushvar("job", "run", "--", "touch", ran).returncode == 2
    assert not ran.exists()


def test_a_parent_that_ignores_its_children(scene: Scene) -> None:
    """An ignored SIGCHLD, which a parent may leave behind, does not hide the exit code."""
    ignore = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    launch = f"{ignore}; os.execvp(sys.argv[1], sys.argv[1:])"
    line = [sys.executable, "-c", launch, *scene.line("ignored", "sh", "-c", "exit 5")]
    assert subprocess.run(line, env=scene.env, check=False).returncode == 5
