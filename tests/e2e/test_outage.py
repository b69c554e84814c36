"""Real databases that are away for a while under load: no gap afterwards, nothing out of order.

``PUSHVAR_OUTAGE_S`` says for how many seconds they are away; a few are enough to see it.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests import components
from tests.programs import loopback
from tests.programs.commands import PUSHVAR, pushvar_environment
from tests.programs.databases import Database
from tests.programs.loopback import wait_until
from tests.programs.plain_sender import pages
from tests.programs.process import await_ready, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.programs.plain_sender import Pages

OUTAGE_S = float(os.environ.get("PUSHVAR_OUTAGE_S", "20"))
BEFORE_S = AFTER_S = 4.0
JOBS = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Restartable:
    """A database whose port and data stay when it is stopped and started again."""

    command: list[str]
    log: Path
    port: int
    ready_path: str
    flush_path: str = ""

    @contextmanager
    def up(self) -> Iterator[Database]:
        """Run it until the block ends; then it is ended by SIGTERM, as an upgrade does."""
        url = f"http://127.0.0.1:{self.port}"
        with running(self.command, self.log) as program:
            failure = await_ready(program, url + self.ready_path)
            assert not failure, failure
            yield Database(url, f"{url}/api/v1/write", program, self.flush_path)
            program.end(grace_s=20.0)


def prometheus(folder: Path) -> Restartable:
    """A Prometheus that takes remote write."""
    port = loopback.free_port()
    config = folder / "prometheus.yml"
    config.write_text("scrape_configs: []\n")
    command = [
        str(components.find("prometheus")),
        f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        "--web.enable-remote-write-receiver", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    return Restartable(command, folder / "prometheus.log", port, "/-/ready")


def victoria_metrics(folder: Path) -> Restartable:
    """A VictoriaMetrics."""
    port = loopback.free_port()
    command = [
        str(components.find("victoria-metrics")), f"-storageDataPath={folder / 'data'}",
        "-search.latencyOffset=0s", "-search.disableCache", "-memory.allowedBytes=256MiB",
        f"-httpListenAddr=127.0.0.1:{port}",
    ]  # fmt: skip
    return Restartable(command, folder / "victoria.log", port, "/health", "/internal/force_flush")


def load(folder: Path, targets: list[Pages], port: int) -> list[str]:
    """The command of a sender of all targets, every second."""
    document = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {"job_name": job, "metrics_path": "/metrics", "static_configs": [{"targets": [one.address]}]}
            for job, one in zip(JOBS, targets, strict=True)
        ],
        "remote_write": [{"name": "db", "url": f"http://127.0.0.1:{port}/api/v1/write"}],
    }
    config = folder / "pushvar.yml"
    config.write_text(json.dumps(document))
    return [str(PUSHVAR), "run", "--config", str(config), "--state", str(folder / "state.db"), "--json"]


@pytest.mark.parametrize("kind", [prometheus, victoria_metrics])
def test_an_outage_leaves_no_gap(kind: Callable[[Path], Restartable], tmp_path: Path) -> None:
    """Stopped and started again on the same data: every page that was served is there, once, in order."""
    database = kind(tmp_path)
    with ExitStack() as stack:
        targets = [
            stack.enter_context(pages(lambda step: f"# TYPE step counter\nstep {step}\n")) for _ in JOBS
        ]
        command = load(tmp_path, targets, database.port)
        with database.up():
            environment = pushvar_environment()
            sender = stack.enter_context(running(command, tmp_path / "pushvar.log", environment))
            wait_until(lambda: targets[0].asked > BEFORE_S, timeout_s=30, what="some cycles")
        time.sleep(OUTAGE_S)
        with database.up() as back:
            asked = targets[0].asked
            wait_until(lambda: targets[0].asked > asked + AFTER_S, timeout_s=60, what="more cycles")
            assert sender.end(grace_s=12.0) == 0
            last = json.loads(sender.log.read_text().splitlines()[-1])
            assert last["backends"][0]["waiting"] == 0
            for job, target in zip(JOBS, targets, strict=True):
                _no_gap(back, job, target.asked)
    words = database.log.read_text(errors="replace").lower()
    assert "out of order" not in words
    assert "out-of-order" not in words
    assert "duplicate sample" not in words


def _no_gap(database: Database, job: str, asked: int) -> None:
    """Every page of a target is stored, none twice, about a second apart."""
    ((_, samples),) = database.samples(f'step{{job="{job}"}}')
    values = [value for _, value in samples]
    assert values == list(range(asked)) or values == list(range(asked - 1))  # the last one was interrupted
    times = [time_ms for time_ms, _ in samples]
    assert times[-1] - times[0] >= OUTAGE_S * 1000
    assert max(after - before for before, after in itertools.pairwise(times)) < 3_000
    ((_, ups),) = database.samples(f'up{{job="{job}"}}')
    assert [time_ms for time_ms, _ in ups] == times
