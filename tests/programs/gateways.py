"""``pushvar gateway`` as a program: started on a free port, awaited, ended."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.programs.commands import PUSHVAR, pushvar_environment
from tests.programs.loopback import wait_until
from tests.programs.process import NotReady, running
from tests.programs.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SAID = re.compile(r"http://[\w.:\[\]]+:\d+")


@contextmanager
def gateway(
    folder: Path, *options: str | Path, env: Mapping[str, str] | None = None, listen: str = "127.0.0.1:0"
) -> Iterator[Server]:
    """Run it with these options and a state of its own; killed at the end. Raises NotReady."""
    log = folder / "gateway.log"
    log.write_bytes(b"")
    command = [PUSHVAR, "gateway", "--listen", listen, "--state", f"sqlite:{folder / 'gateway.db'}", *options]
    environment = {"PYTHONUNBUFFERED": "1", **(env or {})}
    foreign = (
        "env",
        "-i",
        *(f"{name}={value}" for name, value in (pushvar_environment() | environment).items()),
    )
    with running([*foreign, *map(str, command)], log) as process:
        try:
            wait_until(
                lambda: bool(_SAID.search(log.read_text())) or process.process.poll() is not None,
                timeout_s=30.0, what="the address",
            )  # fmt: skip
        except TimeoutError as error:
            raise NotReady(f"the gateway said no address:\n{process.log_tail()}") from error
        found = _SAID.search(log.read_text())
        if found is None:
            raise NotReady(f"the gateway ended with {process.process.returncode}:\n{process.log_tail()}")
        yield Server(found[0], process)
