"""AWS on this machine for the whole deployment: ``sam deploy`` makes it there, its functions run, IAM judges.

ministack runs the functions from the zip files that were deployed, as children of its own; it polls the
queue for them, keeps their logs, fires the schedule and answers at their URLs.
"""

from __future__ import annotations

import json
import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.components import ministack
from tests.programs import loopback
from tests.programs.aws import REGION, Aws
from tests.programs.process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.programs.process import Running

ACCOUNT = "123456789012"


class Permission(NamedTuple):
    """What a function's role was asked for: the role's physical name, action, ARN, and whether it has it."""

    role: str
    action: str
    resource: str
    given: bool


@dataclass(frozen=True, slots=True)
class LocalAws:
    """A running AWS; ``environment`` is what a program needs to use it, with every right in the account."""

    aws: Aws
    program: Running
    noted: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """Endpoint, region and credentials; SAM tells nobody that it runs."""
        return {**self.aws.environment, "SAM_CLI_TELEMETRY": "0"}

    def client(self, service: str) -> Any:
        """Give a boto3 client of the test's own."""
        return self.aws.client(service)

    def permissions(self) -> list[Permission]:
        """Give what roles were asked for so far, in order."""
        lines = self.noted.read_text().splitlines()
        return [Permission(**json.loads(line)) for line in lines]

    def environments(self, function: str) -> list[int]:
        """Give the process ids of a function's running environments; by its name or an alias."""
        name = function.partition(":")[0]
        children = Path(f"/proc/{self.program.process.pid}/task").glob("*/children")
        pids = [int(pid) for file in children for pid in file.read_text().split()]
        return [pid for pid in pids if f"ministack-lambda-{name}-" in _command(pid)]

    def kill(self, function: str) -> int:
        """Kill what runs of a function, as if its machine had died; give how many there were."""
        pids = self.environments(function)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)

    def ask_url(
        self, url: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> loopback.Answer:
        """Send a request to a function's URL: its name leads nowhere, so it goes as the Host header."""
        host = url.removeprefix("https://").removeprefix("http://").partition("/")[0]
        asked = {**(headers or {}), "Host": host}
        return loopback.request(method, self.aws.url + path, body=body, headers=asked, timeout_s=30)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@contextmanager
def local_aws(folder: Path) -> Iterator[LocalAws]:
    """Run it, on loopback only; what it keeps, it keeps in ``folder`` and its memory."""
    noted = folder / "permissions"
    noted.write_bytes(b"")
    scratch = folder / "scratch"
    scratch.mkdir()

    def command(ports: Sequence[int]) -> list[str]:
        given = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TMPDIR": str(scratch),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(ports[0]),
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": "testing",  # those of the account's owner, see Aws.environment
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        variables = [f"{name}={value}" for name, value in given.items()]
        python = str(ministack.find_python())
        server = str(Path(__file__).with_name("local_aws_server.py"))
        return ["env", "--ignore-environment", *variables, python, server, str(noted)]

    with serving(command, folder / "ministack.log", ready_path="/_ministack/health") as (program, port):
        yield LocalAws(Aws(f"http://127.0.0.1:{port}"), program, noted)
