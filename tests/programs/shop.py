"""The shop: a service with simulated traffic and a real runtime, as expvar and as Prometheus text."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.components import golang
from tests.programs.loopback import wait_until
from tests.programs.process import NotReady, running
from tests.programs.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOURCE = Path(__file__).with_name("shop")
_ANNOUNCEMENT = "listening on "


def build(folder: Path) -> Path:
    """Compile it into ``folder`` and give the program."""
    program = folder / "shop"
    golang.run(SOURCE, "build", "-o", str(program), ".")
    return program


@contextmanager
def shop(program: Path, folder: Path, *flags: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run one on a free port; killed at the end. The folder must be its own."""
    folder.mkdir()
    log = folder / "shop.log"
    log.write_bytes(b"")
    with running([str(program), "-listen=127.0.0.1:0", *flags], log, env=env) as process:
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: "\n" in log.read_text(), timeout_s=10.0, what="the first line")
        first, *_ = [*log.read_text().splitlines(), ""]
        if not first.startswith(_ANNOUNCEMENT):
            raise NotReady(f"the shop did not say where it listens; its log ends:\n{process.log_tail()}")
        yield Server(first.removeprefix(_ANNOUNCEMENT), process)
