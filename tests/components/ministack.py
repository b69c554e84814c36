"""ministack, an AWS on this machine that takes the whole deployment, from its lock.

``.components/ministack`` is a virtual environment of its own: ministack wants one boto3 and no other, and
the functions that it runs are children of its own interpreter, so it is of the Python that built them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components import HOME, REPOSITORY
from tests.components.sam import Folder

if TYPE_CHECKING:
    from pathlib import Path

MINISTACK = Folder("ministack", REPOSITORY / "requirements" / "ministack.lock", megabytes=60)


def find_python(home: Path = HOME) -> Path:
    """Give the interpreter that has ministack; raises ComponentMissing."""
    return MINISTACK.find(home) / "bin" / "python"
