"""The Go program that publishes what known programs publish as expvar, with fixed numbers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.components import REPOSITORY, golang
from tests.programs.process import serving
from tests.programs.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = REPOSITORY / "tests" / "programs" / "expvar_zoo"


@contextmanager
def expvar_zoo(folder: Path) -> Iterator[Server]:
    """Compile it and run it on a free port; each family is at ``/<family>/debug/vars``."""
    program = folder / "expvar_zoo"
    golang.run(SOURCE, "build", "-o", str(program), ".")
    with serving(
        lambda ports: [str(program), f"-listen=127.0.0.1:{ports[0]}"],
        folder / "expvar_zoo.log",
        ready_path="/go_default/debug/vars",
    ) as (running, port):
        yield Server(f"http://127.0.0.1:{port}", running)
