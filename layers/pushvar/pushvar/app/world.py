"""The world as functions: environment, files, clocks, chance. Tests hand in another one."""

from __future__ import annotations

import hashlib
import os
import random
import re
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from pushvar.collect.discovery import Means
from pushvar.net.address import is_allowed
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager


def untimed(_name: str, **notes: str | float) -> AbstractContextManager[dict[str, str | float]]:
    """A span that nobody is told of."""
    return nullcontext(notes)


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a run takes from outside besides the network.

    ``sleep`` waits that many seconds, or less when somebody wants the run to end.
    ``until_s`` is the moment by which everything has to be over then, on the clock of ``monotonic_s``.
    ``host`` is the machine's name, by which its own numbers are told from those of others.
    ``span`` times what is inside of it, under a name and notes; more notes may be added there.
    """

    environment: Mapping[str, str]
    read_file: Callable[[str], str]
    now_ms: Callable[[], int]
    monotonic_s: Callable[[], float]
    sleep: Callable[[float], object]
    random: Callable[[], float]
    host: str = "localhost"
    until_s: Callable[[], float] = lambda: inf
    span: Callable[..., AbstractContextManager[dict[str, str | float]]] = untimed


def real_world(
    sleep: Callable[[float], object] = time.sleep, until_s: Callable[[], float] = lambda: inf
) -> World:
    """This machine's."""
    return World(
        environment=os.environ,
        read_file=lambda path: Path(path).read_text(encoding="utf-8"),
        now_ms=lambda: time.time_ns() // 1_000_000,
        monotonic_s=time.monotonic,
        sleep=sleep,
        random=random.random,
        host=os.uname().nodename,
        until_s=until_s,
    )


def means_of(
    world: World, *, allowed: Callable[[str], bool] = is_allowed, patience_s: float | None = None
) -> Means:
    """What discovery may use of this world; ``patience_s`` is what a cycle waits for a list that it has."""
    secrets = Secrets(world.environment, world.read_file, world.monotonic_s)
    means = Means(monotonic=world.monotonic_s, secret=secrets.resolve, token=secrets.token, allowed=allowed)
    return means if patience_s is None else replace(means, patience_s=patience_s)


def state_name(reference: str) -> str:
    """A name of its own for the state of each configuration: readable, and never that of another."""
    if reference.startswith("ssm:"):
        return f"{re.sub('[^A-Za-z0-9]+', '-', reference)}-{_hash(reference)}"
    path = Path(reference.removeprefix("file:"))
    return f"{path.stem}-{_hash(str(path.resolve()))}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def default_state(world: World, name: str) -> str:
    """Where state is kept when nobody says: the XDG state folder, one file for each configuration."""
    chosen = world.environment.get("PUSHVAR_STATE")
    if chosen:
        return chosen
    home = world.environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return f"sqlite:{Path(home) / 'pushvar' / name}.db"
