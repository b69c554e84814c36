"""Checkov, which looks for what is unsafe in the template, from its lock.

``.components/checkov`` is a virtual environment of its own: checkov wants another boto3 than SAM and the
tests. It is installed once, and anew when its lock changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components import HOME, REPOSITORY
from tests.components.sam import Folder

if TYPE_CHECKING:
    from pathlib import Path

CHECKOV = Folder("checkov", REPOSITORY / "requirements" / "checkov.lock", megabytes=300)


def find_checkov(home: Path = HOME) -> Path:
    """Give the path of ``checkov``; raises ComponentMissing."""
    return CHECKOV.find(home) / "bin" / "checkov"
