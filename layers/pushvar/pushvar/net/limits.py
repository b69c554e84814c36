"""How many connections this process may have: what is left of its descriptors."""

from __future__ import annotations

import resource
from contextlib import suppress
from dataclasses import dataclass

RESERVE = 224
"""Descriptors for everything else: state, logs, pushes, look-ups, and sockets that are just being closed."""

_UNLIMITED = 1 << 20
_FETCHES = 300
"""Connections that idle ones leave to fetches of other targets."""
_SECURED = 500
"""asyncio has 310 KB for each connection with TLS."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``connections`` in all, of them so many ``idle`` ones, of those so many ``secured`` by TLS."""

    connections: int
    idle: int
    secured: int


def limits_of(descriptors: int) -> Limits:
    """What a process with that many descriptors may have."""
    connections = max(descriptors - RESERVE, descriptors // 2, 1)
    idle = max(connections - _FETCHES, connections // 2, 1)
    return Limits(connections, idle, min(_SECURED, idle))


DEFAULT = limits_of(1_024)
"""Those of a Lambda environment, and of most systems that nobody told otherwise."""


def open_files() -> int:
    """The descriptors that this process may have open at present."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft


def raise_open_files() -> None:
    """Let this process have as many as the system allows it: systems begin with 256 or 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _UNLIMITED if hard == resource.RLIM_INFINITY else hard
    if soft not in (resource.RLIM_INFINITY, wanted):
        with suppress(OSError, ValueError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
