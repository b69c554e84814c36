"""The Go example of this repository, built and run."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.components import REPOSITORY, golang
from tests.programs.loopback import wait_until
from tests.programs.process import NotReady, running
from tests.programs.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = REPOSITORY / "examples" / "orders"
ANNOUNCEMENT = "listening on "


def build(folder: Path) -> Path:
    """Compile the example into ``folder`` and give the program."""
    program = folder / "orders"
    golang.run(SOURCE, "build", "-o", str(program), ".")
    return program


@contextmanager
def orders(program: Path, folder: Path, *flags: str) -> Iterator[Server]:
    """Run the example on a free port with ``flags`` (-quiet, -fault=nan,...); killed at the end."""
    log = folder / "orders.log"
    log.write_bytes(b"")
    with running([str(program), "-listen=127.0.0.1:0", *flags], log) as process:
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: "\n" in log.read_text(), timeout_s=10.0, what="the first line")
        first, *_ = [*log.read_text().splitlines(), ""]
        if not first.startswith(ANNOUNCEMENT):
            raise NotReady(f"orders did not say where it listens; its log ends:\n{process.log_tail()}")
        yield Server(first.removeprefix(ANNOUNCEMENT), process)
