"""What a triage looks at, as plain values: the app gathers them, the tree judges them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.net.probe import Probe

SLOW_SHARE = 0.8
"""Of the timeout: who takes longer will soon be down although it lives (operator-kit, 6.2)."""

LAST = 20
"""How many scrapes of the recent past are looked at."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The target in question, and what its job says; ``registered`` is False when no registry was named.

    ``problem`` is why the registry does not have it although it names it; ``credentials`` is the block of
    the job that has some. ``alone`` says that there is no configuration at all.
    """

    url: str
    job: str = ""
    timeout_s: float = 10.0
    interval_s: float = 60.0
    credentials: str = ""
    alone: bool = False
    registered: bool = False
    problem: str = ""
    format: str = "auto"


@dataclass(frozen=True, slots=True)
class Seen:
    """The fetch and what a scrape would make of it: ``reason`` is the class of the whole scrape.

    ``unready``: a secret is missing, so a bare request was made. ``plain``: HTTP is spoken where TLS failed.
    ``elsewhere`` is another path of the same port that answers with metrics. ``scraped`` and ``kept`` count
    series before and after metric relabelling; ``shed`` counts values that no rule made a series of.
    """

    probe: Probe
    reason: str
    message: str = ""
    unready: bool = False
    plain: bool = False
    elsewhere: str = ""
    scraped: int = 0
    kept: int = 0
    shed: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """The last values of ``up`` and ``scrape_duration_seconds``, oldest first, and how old the last is.

    ``error`` is why the question had no answer. ``measured`` durations are fetches of this moment instead.
    """

    source: str = ""
    ups: tuple[float, ...] = ()
    durations_s: tuple[float, ...] = ()
    age_s: float = 0.0
    error: str = ""
    measured: bool = False
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Shards:
    """What pushvar itself remembers in a state store, over all shards of it."""

    place: str
    error: str = ""
    known: bool = False
    count: int = 1
    finished_ms: int = 0
    held_until_ms: int = 0
    started_ms: int = 0
    scrapes: Mapping[str, float] = field(default_factory=dict)
    lost_cycles: float = 0
    lanes: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backend:
    """One backend, asked with a request that stores nothing.

    ``status`` is 0 when nothing came; ``routed`` False when ``match`` or a missing label keeps the target
    away, ``why`` says it. ``waiting`` samples lie in the spool since ``since_ms``; ``dropped`` are counted by
    reason since the state began.
    """

    name: str
    kind: str
    url: str
    error: str = ""
    hint: str = ""
    status: int = 0
    duration_s: float = 0.0
    routed: bool = True
    why: str = ""
    waiting: int = 0
    since_ms: int = 0
    dropped: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployment on AWS; ``error`` is why nothing is known of it.

    ``queues`` are the messages in each by its output's name, ``alarms`` the logical names of those that
    ring. -1 and None: it may not be read.
    """

    name: str
    error: str = ""
    hint: str = ""
    status: str = ""
    schedule: str = ""
    queues: Mapping[str, int] = field(default_factory=dict)
    alarms: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that could be learnt; None is what could not be looked at, or was not asked for."""

    asked: Asked
    now_ms: int
    seen: Seen | None = None
    history: History | None = None
    shards: Shards | None = None
    backends: tuple[Backend, ...] | None = None
