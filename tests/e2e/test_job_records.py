"""What a job says of itself: ``pushvar job set``, files, stages; and two runs at once."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.job_scenes import Scene, appears, batch, held, status
from tests.programs import loopback
from tests.programs.commands import PUSHVAR, run_pushvar
from tests.programs.loopback import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.servers import Server

WRITERS = """
import os, subprocess, sys
from pushvar.app.jobs_records import note
for _ in range(4):
    if os.fork() == 0:
        for _ in range(250):
            note(os.environ, ["rows+=1", "checked+=" + "1" * 3], print)
        os._exit(0)
for _ in range(4):
    os.wait()
"""


@pytest.fixture
def scene(tmp_path: Path, pushgateway: Server) -> Scene:
    """A gateway that works, and pushvar among the commands that a shell finds."""
    return Scene(tmp_path, pushgateway.url, {"PATH": f"{PUSHVAR.parent}:{os.environ['PATH']}"})


def test_numbers_of_a_shell_script(scene: Scene, pushgateway: Server) -> None:
    """The command, a plain echo and text side by side; each number is a metric, and the last value counts."""
    script = """
    pushvar job set records_processed=1042 records_failed=3 retries=2
    pushvar job set size=7 --unit bytes
    echo rows=1 >> $PUSHVAR_JOB_RECORDS
    echo rows=42 >> $PUSHVAR_JOB_RECORDS
    echo '{"files": 5, "depth": 1.5}' >> $PUSHVAR_JOB_RECORDS
    printf '# TYPE shop_sold counter\\nshop_sold_total{shop="a b"} 9\\n' >> $PUSHVAR_JOB_RECORDS
    """
    done = scene.run("numbers", "sh", "-c", script)
    assert (done.returncode, done.stderr) == (0, b"")
    said = batch(pushgateway, "numbers")
    wanted = {"records_processed": 1042, "records_failed": 3, "retries": 2, "size_bytes": 7, "rows": 42}
    assert {**said, **wanted, "files": 5, "depth": 1.5} == said
    assert held(pushgateway, "numbers")["shop_sold_total"] == {"shop=a b": 9}


def test_processes_side_by_side(scene: Scene, pushgateway: Server) -> None:
    """Lines of many processes stay whole, and what they add is the sum."""
    done = scene.run("parallel", sys.executable, "-c", WRITERS)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    said = batch(pushgateway, "parallel")
    assert (said["rows"], said["checked"]) == (1000, 111_000)


def test_commands_side_by_side(scene: Scene, pushgateway: Server) -> None:
    """The same by the command."""
    script = "for i in 2 3; do pushvar job set rows+=$i & done; wait"
    assert scene.run("sets", "sh", "-c", script).returncode == 0
    assert batch(pushgateway, "sets")["rows"] == 5


def test_a_file_that_the_job_writes_anyway(scene: Scene, pushgateway: Server) -> None:
    """--records reads it; of a run that did not write it, it says nothing."""
    path = scene.folder / "numbers.prom"
    write = f"printf 'rows=5\\nnonsense here\\n' > {path}"
    first = scene.run("filed", "sh", "-c", write, options=("--records", path))
    assert f"{path}, line 2: a line whose value is no number" in first.stderr.decode()
    assert batch(pushgateway, "filed")["rows"] == 5
    second = scene.run("unfiled", "true", options=("--records", path))
    assert "was not written by this run" in second.stderr.decode()
    assert "rows" not in batch(pushgateway, "unfiled")


def test_stages(scene: Scene, pushgateway: Server) -> None:
    """A command within the job is timed as a stage of it, and keeps its exit code; one alone just runs."""
    script = "pushvar job run --stage extract -- true && pushvar job run --stage load -- sh -c 'exit 4'"
    done = scene.run("staged", "sh", "-c", script, options=("--stage", "all"))
    assert (done.returncode, done.stderr) == (4, b"")
    stages = held(pushgateway, "staged")["batch_job_stage_duration_seconds"]
    assert {*stages} == {"stage=extract", "stage=load", "stage=all"}
    assert all(0 <= value < 60 for value in stages.values())
    alone = run_pushvar("job", "run", "--stage", "x", "--", "sh", "-c", "exit 4")
    assert alone.returncode == 4
    assert "PUSHVAR_JOB_RECORDS is not set" in alone.stderr


def test_numbers_while_it_runs(scene: Scene, pushgateway: Server) -> None:
    """The next heartbeat carries them."""
    end = scene.folder / "end"
    script = f"echo rows=7 >> $PUSHVAR_JOB_RECORDS; while [ ! -e {end} ]; do sleep 0.02; done"
    with scene.running("beats", "sh", "-c", script, options=("--heartbeat", "100ms")) as process:
        wait_until(lambda: batch(pushgateway, "beats").get("rows") == 7, timeout_s=20, what="a heartbeat")
        assert process.poll() is None
        end.touch()
        assert process.wait(timeout=30) == 0


def test_numbers_that_a_gateway_refuses(scene: Scene, pushgateway: Server) -> None:
    """They cost the run its own words only: how it ended is pushed without them, and a line says why."""
    other = f"{pushgateway.url}/metrics/job/first-owner"
    body = b"# TYPE disputed_rows counter\ndisputed_rows 1\n"
    assert loopback.request("POST", other, body=body).status == 200
    text = "# TYPE disputed_rows gauge\\ndisputed_rows 5\\n"
    done = scene.run("disputed", "sh", "-c", f"printf '{text}' >> $PUSHVAR_JOB_RECORDS; exit 3")
    assert done.returncode == 3
    assert "pushed without what the job set, which was refused: " in done.stderr.decode()
    assert status(pushgateway, "disputed") == "failure"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("rows=many", "write rows=42"),
        ("duration_seconds=1", "is measured and cannot be set"),
    ],
)
def test_what_cannot_be_set(words: str, why: str, tmp_path: Path) -> None:
    """A mistake is a usage error, 2, and says what to write."""
    path = tmp_path / "records"
    path.touch()
    done = run_pushvar("job", "set", words, env={"PUSHVAR_JOB_RECORDS": str(path)})
    assert (done.returncode, path.read_text()) == (2, "")
    assert why in done.stderr


def test_a_job_that_is_run_by_hand(tmp_path: Path) -> None:
    """Outside of a run, or when its file is gone, set says so and fails nobody's script."""
    for env in ({}, {"PUSHVAR_JOB_RECORDS": str(tmp_path / "gone")}):
        done = run_pushvar("job", "set", "rows=1", env=env)
        assert done.returncode == 0
        assert done.stderr.startswith("pushvar: nothing is kept: ")


def test_two_runs_at_once(scene: Scene, pushgateway: Server) -> None:
    """The second says that it overlaps, and the job runs until both have ended; then all is as before."""
    end = scene.folder / "end"
    waits = ("sh", "-c", f"touch {scene.folder}/began; while [ ! -e {end} ]; do sleep 0.02; done")
    with scene.running("twice", *waits) as first:
        appears(scene.folder / "began")
        wait_until(lambda: "running" in batch(pushgateway, "twice"), timeout_s=20, what="the start")
        assert batch(pushgateway, "twice")["overlapping"] == 0
        second = scene.run("twice", "true")
        assert (second.returncode, b"another run is at work" in second.stderr) == (0, True)
        both = batch(pushgateway, "twice")
        assert (both["overlapping"], both["running"], both["last_exit_code"]) == (1, 1, 0)
        other = scene.run("twice", "true", options=("--label", "shard=2"))
        assert other.stderr == b""
        end.touch()
        assert first.wait(timeout=30) == 0
        assert first.communicate()[1] == b""
    assert loopback.request("DELETE", f"{pushgateway.url}/metrics/job/twice/shard/2").status == 202
    wait_until(lambda: batch(pushgateway, "twice")["running"] == 0, timeout_s=20, what="the end")
    assert scene.run("twice", "true").stderr == b""
    after = batch(pushgateway, "twice")
    assert (after["overlapping"], after["running"]) == (0, 0)


def test_a_run_that_gives_way(scene: Scene, pushgateway: Server) -> None:
    """It runs nothing and only says that it overlapped; the other run's group is left alone."""
    end, ran = scene.folder / "end", scene.folder / "ran"
    waits = ("sh", "-c", f"touch {scene.folder}/began; while [ ! -e {end} ]; do sleep 0.02; done")
    with scene.running("polite", *waits) as first:
        appears(scene.folder / "began")
        wait_until(lambda: "running" in batch(pushgateway, "polite"), timeout_s=20, what="the start")
        for choice, code in (("skip", 0), ("fail", 75)):
            second = scene.run("polite", "touch", ran, options=("--on-overlap", choice))
            assert (second.returncode, ran.exists()) == (code, False)
            assert f"another run is at work: {choice} as asked" in second.stderr.decode()
        both = batch(pushgateway, "polite")
        assert (both["overlapping"], both["running"], "last_exit_code" in both) == (1, 1, False)
        end.touch()
        assert first.wait(timeout=30) == 0
    alone = scene.run("polite", "touch", ran, options=("--on-overlap", "skip"))
    assert (alone.returncode, ran.exists()) == (0, True)


def test_a_killed_run_is_no_run(scene: Scene) -> None:
    """A wrapper that was killed holds up nobody: its lock is gone with it."""
    with scene.running("killed", "sh", "-c", f"touch {scene.folder}/began; sleep 600") as first:
        appears(scene.folder / "began")
        pid = int(subprocess.check_output(["pgrep", "-P", str(first.pid)]))
        first.kill()
        first.wait()
    os.kill(pid, 9)
    done = scene.run("killed", "true", options=("--on-overlap", "fail"))
    assert (done.returncode, done.stderr) == (0, b"")
