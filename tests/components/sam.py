"""SAM, and what stands in a Lambda function's environment besides its own code, from the locks.

``.components/sam`` is a virtual environment of the AWS SAM command line: it builds and validates the
deployment, and brings the Lambda runtime emulator. ``.components/runtime`` holds what the runtime
itself puts beside a function: its client of the Runtime API, and boto3. Each is installed once, and
anew when its lock changes. ``python -m tests.components.sam`` brings these two alone.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.errors import ComponentMissing
from uv import find_uv_bin

from tests.components import HOME, REPOSITORY, locked
from tests.components.apt import NotFetched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

LAYOUT = 2  # raise it when the way of installing changes: every folder is then made anew

EMULATORS = {"x86_64": "x86_64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Folder:
    """Python packages in a folder of their own: a virtual environment, or ``packages`` of a lock alone."""

    name: str
    lock: Path
    packages: tuple[str, ...] = ()
    megabytes: int = 0

    def complete(self, home: Path) -> bool:
        """Tell whether the folder was filled to the end, from this very lock and for this Python."""
        try:
            return (home / self.name / "complete").read_text() == self._key()
        except FileNotFoundError:
            return False

    def find(self, home: Path) -> Path:
        """Give the folder. Raises ComponentMissing when it is not there or older than its lock."""
        if not self.complete(home):
            lock = self.lock.relative_to(REPOSITORY)
            raise ComponentMissing(
                f"{home.name}/{self.name} does not hold what {lock} names",
                hint="run python -m tests.components",
            )
        return home / self.name

    def install(self, home: Path) -> None:
        """Fill the folder anew; it counts only when the last line is written. Raises NotFetched."""
        root = home / self.name
        shutil.rmtree(root, ignore_errors=True)
        if self.packages:
            compiled = ("pip", "install", "--compile-bytecode")  # as Lambda's own packages are
            _uv(*compiled, "--target", str(root), "--constraints", str(self.lock), *self.packages)
        else:
            _uv("venv", "--no-project", "--python", sys.executable, str(root))
            python = str(root / "bin" / "python")
            _uv("pip", "install", "--python", python, "--require-hashes", "--requirements", str(self.lock))
        (root / "complete").write_text(self._key())

    def _key(self) -> str:
        made_for = (sys.version_info[:2], platform.machine(), platform.libc_ver())
        made_of = (self.lock.read_bytes(), self.packages)
        return hashlib.sha256(repr((LAYOUT, made_for, made_of)).encode()).hexdigest()


SAM = Folder("sam", REPOSITORY / "requirements" / "sam.lock", megabytes=230)
RUNTIME = Folder("runtime", REPOSITORY / "requirements" / "dev.lock", ("awslambdaric", "boto3"), 35)


def find_sam(home: Path = HOME) -> Path:
    """Give the path of ``sam``; raises ComponentMissing."""
    return SAM.find(home) / "bin" / "sam"


def find_emulator(home: Path = HOME) -> Path:
    """Give the path of the Lambda runtime emulator, a part of SAM; raises ComponentMissing."""
    machine = EMULATORS.get(platform.machine(), platform.machine())
    places = SAM.find(home).glob(f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}")
    found = next(places, None)
    if found is None or platform.system() != "Linux":
        raise ComponentMissing(
            f"SAM brings no runtime emulator for {platform.system()} on {machine}",
            hint="run these tests on Linux, x86_64 or aarch64",
        )
    return found


def find_runtime(home: Path = HOME) -> Path:
    """Give the folder with the Runtime API's client and boto3; raises ComponentMissing."""
    return RUNTIME.find(home)


def fetch(home: Path, say: Callable[[str], None], folders: Iterable[Folder] = (SAM, RUNTIME)) -> list[str]:
    """Install what is not there yet; give a line for each that could not be had: why, and what to do."""
    problems: list[str] = []
    with locked(home):
        for folder in folders:
            if folder.complete(home):
                continue
            lock = folder.lock.relative_to(REPOSITORY)
            say(f"{folder.name}: installing what {lock} names, {folder.megabytes} MB")
            try:
                folder.install(home)
            except NotFetched as error:
                problems.append(f"{folder.name} could not be installed from {lock}: {error}; {_NEXT_STEP}")
    return problems


_NEXT_STEP = "is the package index reachable? UV_DEFAULT_INDEX names another; then python -m tests.components"


def _uv(*arguments: str) -> None:
    """Run uv, quietly. It does not read pip's settings, so the index of those is handed on."""
    environment = dict(os.environ)
    if index := os.environ.get("PIP_INDEX_URL"):
        environment.setdefault("UV_DEFAULT_INDEX", index)
    done = subprocess.run(
        [find_uv_bin(), *arguments, "--quiet"],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise NotFetched("; ".join(lines[:1] + lines[1:][-1:]) or f"uv ended with status {done.returncode}")


def main() -> int:
    """Bring both; exit status 1 when one cannot be had."""
    problems = fetch(HOME, lambda line: print(line, flush=True))  # noqa: T201 - progress of a command
    for problem in problems:
        print(problem)  # noqa: T201 - why it ends with 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
