"""Ready pieces for other people's files: data files of the package, found by their names."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_FOLDER = ("kit", "snippets")
_COMMENTS = ("# ", "// ")


@cache
def _files() -> dict[str, Traversable]:
    """Name -> file, by name; the name is what stands before the ending."""
    folder = files("pushvar").joinpath(*_FOLDER)
    found = {one.name.partition(".")[0]: one for one in folder.iterdir() if one.is_file()}
    return dict(sorted(found.items()))


def snippet_names() -> tuple[str, ...]:
    """The names of all of them."""
    return tuple(_files())


def snippet(name: str) -> str:
    """The text of one, whose name is one of ``snippet_names``."""
    return _files()[name].read_text("utf-8")


def file_name(name: str) -> str:
    """What a snippet's file is called here: its ending says what it is."""
    return _files()[name].name


def summary(name: str) -> str:
    """What a snippet is for: the first sentence of its comment."""
    lines = snippet(name).splitlines()
    comment = [line.lstrip("#/ ").strip() for line in lines if line.startswith(_COMMENTS)]
    return re.split(r"[.:](?:\s|$)", " ".join(comment), maxsplit=1)[0]
