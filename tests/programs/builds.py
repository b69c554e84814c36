"""Builds of the deployment, made by the Makefile's own targets: SAM, uv and the layer's Makefile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from uv import find_uv_bin

from tests.components import REPOSITORY, sam

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAYER = REPOSITORY / "layers" / "pushvar"


class NotBuilt(Exception):
    """A build failed; the text is what it said last."""


@dataclass(frozen=True, slots=True)
class Build:
    """What ``sam build`` made in ``folder``; ``said`` is what it printed."""

    folder: Path
    said: str

    @property
    def layer(self) -> Path:
        """The folder that Lambda puts at ``/opt/python``."""
        return self.folder / "PushvarLayer" / "python"

    def function(self, name: str) -> Path:
        """The folder that Lambda puts at ``/var/task`` for ``PlanFunction``, ``ForwardFunction``, ...."""
        code: str = self.template()["Resources"][name]["Properties"]["CodeUri"]
        return (self.folder / code).resolve()

    def template(self) -> Any:
        """The built template; CloudFormation's tags are not understood, only left out."""
        return yaml.load((self.folder / "template.yaml").read_text(), Loader=_Untagged)  # noqa: S506 - a SafeLoader


class _Untagged(yaml.SafeLoader):
    """Reads a template whose short functions (``!Sub``) do not matter."""


_Untagged.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def build(folder: Path, target: str = "build", **variables: str) -> Build:
    """Run a build target of the Makefile (``build``, ``build-x86``, ``build-local``) into a folder.

    Raises ComponentMissing without SAM, NotBuilt when it fails. The environment that the tests run in
    is left as it is.
    """
    sam.find_sam()
    into = {"build": "BUILD", "build-x86": "BUILD", "build-local": "BUILD_LOCAL"}[target]
    given = {"VENV": sys.prefix, into: str(folder / "build"), **variables}
    arguments = [f"--assume-old={sys.prefix}/.installed", target, *_assigned(given)]
    return Build(folder / "build", _make(arguments, folder))


def layer(folder: Path, source: Path = LAYER, *, umask: int = -1, **variables: str) -> str:
    """Run the Makefile of a layer's source into a folder, as SAM does; gives what it said.

    A ``umask`` below 0 is this process's own. Raises NotBuilt.
    """
    given = {"UV": find_uv_bin(), "ARTIFACTS_DIR": str(folder), **variables}
    return _make(["-C", str(source), "build-PushvarLayer", *_assigned(given)], folder, umask)


def interpreter(version: str) -> Path | None:
    """The Python of that minor version (``3.13``) that a build makes its bytecode with, if there is one."""
    found = _make(["--silent", "-C", str(LAYER), "interpreter", f"PYV={version}"], LAYER).strip()
    return Path(shutil.which(found) or found) if found else None


def _make(arguments: Sequence[str], folder: Path, umask: int = -1) -> str:
    done = subprocess.run(
        ["make", *arguments],
        cwd=REPOSITORY,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        umask=umask,
    )
    if done.returncode:
        raise NotBuilt(f"make ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def _assigned(variables: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in variables.items()]


def _environment(folder: Path) -> Mapping[str, str]:
    """This process's, without what an outer make or a developer's shell would change in a build."""
    foreign = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYV", "PLAT", "BUILD", "BUILD_LOCAL", "RELEASE"}
    foreign |= {"BYTECODE_PYTHON", "UV"} | {name for name in os.environ if name.startswith(("SAM_", "AWS_"))}
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return {**kept, "__SAM_CLI_APP_DIR": str(folder / "sam")}
