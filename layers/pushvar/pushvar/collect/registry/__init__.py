"""Target sources: one file each, found by the scheme of its reference (``file:pushvar.yml``).

A source is a module of this folder, named like its scheme, with a function
``registry(location: str, means: Means) -> Registry``. Only modules that stand here can be
named; ``protocol``, ``parameters`` and those with a leading underscore are no schemes.
"""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from pushvar.collect.discovery import Means
from pushvar.collect.registry._snapshots import with_remembered
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.collect.registry.protocol import Registry

__all__ = ["is_file", "open_registry", "schemes", "with_remembered"]

_REFERENCE = re.compile(r"([a-z][a-z0-9_]+):(.*)", re.DOTALL)
_NOT_SCHEMES = frozenset(["protocol", "parameters"])


def schemes() -> tuple[str, ...]:
    """The schemes that a reference may have."""
    names = {module.name for module in iter_modules(__path__)} - _NOT_SCHEMES
    return tuple(sorted(name for name in names if not name.startswith("_")))


def is_file(reference: str) -> bool:
    """Whether the registry is files of this machine: then whoever starts us can mend what is wrong."""
    found = _REFERENCE.fullmatch(reference)
    return found is None or found[1] == "file"


def open_registry(reference: str, means: Means | None = None) -> Registry:
    """The registry that ``scheme:location`` names; a reference without scheme is the path of a file.

    ``means`` are those of the discovery; without them no secret can be looked up.

    Raises ConfigError for a scheme that has no module here, and for an empty reference.
    """
    found = _REFERENCE.fullmatch(reference)
    scheme, location = (found[1], found[2]) if found else ("file", reference)
    if scheme not in schemes():
        hint = f"write file:PATH or ssm:/PATH; the schemes are: {', '.join(schemes())}"
        raise ConfigError("", f"{reference}: no registry has the scheme {scheme}", hint=hint)
    if not location:
        raise ConfigError("", "no configuration is named", hint="give a file, such as pushvar.yml")
    opened: Registry = import_module(f"{__name__}.{scheme}").registry(location, means or Means())
    return opened
