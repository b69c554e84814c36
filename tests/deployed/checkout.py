"""A checkout for somebody who follows the guide: its own sources and builds, the tools of this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests import components
from tests.components import HOME, REPOSITORY
from tests.deployed.sam_command import environment

if TYPE_CHECKING:
    from tests.programs.builds import Build
    from tests.programs.local_aws import LocalAws

COPIED = (
    "template.yaml",
    "samconfig.toml",
    "Makefile",
    "functions",
    "layers",
    "requirements",
    "pyproject.toml",
)
QUESTIONS = 60  # more than SAM asks
WITHIN_S = 180.0


@dataclass(frozen=True, slots=True)
class Checkout:
    """``folder`` is its top."""

    folder: Path
    aws: LocalAws

    def run(self, script: str, *, answers: bool = False) -> str:
        """Run a script of the guide and give what it printed; raises AssertionError when it fails."""
        tools = [HOME / "sam" / "bin", components.find("promtool").parent]
        variables = dict(environment(self.aws, self.folder))
        variables["PATH"] = ":".join([str(Path(sys.executable).parent), *map(str, tools), variables["PATH"]])
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            variables.pop(name, None)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=variables,
            input="\n" * QUESTIONS if answers else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{script}\nended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def localize(self, build: Build) -> None:
        """Put the layer of this machine's Python in place of that of Lambda's: the AWS runs here."""
        layer = self.folder / ".aws-sam" / "build" / "PushvarLayer"
        shutil.rmtree(layer)
        shutil.copytree(build.layer.parent, layer)


def check_out(folder: Path, aws: LocalAws) -> Checkout:
    """Make a clone. Its environment is this one, and newer than its lists: nothing is installed."""
    origin = folder / "origin"
    origin.mkdir()
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, origin / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, origin / name)
    (origin / ".gitignore").write_text("/.aws-sam/\n/.venv\n/.components\n/tests\n")
    git(origin, "init", "--quiet", "--initial-branch=main")
    commit(origin, "The first version")
    git(folder, "clone", "--quiet", str(origin), "checkout")
    top = folder / "checkout"
    for name in ("tests", ".components"):
        (top / name).symlink_to(REPOSITORY / name)
    (top / ".venv").mkdir()
    for inside in Path(sys.prefix).iterdir():
        if inside.name != ".installed":
            (top / ".venv" / inside.name).symlink_to(inside)
    (top / ".venv" / ".installed").touch()
    return Checkout(top, aws)


def commit(origin: Path, words: str) -> None:
    """Commit what changed."""
    git(origin, "add", "--all")
    git(origin, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m", words)


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder, with nobody's settings."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=variables, check=True)
