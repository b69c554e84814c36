"""The Python API: what runs is unchanged, and the gateway knows how it went; nothing of it is left behind."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.batch import batch_job, current_job, lambda_job
from pushvar.errors import ConfigError
from pushvar.receiver.server import Receiver

from tests.e2e.job_scenes import batch, held, status
from tests.programs.loopback import wait_until
from tests.programs.raw_server import raw_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.raw_server import Connection
    from tests.programs.servers import Server


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, pushgateway: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state folder of the test's own; pushes go to the gateway unless told otherwise."""
    for name in [name for name in os.environ if name.startswith("PUSHVAR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("PUSHVAR_PUSH_URL", pushgateway.url)


def of_ours() -> set[str]:
    """The threads that belong to pushes."""
    return {one.name for one in threading.enumerate() if one.name.startswith(("job ", "push "))}


def test_a_block(pushgateway: Server) -> None:
    """A with block has all that a wrapped command has, its numbers and its stages."""
    with batch_job("block", every="12h", labels={"env": "prod"}, version="2", schedule="0 3 * * *") as job:
        job.set(rows=42, records_failed=1)
        job.add(rows=1)
        for _ in range(2):
            with job.stage("load"):
                pass
    said = batch(pushgateway, "block")
    assert status(pushgateway, "block") == "success"
    wanted = {
        "rows": 43,
        "records_failed": 1,
        "last_exit_code": 0,
        "last_success": 1,
        "running": 0,
        "overlapping": 0,
    }
    assert {**said, **wanted, "interval_seconds": 43_200} == said
    assert held(pushgateway, "block")["batch_job_info"] == {"schedule=0 3 * * *,version=2": 1}
    assert [*held(pushgateway, "block")["batch_job_stage_duration_seconds"]] == ["stage=load"]
    assert said["max_rss_bytes"] > 1 << 20
    assert {"cpu_seconds", "duration_seconds", "last_success_timestamp_seconds"} <= {*said}
    assert of_ours() == set()


class Mine(Exception):
    """An error of the job."""


@pytest.mark.parametrize(
    ("error", "code", "how"),
    [
        (Mine("x"), 1, "failure"),
        (SystemExit(0), 0, "success"),
        (SystemExit(None), 0, "success"),
        (SystemExit(7), 7, "failure"),
        (SystemExit("words"), 1, "failure"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (asyncio.CancelledError(), 1, "interrupted"),
    ],
    ids=repr,
)
def test_an_error_passes_unchanged(error: BaseException, code: int, how: str, pushgateway: Server) -> None:
    """Whatever ends the job is what its caller sees, the same object; the gateway has what it means."""
    job = f"raises {error!r}"

    @batch_job(job)
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        work()
    assert raised.value is error
    assert batch(pushgateway, job)["last_exit_code"] == code
    assert status(pushgateway, job) == how


def test_functions(pushgateway: Server) -> None:
    """A decorated function keeps name, arguments and result; each call is a run, and its code can find it."""

    @batch_job("function", every=3600)
    def work(rows: int, *, more: int = 0) -> int:
        """Work."""
        current_job().set(rows=rows + more)
        return rows

    assert (work(4, more=1), work.__name__, work.__doc__) == (4, "work", "Work.")
    assert batch(pushgateway, "function")["rows"] == 5
    assert work(1) == 1
    assert batch(pushgateway, "function")["rows"] == 1
    current_job().set(rows=9)  # outside of any job: nobody is told


def test_coroutines(pushgateway: Server) -> None:
    """A decorated coroutine function too, and the loop goes on while its end is pushed."""
    ticks = []

    @batch_job("coroutine", every=timedelta(hours=1))
    async def work(rows: int) -> int:
        await asyncio.sleep(0)
        current_job().set(rows=rows)
        return rows

    async def tick() -> None:
        while True:
            ticks.append(current_job().name)
            await asyncio.sleep(0.001)

    async def both() -> list[int]:
        ticking = asyncio.create_task(tick())
        done = await asyncio.gather(work(3), *(work(3) for _ in range(2)))
        async with batch_job("block of a coroutine"):
            before = len(ticks)
        assert len(ticks) > before
        ticking.cancel()
        return done

    assert asyncio.run(both()) == [3, 3, 3]
    assert batch(pushgateway, "coroutine")["rows"] == 3
    assert status(pushgateway, "block of a coroutine") == "success"
    assert {*ticks} == {""}
    assert of_ours() == set()


def test_what_can_be_decorated() -> None:
    """A generator runs after its call, so it is no job; a time that is none is found at once."""
    with pytest.raises(TypeError, match="generator"):

        @batch_job("generator")
        def work() -> Any:
            yield 1

    with pytest.raises(ConfigError, match="not a duration"):
        batch_job("x", every="daily")
    with pytest.raises(ConfigError, match="keep one"):
        batch_job("x", to="http://a", remote_write="http://b")


def test_a_heartbeat(pushgateway: Server) -> None:
    """A long run is seen while it works, with the numbers it has so far."""
    with batch_job("long", heartbeat=0.05) as job:
        job.set(rows=1)
        wait_until(lambda: batch(pushgateway, "long").get("rows") == 1, timeout_s=20, what="a heartbeat")
        assert batch(pushgateway, "long")["running"] == 1


def test_runs_side_by_side(pushgateway: Server) -> None:
    """Two runs of a job in threads of one process overlap as two processes do."""
    inside, go_on = threading.Barrier(2), threading.Event()

    @batch_job("threads", heartbeat=0.05)
    def work() -> None:
        inside.wait(20)
        go_on.wait(20)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for one in threads:
        one.start()
    wait_until(lambda: batch(pushgateway, "threads").get("overlapping") == 1, timeout_s=20, what="both")
    go_on.set()
    for one in threads:
        one.join()
    assert batch(pushgateway, "threads")["running"] == 0


def test_a_push_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is raised, the result is the job's, and one warning says what was not pushed."""

    @batch_job("unheard", to="http://127.0.0.1:1", patience=0.3)
    def work() -> int:
        current_job().set(rows="many", **{"bad-name": 1})  # type: ignore[arg-type]
        return 5

    assert work() == 5
    *others, last = [record.getMessage() for record in caplog.records if record.name == "pushvar.batch"]
    assert last.startswith(
        "job unheard: the end of this run was not pushed: http://127.0.0.1:1/metrics/job/unheard:"
    )
    assert [one.partition(":")[0] for one in others] == ["job unheard", "job unheard"]
    assert of_ours() == set()


@pytest.mark.parametrize("mistake", ["name", "label", "url", "state", "secret"])
def test_mistakes_cost_the_job_nothing(
    mistake: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No name, a label that cannot be, a URL or a secret that is none: a warning, and the job runs."""
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    if mistake == "url":
        monkeypatch.setenv("PUSHVAR_PUSH_URL", "gateway")
    if mistake == "secret":
        monkeypatch.setenv("PUSHVAR_PUSH_TOKEN", "file:/no/such")
    labels = {"a-b": "x"} if mistake == "label" else {}
    with caplog.at_level(logging.WARNING), batch_job("" if mistake == "name" else mistake, labels=labels):
        pass
    assert len(caplog.records) == (mistake != "state")


def test_straight_to_remote_write() -> None:
    """What is written is valid to a strict receiver."""
    with Receiver() as receiver:
        with batch_job("written", remote_write=receiver.write_url, labels={"env": "x"}) as job:
            job.set(rows=2)
        assert receiver.violations() == ()
        (found,) = receiver.series({"__name__": "batch_job_rows"})
        assert (dict(found.labels)["job"], dict(found.labels)["env"], found.latest.value) == (
            "written",
            "x",
            2,
        )


def test_a_fork_is_not_the_job(pushgateway: Server) -> None:
    """A child process that leaves the block says nothing: the job goes on in its parent."""
    program = """
import os
from pushvar.batch import batch_job
try:
    with batch_job("forked"):
        if os.fork() == 0:
            raise SystemExit(9)
        assert os.waitstatus_to_exitcode(os.wait()[1]) == 9
except SystemExit as end:
    os._exit(end.code)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert batch(pushgateway, "forked")["last_exit_code"] == 0


class Context:
    """What Lambda gives a handler, as far as it matters here."""

    def __init__(self, left_ms: int = 60_000) -> None:
        self.left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the invocation."""
        return self.left_ms


def test_a_lambda_handler(pushgateway: Server) -> None:
    """One line around it: pushed before it returns, no thread left, result and errors as before."""

    def handler(event: dict[str, int], _context: Context) -> int:
        current_job().set(rows=event["rows"])
        return 10 // event["rows"]

    wrapped = lambda_job("invoked", handler, every="1h")
    assert wrapped({"rows": 5}, Context()) == 2
    assert (batch(pushgateway, "invoked")["rows"], of_ours()) == (5, set())
    assert status(pushgateway, "invoked") == "success"
    with pytest.raises(ZeroDivisionError):
        wrapped({"rows": 0}, Context())
    assert (status(pushgateway, "invoked"), of_ours()) == ("failure", set())

    @lambda_job("decorated")
    def other(event: int, _context: object) -> int:
        return event

    assert other(3, object()) == 3
    assert status(pushgateway, "decorated") == "success"


def test_a_lambda_function_with_little_time_left() -> None:
    """A gateway that hangs takes no more than what is left of the invocation, however patient it may be."""

    def hang(connection: Connection) -> None:
        connection.request()
        connection.wait()

    with raw_server(hang) as server:
        url = f"http://127.0.0.1:{server.port}"

        @lambda_job("late", to=url, patience="10m")
        def handler(event: int, _context: Context) -> int:
            return event

        assert handler(1, Context(left_ms=1_500)) == 1  # or this test never ends
    assert of_ours() == set()
