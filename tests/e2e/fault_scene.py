"""One row of the fault matrix on its stage: targets, receiver, configuration, state file, processes."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.e2e.fault_rows import GOOD_FROM
from tests.programs import loopback, pipeline
from tests.programs.certificates import self_signed, server_context
from tests.programs.commands import PUSHVAR, pushvar_environment
from tests.programs.raw_server import keep_answering, raw_server
from tests.programs.stepping_targets import JOBS, SteppingTargets, stepping_targets
from tests.programs.storing_receiver import StoringReceiver, storing_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.fault_rows import Fault

PACE_S = 0.7
DRAIN = 8
GATE = threading.BoundedSemaphore(12)
"""How many rows work at the same time: more would make each other late."""

BACKEND = "main"
_PATIENCE_S = 60.0
_QUEUE = {"max_samples_per_send": 20, "min_backoff": "20ms", "max_backoff": "100ms"}

CycleObject = dict[str, Any]
"""What the program says of one cycle (``pushvar run --json``)."""


@dataclass(slots=True)
class Scene:
    """Everything of one row; ``reports`` is what the program said of its cycles, run after run."""

    fault: Fault
    folder: Path
    targets: SteppingTargets
    receiver: StoringReceiver
    listen: Callable[[], None]
    wrong_url: str = ""
    dead_url: str = ""
    started: int = 0
    reports: list[CycleObject] = field(default_factory=list)

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "pushvar.yml"

    @property
    def state(self) -> Path:
        """The state file."""
        return self.folder / "state.db"

    def configure(self, url: str) -> None:
        """Write the configuration, in one step: somebody may be reading it."""
        block = dict(self.fault.block)
        queue = _QUEUE | block.pop("queue_config", {})
        backend = {
            "remote_timeout": "600ms", "queue_config": queue, "metadata_config": {"send": False}, **block,
        }  # fmt: skip
        remotes = [{"name": BACKEND, "url": url, **backend}]
        if self.dead_url:
            remotes.append({"name": "dead", "url": self.dead_url, **backend})
        jobs = [
            {
                "job_name": job,
                "metrics_path": f"/{job}",
                "static_configs": [{"targets": [self.targets.address], "labels": {"customer_id": job}}],
            }
            for job in JOBS
        ]
        general = {"scrape_interval": "1s", "scrape_timeout": "1s", "self_metrics": False}
        document = {"global": general, "scrape_configs": jobs, "remote_write": remotes}
        fresh = self.config.with_suffix(".new")
        fresh.write_text(json.dumps(document))
        fresh.replace(self.config)

    def heal(self, cycle: int) -> None:
        """Mend in time what is wrong with the URL."""
        if cycle == GOOD_FROM and self.fault.wrong_url == "refused":
            self.listen()
        elif cycle == GOOD_FROM and self.wrong_url:
            self.configure(self.receiver.url)

    def start(self, cycles: int, **orders: Any) -> pipeline.Pipeline:
        """Start a process that runs so many cycles."""
        places = {"config": str(self.config), "state": str(self.state)}
        drain = 0 if self.fault.waits else DRAIN
        told = {**places, "cycles": cycles, "pace_s": PACE_S, "drain": drain, **orders}
        self.started += 1
        return pipeline.start(told, self.folder / f"run-{self.started}")

    def start_command(self) -> subprocess.Popen[str]:
        """Start the real command."""
        state = f"sqlite:{self.state}"
        config = str(self.config)
        arguments = ["run", "--config", config, "--state", state, "--every", "1s", "--json"]
        return subprocess.Popen(
            [str(PUSHVAR), *arguments], env=pushvar_environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def finish(self, process: subprocess.Popen[str] | pipeline.Pipeline, expected: int = 0) -> None:
        """Await its end and keep what it said; a process that does not end is killed."""
        try:
            said, errors = process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            said, errors = process.communicate()
        assert process.returncode == expected, f"{self.fault.name}: ended with {process.returncode}: {errors}"
        self.reports += [json.loads(line) for line in said.splitlines()]


@contextmanager
def staged(fault: Fault, folder: Path) -> Iterator[Scene]:
    """Set the stage for a row."""
    with ExitStack() as stack:
        targets = stack.enter_context(stepping_targets())
        receiver, listen = stack.enter_context(storing_receiver(fault.answers, lambda: targets.cycle))
        scene = Scene(fault, folder, targets, receiver, listen)
        scene.wrong_url = _wrong_url(scene, stack)
        if fault.beside:
            deaf = stack.enter_context(closing(socket.socket()))
            deaf.bind(("127.0.0.1", 0))
            scene.dead_url = f"http://127.0.0.1:{deaf.getsockname()[1]}/write"
        if fault.wrong_url != "refused":
            listen()
        targets.before_cycle, targets.ends = scene.heal, fault.ends
        scene.configure(scene.wrong_url or receiver.url)
        yield scene


def _wrong_url(scene: Scene, stack: ExitStack) -> str:
    """The URL that a row begins with; "" when it is the right one."""
    match scene.fault.wrong_url:
        case "tls":
            return scene.receiver.url.replace("http:", "https:")
        case "certificate":
            tls = server_context(self_signed(scene.folder))
            server = stack.enter_context(raw_server(keep_answering, host="127.0.0.1", tls=tls))
            return f"https://localhost:{server.port}/write"
        case "dns":
            return "http://no-such-host.invalid/write"
    return ""


def cycles(scene: Scene) -> None:
    """One process from start to end."""
    scene.finish(scene.start(scene.fault.cycles, **scene.fault.orders))


def command(scene: Scene) -> None:
    """The real command, told to end when enough cycles have begun."""
    process = scene.start_command()
    try:
        loopback.wait_until(
            lambda: scene.targets.cycle >= scene.fault.cycles or process.poll() is not None,
            timeout_s=_PATIENCE_S, what="the last cycle",
        )  # fmt: skip
        time.sleep(PACE_S)  # that it may be delivered
    finally:
        process.send_signal(signal.SIGTERM)
        scene.finish(process)


def killed(scene: Scene) -> None:
    """A process that kills itself, then one that goes on as soon as the dead one's lease has run out."""
    with GATE:
        scene.finish(scene.start(scene.fault.cycles, **scene.fault.orders), -signal.SIGKILL)
    with closing(sqlite3.connect(f"file:{scene.state}?mode=ro", uri=True)) as connection:
        (expires_ms,) = connection.execute("SELECT max(expires_ms) FROM shards").fetchone()
    time.sleep(max(0.0, expires_ms / 1000 - time.time()))
    with GATE:
        scene.finish(scene.start(5))


def race(scene: Scene) -> None:
    """Two processes on one state file."""
    both = [scene.start(5), scene.start(5)]
    for process in both:
        scene.finish(process)


def folder(scene: Scene) -> None:
    """While samples wait, the state file is moved away and a folder takes its name; later it is back."""
    scene.finish(scene.start(2, drain=0))
    aside = scene.folder / "aside.db"
    scene.state.rename(aside)
    scene.state.mkdir()
    served = len(scene.targets.log)
    scene.finish(scene.start(2), 1)
    assert len(scene.targets.log) == served, "without a state file nothing may be fetched"
    scene.state.rmdir()
    aside.rename(scene.state)
    scene.finish(scene.start(5))


def locked(scene: Scene) -> None:
    """Another process writes to the state file and does not stop, from a push on that fails."""
    script, begun, first = scene.receiver.script, threading.Event(), threading.Semaphore(1)
    holder = threading.Thread(target=_hold, args=(scene.state, begun))

    def answers(asked: Any) -> Any:
        if asked.cycle == 2 and first.acquire(blocking=False):
            holder.start()
            begun.wait()
        return script(asked)

    scene.receiver.script = answers
    cycles(scene)
    holder.join()


def _hold(state: Path, begun: threading.Event, for_s: float = 13.0) -> None:
    """Longer than the store waits for a lock (10 s), shorter than a lease."""
    with closing(sqlite3.connect(state, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        begun.set()
        time.sleep(for_s)
        connection.execute("ROLLBACK")
