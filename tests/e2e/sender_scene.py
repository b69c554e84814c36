"""Targets and a backend of a test's own, and ``pushvar run`` between them: stopped, killed, run again."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.programs.commands import PUSHVAR, run_pushvar
from tests.programs.loopback import wait_until
from tests.programs.plain_sender import HANG, Backend, Pages, backend, child, good, pages

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from tests.programs.plain_sender import Answer
    from tests.programs.scripted_receiver import Arrived

SCRAPE = {"scrape_interval": "40s", "scrape_timeout": "30s"}


@dataclass
class Scene:
    """Targets and a backend of the test's own; ``behave`` is what the backend does now."""

    folder: Path
    stack: ExitStack
    behave: Callable[[Arrived], Answer] = good
    jobs: list[dict[str, Any]] = field(default_factory=list)
    times: dict[str, str] = field(default_factory=lambda: SCRAPE)

    def __post_init__(self) -> None:
        self.backend: Backend = self.stack.enter_context(
            backend(lambda _number, arrived: self.behave(arrived))
        )
        self.remotes = [self.remote("main", self.backend.port)]

    @staticmethod
    def remote(name: str, port: int, **more: Any) -> dict[str, Any]:
        """A backend on a port of this machine."""
        return {"name": name, "url": f"http://127.0.0.1:{port}/api/v1/write", "remote_timeout": "30s", **more}

    def target(self, job: str, page: Callable[[int], str | None], **labels: str) -> Pages:
        """One more target."""
        served = self.stack.enter_context(pages(page))
        self.at(job, served.address, **labels)
        return served

    def at(self, job: str, address: str, **labels: str) -> None:
        """One more target, at an address."""
        group = {"targets": [address], "labels": labels}
        self.jobs.append({"job_name": job, "metrics_path": "/metrics", "static_configs": [group]})

    def config(self) -> Path:
        """What the run is told."""
        document = {
            "global": {**self.times, "self_metrics": False},
            "scrape_configs": self.jobs,
            "remote_write": self.remotes,
        }
        path = self.folder / "pushvar.yml"
        path.write_text(json.dumps(document))
        return path

    def arguments(self, *more: str) -> list[str | Path]:
        """The command's."""
        return ["run", "--config", self.config(), "--state", self.folder / "state.db", *more]

    def stopped(
        self, ready: Callable[[], bool], number: int = signal.SIGTERM, *more: str
    ) -> tuple[float, int, str]:
        """Run until ``ready``, send the signal; gives the seconds that the end took, the code, the output."""
        with child([PUSHVAR, *self.arguments("--json", *more)]) as process:
            wait_until(ready, timeout_s=20, what="the moment to stop")
            time.sleep(0.3)
            began_s = time.monotonic()
            process.send_signal(number)
            out, err = process.communicate(timeout=40)
            took_s = time.monotonic() - began_s
        assert err == ""
        return took_s, process.returncode, out

    def stored(self, name: str, job: str = "good") -> list[tuple[int, float]]:
        """What the backend took of a series, in the order in which it came."""
        return [
            (time_ms, value)
            for got in self.backend.got
            if got.status in range(200, 300)
            for labels, time_ms, value in got.arrived.samples
            if {"__name__": name, "job": job}.items() <= dict(labels).items()
        ]

    def waiting(self, out: str) -> int:
        """What the last cycle says is in the spool."""
        return sum(one["waiting"] for one in json.loads(out.splitlines()[-1])["backends"])

    def goes_on(self, expected: dict[str, list[float]], code: int = 0) -> dict[str, Any]:
        """The next run, with a backend that takes all: per job the steps that must have arrived, in order."""
        self.behave = good
        done = run_pushvar(*self.arguments("--once", "--json"), timeout_s=60)
        assert done.returncode == code, done.stdout + done.stderr
        for job, steps in expected.items():
            samples = self.stored("step", job)
            assert [value for _, value in samples] == steps
            times = [time_ms for time_ms, _ in samples]
            assert times == sorted(set(times))
        report: dict[str, Any] = json.loads(done.stdout)
        return report


def steps(step: int) -> str:
    """A page that says which it is."""
    return f"# TYPE step gauge\nstep {step}\n"


def never(_step: int) -> None:
    """A target that takes the request and says nothing."""


def silent(_arrived: Arrived) -> None:
    """A backend that takes the request and says nothing."""
    return HANG
