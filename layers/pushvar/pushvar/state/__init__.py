"""What must survive: one protocol, one file per store, each found by its scheme name."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from typing import TYPE_CHECKING, cast

from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.state.protocol import StateStore

_SCHEME = re.compile(r"([a-z][a-z0-9]+):(.*)", re.DOTALL)


def open_state(reference: str) -> StateStore:
    """The store that a reference names: ``sqlite:PATH``, a bare path (SQLite too) or ``memory:``.

    A scheme is the name of a file in this folder; only that file is imported, and only now. The
    store itself is not touched before it is asked something. A path that begins like a scheme is
    written ``./odd:name``. Raises ConfigError for an unknown scheme or an empty place.
    """
    match = _SCHEME.fullmatch(reference)
    scheme, location = (match[1], match[2]) if match else ("sqlite", reference)
    known = schemes()
    if scheme not in known:
        listed = ", ".join(f"{name}:" for name in known)
        raise ConfigError(
            "state", f"unknown scheme {scheme!r} in {reference!r}", hint=f"use one of {listed} or a bare path"
        )
    return cast("StateStore", import_module(f"{__name__}.{scheme}").open_store(location))


def schemes() -> tuple[str, ...]:
    """The stores that are present, sorted: every file of this folder that is one."""
    names = {module.name for module in pkgutil.iter_modules(__path__)}
    return tuple(sorted(name for name in names - {"protocol"} if not name.startswith("_")))
