"""The rows of the fault matrix: what goes wrong, for how long, and what may come of it.

Every row runs eight cycles of two targets unless it says otherwise: the first is good, three are bad, the
rest are good again. Rows are data; ``fault_scene`` runs them and ``fault_count`` counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.programs.stepping_targets import JOBS, NAMES, SAMPLES
from tests.programs.storing_receiver import GOOD, Asked, Deed, everything, written

if TYPE_CHECKING:
    from tests.programs.scripted_receiver import Sample

Answers = Callable[[Asked], Deed]

CYCLES, BAD_FROM, GOOD_FROM = 8, 2, 5
WHOLE = 2 * SAMPLES
"""Samples of one cycle."""

REFUSED, UNSUPPORTED, LIMITED = map(frozenset, (["refused"], ["unsupported"], ["limited"]))
AUTO, V2 = {"protobuf_message": "auto"}, {"protobuf_message": "io.prometheus.write.v2.Request"}
TENANTS = {"headers": {"X-Scope-OrgID": "{customer_id}"}}
OFFENDING = NAMES[3]
_LIMIT_BYTES = 1_500


@dataclass(frozen=True, slots=True)
class Fault:
    """One row. ``reasons`` are those under which samples are dropped, all of them and no others.

    ``answers`` is the receiver's script. ``wrong_url`` names what stands in the configuration before it is
    mended in cycle GOOD_FROM. ``block`` is added to the backend's. ``orders`` go to the child process.
    ``waits`` says that samples still wait in the end; None: that depends on how far the time went. ``lost``
    is what the one cycle that died took with it, ``died`` whether the next run must count it. ``drive`` names
    another way to run the cycles, ``beside`` adds a second backend, which is dead, and ``ends`` lets a series
    end in that cycle.
    """

    name: str
    answers: Answers = lambda _asked: GOOD
    reasons: frozenset[str] = frozenset()
    wrong_url: str = ""
    block: Mapping[str, Any] = field(default_factory=dict)
    orders: Mapping[str, Any] = field(default_factory=dict)
    waits: bool | None = False
    lost: int = 0
    died: bool = False
    drive: str = "cycles"
    beside: bool = False
    ends: int = 0
    cycles: int = CYCLES


def bad(deed: Deed, *, first: int = BAD_FROM, until: int = GOOD_FROM) -> Answers:
    """Do this in the bad cycles and be good in all others."""
    return lambda asked: deed if first <= asked.cycle < until else GOOD


def always(deed: Deed) -> Answers:
    """Do this for ever."""
    return lambda _asked: deed


def _is_good(sample: Sample) -> bool:
    return dict(sample[0])["__name__"] != OFFENDING


def one_series(status: int) -> Answers:
    """Refuse every request that has the offending series in it, whole."""

    def answers(asked: Asked) -> Deed:
        return GOOD if all(map(_is_good, asked.samples)) else Deed(status, text=f"bad sample: {OFFENDING}")

    return answers


def too_large(limit_bytes: int) -> Answers:
    """Refuse what is larger than this before compression."""
    return lambda asked: Deed(413) if asked.size_bytes > limit_bytes else GOOD


def only_1(deed: Deed) -> Answers:
    """A receiver that knows 1.0 and does this with 2.0."""
    return lambda asked: GOOD if asked.version == "1.0" else deed


def speaks_2(asked: Asked) -> Deed:
    """A receiver that knows 2.0 and says what it stored."""
    if asked.version != "2.0":
        return Deed(415)
    return Deed(stores=everything, headers=written(asked.samples))


def bad_2(deed: Deed) -> Answers:
    """A receiver of 2.0 that does this in the bad cycles."""
    return lambda asked: deed if BAD_FROM <= asked.cycle < GOOD_FROM else speaks_2(asked)


def one_tenant(status: int) -> Answers:
    """Refuse what is the first tenant's in the bad cycles."""
    in_time = bad(Deed(status))

    def answers(asked: Asked) -> Deed:
        tenants = {dict(sample[0])["customer_id"] for sample in asked.samples}
        return in_time(asked) if JOBS[0] in tenants else GOOD

    return answers


def partly_2(asked: Asked) -> Deed:
    """A receiver of 2.0 that stores what is good of a request and answers 400 for the rest."""
    if all(map(_is_good, asked.samples)):
        return speaks_2(asked)
    return Deed(400, _is_good, written(asked.samples, _is_good), "bad sample")


def _killed(point: str, call: int, lost: int, *, died: bool = True) -> Fault:
    """A process killed at the ``call``-th passing of a failpoint; the receiver is bad in cycles 2 and 3."""
    answers = bad(Deed(503), until=4)
    return Fault(
        f"SIGKILL {point}", answers, orders={"die": [point, call]}, lost=lost, died=died, drive="killed"
    )


ANSWERS = (
    Fault("nothing"),
    Fault("connection refused", wrong_url="refused"),
    Fault("connection refused, the real command", wrong_url="refused", drive="command"),
    Fault("reset while the request is read", bad(Deed(manner="reset"))),
    Fault("reset in place of the answer, stored", bad(Deed(manner="cut", stores=everything))),
    Fault("hang", bad(Deed(manner="hang"))),
    Fault("hang after it was stored", bad(Deed(manner="hang", stores=everything))),
    Fault("slow drip of the answer, stored", bad(Deed(manner="drip", stores=everything))),
    Fault("500 for three cycles", bad(Deed(500))),
    Fault("500 for three cycles, the real command", bad(Deed(500)), drive="command"),
    Fault("500 although it was stored", bad(Deed(500, stores=everything))),
    Fault("500 for ever", bad(Deed(500), until=99), waits=True),
    Fault("500 for three cycles, 2.0", bad_2(Deed(500)), block=V2),
    Fault("503 with Retry-After", bad(Deed(503, headers={"Retry-After": "1"}), until=4)),
    Fault("429 for a while", bad(Deed(429), until=4)),
    Fault("429 for one of two tenants", one_tenant(429), block=TENANTS),
    Fault("429 for ever", always(Deed(429)), LIMITED, waits=None, cycles=9),
    Fault("429 for one series", one_series(429), LIMITED, waits=None, cycles=9),
    Fault("400 for one series", one_series(400), REFUSED),
    Fault("400 for one series, 2.0 that keeps the others", partly_2, REFUSED, block=V2),
    Fault("400 for all", bad(Deed(400)), REFUSED),
    Fault("413 above a size", too_large(_LIMIT_BYTES)),
    Fault("413 for all", bad(Deed(413)), frozenset({"too_large"})),
    Fault("415", bad(Deed(415)), UNSUPPORTED),
    Fault("415 to 2.0, auto", only_1(Deed(415)), block=AUTO),
    Fault("400 to the first 2.0, auto", only_1(Deed(400)), block=AUTO),
    Fault("204 to 2.0 without storing, auto", only_1(Deed(204)), block=AUTO),
    Fault("204 to 2.0 without storing, 2.0 demanded", only_1(Deed(204)), UNSUPPORTED, block=V2),
    Fault("2.0 understood, auto", speaks_2, block=AUTO),
    Fault("401", bad(Deed(401)), frozenset({"unauthorized"})),
    Fault("404", bad(Deed(404)), frozenset({"rejected"})),
    Fault("409", bad(Deed(409)), frozenset({"conflict"})),
    Fault("202", always(Deed(202, stores=everything))),
    Fault("TLS error", wrong_url="tls"),
    Fault("wrong certificate", wrong_url="certificate"),
    Fault("DNS failure", wrong_url="dns"),
    Fault("one of two backends dead", beside=True, waits=True),
)  # fmt: skip

LIMITS = (
    Fault(
        "500 past sample_age_limit", bad(Deed(500), until=7), frozenset({"too_old"}),
        block={"queue_config": {"sample_age_limit": "1s"}}, cycles=9,
    ),
    Fault(
        "500 past spool_size_limit", bad(Deed(500), until=7), frozenset({"spool_full"}),
        block={"queue_config": {"spool_size_limit": "2KB"}}, cycles=9,
    ),
)  # fmt: skip

STATE = (
    Fault(
        "disk full for the spool", bad(Deed(500), until=7), frozenset({"spool_failed"}),
        orders={"pages": 13}, cycles=9,
    ),
    Fault("state file locked from a push on", bad(Deed(500)), frozenset({"spool_failed"}), drive="locked"),
    Fault("state file gone, a folder in its place", bad(Deed(500), until=4), drive="folder"),
)  # fmt: skip

KILLS = (
    _killed("before lease", 3, 0, died=False),
    _killed("after lease", 3, 0),
    _killed("after fetch", 3, WHOLE),
    _killed("before series write", 1, WHOLE),
    _killed("after series write", 1, WHOLE),
    _killed("before fingerprint write", 1, 0),
    _killed("after fingerprint write", 1, 0),
    _killed("before push", 1, WHOLE),
    _killed("after push", 1, WHOLE - len(NAMES)),
    _killed("before spool append", 1, WHOLE),
    _killed("after spool append", 1, 0),
    _killed("before acknowledge", 1, WHOLE),
    _killed("after acknowledge", 1, WHOLE),
    _killed("before commit", 2, 0),
    _killed("after commit", 2, 0, died=False),
)

WRITERS = (
    Fault("the same queue message twice", drive="twice"),
    Fault("the same queue message twice at once", drive="at once"),
    Fault("a late queue message", bad(Deed(500), first=1, until=2), drive="late"),
    Fault("an old queue message after a newer one", drive="old"),
    Fault("two writers race for one lease", bad(Deed(503)), drive="race"),
)

FAULTS = (*KILLS, *ANSWERS, *LIMITS, *STATE, *WRITERS)
"""Those that take longest come first."""


def _ends(point: str, call: int) -> Fault:
    """A process killed in the cycle in which a series ends; the receiver is good."""
    return Fault(f"SIGKILL {point} as a series ends", orders={"die": [point, call]}, drive="killed", ends=2)


ENDINGS = (
    _ends("after fetch", 2),
    _ends("before push", 8),
    _ends("after push", 8),
    _ends("before series write", 4),
    _ends("after series write", 4),
    _ends("before fingerprint write", 2),
    _ends("after fingerprint write", 2),
    _ends("before commit", 2),
    _ends("after commit", 2),
)
"""Rows that are no part of the table: what counts is that the marker of the series that ended arrives."""
