"""A Lambda function as Lambda runs it: the real Runtime API, the built artifact, a clean environment.

The Runtime Interface Emulator starts the runtime's own client, which loads the handler from the
function's folder and the layer, with boto3 beside it as on Lambda, and nothing else. It enforces the
timeout and says in its log how long the init took. What it does not do: limit memory, or take two
requests at a time, so requests wait for each other.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from tests.components import sam
from tests.programs import loopback
from tests.programs.process import ATTEMPTS, READY_WITHIN_S, NotReady, Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MEMORY_MB = 512
_INVOCATIONS = "/2015-03-31/functions/function/invocations"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a function is deployed; ``environment`` are its own variables."""

    name: str = "pushvar"
    timeout_s: int = 50
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Function:
    """A function that can be invoked; a new environment begins with the first call and after a timeout."""

    url: str
    settings: Settings
    program: Running
    _one_at_a_time: Lock = field(default_factory=Lock)

    def invoke(self, event: object) -> Any:
        """Give what the handler returned, or Lambda's description of its error (``errorType``, ...)."""
        with self._one_at_a_time:
            answer = loopback.request(
                "POST",
                self.url + _INVOCATIONS,
                body=json.dumps(event).encode(),
                timeout_s=self.settings.timeout_s + READY_WITHIN_S,
            )
        text = answer.body.decode()
        return json.loads(text) if _is_json(text) else text

    def log(self) -> str:
        """Give all that was logged: by the handler, and by Lambda."""
        return self.program.log.read_text(errors="replace")

    def logged(self) -> list[dict[str, Any]]:
        """Give the handler's own lines, those that are JSON objects."""
        return [json.loads(line) for line in self.log().splitlines() if line[:1] == "{" and _is_json(line)]

    def inits_ms(self) -> list[float]:
        """Give how long each init took, one for each environment that was begun."""
        return [float(took) for took in re.findall(r"INIT REPORT\(durationMs: ([0-9.]+)\)", self.log())]


def _is_json(text: str) -> bool:
    with contextlib.suppress(ValueError):
        json.loads(text)
        return True
    return False


@contextmanager
def function(
    folder: Path, layers: Sequence[Path], log_folder: Path, settings: Settings | None = None
) -> Iterator[Function]:
    """Run the ``handler.handler`` of a folder with these layers. Raises ComponentMissing, NotReady."""
    settings = settings or Settings()
    environment = _environment([folder, *layers], settings)
    failure = ""
    for attempt in range(ATTEMPTS):
        ports = [loopback.free_port() for _ in range(2)]
        log = log_folder / f"{settings.name}-{attempt}.log"
        with running(_command(ports, environment), log) as program:
            failure = _await_listening(program, ports[0])
            if not failure:
                yield Function(f"http://127.0.0.1:{ports[0]}", settings, program)
                return
            failure = f"the runtime emulator {failure}; its log ends:\n{program.log_tail()}"
    raise NotReady(failure)


def _environment(path: Sequence[Path], settings: Settings) -> dict[str, str]:
    """All of the function's environment: nothing of the developer's reaches it."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": str(path[0]),
        "PYTHONPATH": ":".join(map(str, [*path, sam.find_runtime()])),
        "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's folders are read-only
        "AWS_LAMBDA_FUNCTION_NAME": settings.name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(settings.timeout_s),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
        **settings.environment,
    }


def _command(ports: Sequence[int], environment: Mapping[str, str]) -> list[str]:
    """The emulator on loopback, and what it starts: the interpreter without a site-packages of its own."""
    python = str(Path(sys.executable).resolve())
    return [
        *("env", "--ignore-environment", f"--chdir={environment['LAMBDA_TASK_ROOT']}"),
        *(f"{name}={value}" for name, value in environment.items()),
        *(str(sam.find_emulator()), "--log-level", "info"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{ports[0]}"),
        *("--runtime-api-address", f"127.0.0.1:{ports[1]}"),
        *(python, "-S", "-m", "awslambdaric", "handler.handler"),
    ]


def _await_listening(program: Running, port: int) -> str:
    """Wait until the port takes connections; give what went wrong, or an empty string."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if program.process.poll() is not None:
            return f"ended with status {program.process.returncode} before it listened"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return ""
        time.sleep(0.02)
    return f"did not listen within {READY_WITHIN_S:g} s"
