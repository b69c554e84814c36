"""``pushvar job run`` around real commands: how it is started, and what a gateway then holds."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.programs.commands import PUSHVAR, pushvar_environment
from tests.programs.loopback import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.programs.servers import Server

SIGNALLED = """
import pathlib, signal, sys, time
said = pathlib.Path(sys.argv[1])
def hear(number, frame):
    with said.open("a") as file:
        file.write(signal.Signals(number).name + "\\n")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
for name in sys.argv[3:]:
    signal.signal(getattr(signal, name), hear)
said.write_text("")
while not pathlib.Path(sys.argv[2]).exists():
    time.sleep(0.01)
"""
"""A program that writes each signal that it gets into a file, until another file is there."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A folder of the test's own, where the state is too, and a gateway."""

    folder: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)

    def line(self, job: str, *command: str | Path, options: tuple[str | Path, ...] = ()) -> list[str | Path]:
        """The command line of one run."""
        return [PUSHVAR, "job", "run", "--job", job, "--to", self.url, *options, "--", *command]

    @property
    def env(self) -> dict[str, str]:
        """The environment of a run."""
        return {**pushvar_environment(), "XDG_STATE_HOME": str(self.folder / "state"), **self.environment}

    def run(
        self,
        job: str,
        *command: str | Path,
        options: tuple[str | Path, ...] = (),
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a job to its end; all streams are bytes."""
        line = self.line(job, *command, options=options)
        return subprocess.run(
            line, input=stdin, env={**self.env, **(env or {})}, capture_output=True, timeout=60, check=False
        )

    @contextmanager
    def running(
        self, job: str, *command: str | Path, options: tuple[str | Path, ...] = ()
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A job that runs; it is killed if it outlives the block."""
        with subprocess.Popen(
            self.line(job, *command, options=options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def signalled(self, *names: str) -> tuple[list[str | Path], Path, Path]:
        """A command that hears these signals; the file that it writes them to, and the one that ends it."""
        said, end = self.folder / "said", self.folder / "end"
        return [sys.executable, "-c", SIGNALLED, said, end, *names], said, end


def held(gateway: Server, job: str) -> dict[str, dict[str, float]]:
    """The group of a job: family -> labels beside the group's, as text -> value. Empty when there is none."""
    groups = json.loads(gateway.text("/api/v1/metrics"))["data"]
    found = [group for group in groups if group["labels"]["job"] == job]
    assert len(found) <= 1, found
    return {name: _values(group, family) for group in found for name, family in group.items() if _is(family)}


def batch(gateway: Server, job: str) -> dict[str, float]:
    """What is said of a job, by names without the prefix; of the status only which one it is."""
    families = held(gateway, job)
    plain = {name.removeprefix("batch_job_"): found.get("", 0.0) for name, found in families.items()}
    plain.pop("last_status", None)
    return plain


def status(gateway: Server, job: str) -> str:
    """How the last run ended."""
    (one,) = [labels for labels, value in held(gateway, job)["batch_job_last_status"].items() if value]
    return one.removeprefix("status=")


def appears(path: Path) -> None:
    """Wait for a file."""
    wait_until(path.exists, timeout_s=20, what=f"{path.name}")


def _is(family: Any) -> bool:
    return isinstance(family, dict) and "metrics" in family


def _values(group: Mapping[str, Any], family: Mapping[str, Any]) -> dict[str, float]:
    own = {**group["labels"], "instance": ""}
    return {
        ",".join(f"{name}={value}" for name, value in one["labels"].items() if own.get(name) != value): float(
            one["value"]
        )
        for one in family["metrics"]
        if "value" in one
    }
