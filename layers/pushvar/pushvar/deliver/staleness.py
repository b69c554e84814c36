"""Which series have ended: the memory of every target's series, and the stale markers that follow from it.

A series ends when it is missing from a scrape, when its target gives nothing, and when the target is gone
(remote write 1.0, "Stale Markers"). The memory grows before a push and shrinks after it, so a crash in
between sends a marker twice, never not at all. It holds the label bytes of each series, so a marker needs
neither the plan nor the configuration that made it.

Series with times of their own get no markers, as in Prometheus: nobody knows when they end.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import msgspec

from pushvar.model import GROUP_KEY, STALE_BITS, Plan, Scrape, Shape, Target
from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence

    from pushvar.model import Labels, Lease

VANISHED, REMOVED = "vanished", "removed"
"""Why a marker is sent, as its scrape's reason: the series is missing, or the whole target is."""

_LIVE, _ENDED = b"\x00", b"\x01"
"""The first byte of a fingerprint: whether its series got a sample or a marker last."""

_STALE = STALE_BITS.to_bytes(8, "little")
_NOTHING = Shape((), (), lambda _: None, lambda _: b"", lambda _: b"")


class _Remembered(msgspec.Struct, array_like=True):
    """A target's series as they are stored, and the labels by which it can be told after it is gone."""

    job: str
    labels: tuple[tuple[str, str], ...]
    series: frozenset[bytes]


_DECODE = msgspec.msgpack.Decoder(_Remembered).decode


@dataclass(frozen=True, slots=True)
class Roll:
    """The targets of a shard, due or not, by their keys.

    ``mine`` tells by its labels whether a target that is not among them would be this shard's: if not,
    it has moved, and its series go on elsewhere. ``pushed`` are the keys of groups of batch jobs, ``ended``
    those whose series end. ``moved`` says that the targets were laid out anew over the shards: others may
    have remembered something of them since.
    """

    keys: Container[str]
    mine: Callable[[Labels], bool] = lambda _labels: True
    pushed: Container[str] = ()
    ended: Collection[str] = ()
    moved: bool = False

    def has(self, key: str) -> bool:
        """Whether a target is one of the shard's."""
        return key in (self.pushed if key.startswith(GROUP_KEY) else self.keys)


@dataclass(slots=True)
class Ending:
    """What one cycle found out: markers to send, and what is to be stored once they are on their way.

    ``known`` are the fingerprints of before the cycle. With ``unknown`` the memory could not be read: nothing
    is stored.
    """

    known: Mapping[str, bytes] = field(default_factory=dict)
    markers: list[Scrape] = field(default_factory=list)
    fingerprints: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes | None] = field(default_factory=dict)
    unknown: bool = False


class SeriesStore(Protocol):
    """What the memory needs of the state store; ``state/protocol.py`` says what each does."""

    def fingerprints(self, shard: str) -> Mapping[str, bytes]:
        """Target key -> fingerprint, for every target the shard remembers."""

    def set_fingerprints(self, lease: Lease, fingerprints: Mapping[str, bytes]) -> None:
        """Replace them."""

    def series(self, target_keys: Collection[str]) -> Mapping[str, bytes]:
        """The series sets of these targets."""

    def set_series(self, lease: Lease, bodies: Mapping[str, bytes | None]) -> None:
        """Store series sets, or forget them (None)."""


class SeriesMemory:
    """The series of a store's targets, from cycle to cycle.

    What a shard remembered last is kept here too, and used as long as nobody else held its lease.
    """

    def __init__(self, state: SeriesStore) -> None:
        self._state = state
        self._known: dict[str, tuple[int, Mapping[str, bytes]]] = {}

    def begin(
        self, lease: Lease, scrapes: Iterable[Scrape], roll: Roll, now_ms: int,
        found: Ending | None = None, *, partly: bool = False,
    ) -> Ending:  # fmt: skip
        """Compare the scrapes with what is remembered, and remember what is new, before anything is pushed.

        A target that is removed ended at ``now_ms``. When the scrapes of a cycle go out in parts, ``found``
        is what came of the parts before, and all but the last are ``partly``. Raises StateError.
        """
        found = found or self._unfolded(lease)
        known, head = found.known, lease.head
        untold = roll.moved or head.started_cycle > head.finished_cycle  # series may have begun elsewhere
        changed = [
            (scrape, fingerprint)
            for scrape in scrapes
            for fingerprint in (_fingerprint(scrape),)
            if untold or not _same(known.get(scrape.plan.target.key), fingerprint, scrape)
        ]
        removed = [] if partly else _removed(known, roll)
        if changed or removed:
            stored = self._stored([*(scrape.plan.target.key for scrape, _ in changed), *removed])
            before: dict[str, bytes | None] = {}
            for scrape, fingerprint in changed:
                before |= _compare(found, scrape, fingerprint, stored.get(scrape.plan.target.key))
            for key in removed:
                _remove(found, key, stored.get(key), roll.mine, now_ms)
            self._state.set_series(lease, before)
        return found

    def _unfolded(self, lease: Lease) -> Ending:
        known = self._fingerprints(lease)
        return Ending(known, fingerprints=dict(known))

    def end(self, lease: Lease, found: Ending) -> None:
        """Forget what has ended, now that the markers are delivered or spooled. Raises StateError."""
        if found.unknown:
            return
        if found.fingerprints != self._known.get(lease.shard, (0, {}))[1]:
            self._state.set_series(lease, found.after)
            self._state.set_fingerprints(lease, found.fingerprints)
        self._known[lease.shard] = (lease.fence, found.fingerprints)

    def _fingerprints(self, lease: Lease) -> Mapping[str, bytes]:
        fence, known = self._known.get(lease.shard, (0, {}))
        if fence and fence == lease.fence - 1:
            return known
        known = self._state.fingerprints(lease.shard)
        self._known[lease.shard] = (lease.fence, known)
        return known

    def _stored(self, keys: Sequence[str]) -> dict[str, _Remembered]:
        bodies = self._state.series(keys)
        return {key: _DECODE(zlib.decompress(body)) for key, body in bodies.items()}


def _fingerprint(scrape: Scrape) -> bytes:
    if any(scrape.times_ms):
        return v1.fingerprint(_series(scrape))
    return scrape.plan.template.fingerprint


def _series(scrape: Scrape) -> list[bytes]:
    """The label bytes of the series that have the scrape's own time."""
    label_sets = scrape.plan.template.label_sets
    if not scrape.times_ms:
        return list(label_sets)
    own = len(scrape.times_ms)
    timed = zip(label_sets, scrape.times_ms, strict=False)
    return [*(labels for labels, time_ms in timed if time_ms is None), *label_sets[own:]]


def _same(known: bytes | None, fingerprint: bytes, scrape: Scrape) -> bool:
    """Whether a scrape ends and begins nothing: the series of last time, or a target that is still down."""
    if known is None:
        return False
    if scrape.reason == "ok":
        return known == _LIVE + fingerprint
    return known.startswith(_ENDED) or known == _LIVE + fingerprint


def _removed(known: Mapping[str, bytes], roll: Roll) -> list[str]:
    """The keys of targets that are not the shard's any more."""
    gone = [key for key in known if not roll.has(key)]
    return gone + [key for key in roll.ended if roll.moved and key not in known]


def _compare(
    found: Ending, scrape: Scrape, fingerprint: bytes, stored: _Remembered | None
) -> dict[str, bytes | None]:
    """One target whose series are not those of last time; gives what is stored ahead of the push."""
    known = found.known
    target, now = scrape.plan.target, frozenset(_series(scrape))
    before = stored.series if stored is not None else frozenset[bytes]()
    ended = known.get(target.key, _LIVE).startswith(_ENDED)
    gone = frozenset[bytes]() if ended else before - now
    if gone:
        found.markers.append(_marker(target, gone, scrape.time_ms, VANISHED))
    if scrape.reason != "ok" and before:  # they are kept: a target that comes back writes nothing
        found.fingerprints[target.key] = _ENDED + known.get(target.key, _LIVE + fingerprint)[1:]
        return {}
    found.fingerprints[target.key] = _LIVE + fingerprint
    if before - now:
        found.after[target.key] = _body(target, now)
    return {} if now <= before else {target.key: _body(target, now | gone)}


def _remove(
    found: Ending, key: str, stored: _Remembered | None, mine: Callable[[Labels], bool], now_ms: int
) -> None:
    """One target that the shard does not have any more."""
    found.fingerprints.pop(key, None)
    if stored is None or not mine(stored.labels):
        return
    target = Target(key, stored.job, "", stored.labels)
    found.markers.append(_marker(target, stored.series, now_ms, REMOVED))
    found.after[key] = None


def _marker(target: Target, series: Iterable[bytes], time_ms: int, reason: str) -> Scrape:
    label_sets = sorted(series)
    plan = Plan(target, _NOTHING, v1.Template(label_sets))
    return Scrape(plan, _STALE * len(label_sets), time_ms, reason)


def _body(target: Target, series: frozenset[bytes]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(_Remembered(target.job, target.labels, series)), 1)
