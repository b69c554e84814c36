"""The ready rule sets: data files of the package, found by their names."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from pushvar.config.mappings import Rules

_PACKAGE = "pushvar"
_FOLDER = ("convert", "mapping", "programs")
_SUFFIX = ".yml"


@cache
def ready_names() -> frozenset[str]:
    """The names of all ready sets."""
    folder = _folder()
    found = folder.iterdir() if folder.is_dir() else ()
    return frozenset(one.name.removesuffix(_SUFFIX) for one in found if one.name.endswith(_SUFFIX))


@cache
def ready_rules(name: str) -> Rules:
    """The rules of a ready set, one of ``ready_names``. Raises ConfigErrors when the file is wrong."""
    from pushvar.config.load import load_rules

    text = _folder().joinpath(name + _SUFFIX).read_text("utf-8")
    sets = load_rules(text, source=f"mapping {name}")
    return tuple(rule for _name, rules in sets for rule in rules)


def _folder() -> Traversable:
    return files(_PACKAGE).joinpath(*_FOLDER)
