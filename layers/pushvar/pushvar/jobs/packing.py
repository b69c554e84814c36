"""What a group holds, as the bytes that the store keeps: its families, without the labels of its grouping.

The first byte says how the rest is packed, so that a later pushvar can read what an earlier one stored.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import msgspec

from pushvar.catalogue import PUSH_FAILURE_TIME, PUSH_TIME
from pushvar.errors import StateError
from pushvar.jobs.printing import printed
from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pushvar.model import Group, GroupHead, Labels

_FIRST_FORM: Final = b"\x01"  # zlib of a message pack
_LEVEL: Final = 1
_NO_TIMES: Final[Mapping[str, int]] = {}


class _Sample(msgspec.Struct, array_like=True, frozen=True, gc=False):
    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


class _Family(msgspec.Struct, array_like=True, frozen=True, gc=False):
    name: str
    type: MetricType
    help: str
    pushed_ms: int
    samples: tuple[_Sample, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[_Family, ...]).decode


def pack(families: Iterable[FamilySamples], times_ms: Mapping[str, int] = _NO_TIMES) -> bytes:
    """The families as bytes; ``times_ms`` says by name when one was pushed.

    Raises UnicodeEncodeError for text that is not Unicode.
    """
    packed = [
        (
            group.family.name,
            group.family.type,
            group.family.help,
            times_ms.get(group.family.name, 0),
            [(sample.name, sample.labels, sample.value) for sample in group.samples],
        )
        for group in families
    ]
    return _FIRST_FORM + zlib.compress(_encode(packed), _LEVEL)


def unpack(body: bytes) -> tuple[FamilySamples, ...]:
    """What ``pack`` was given. Raises StateError for what it did not make."""
    return tuple([group for group, _ in unpack_timed(body)])


def unpack_timed(body: bytes) -> list[tuple[FamilySamples, int]]:
    """The same, each with the time when it was pushed. Raises StateError."""
    return [(_family(one), one.pushed_ms) for one in _unpacked(body)]


def push_times(head: GroupHead, labels: Labels = ()) -> tuple[FamilySamples, FamilySamples]:
    """When the group's last push was taken, and when the last was refused; 0 where it never was."""
    times = ((PUSH_TIME, head.pushed_ms), (PUSH_FAILURE_TIME, head.failed_ms))
    pushed, failed = [
        FamilySamples(family, (PrintedSample(family.name, labels, time_ms / 1000),))
        for family, time_ms in times
    ]
    return pushed, failed


def text_of(group: Group) -> bytes:
    """A group that has not been deleted, in text format 0.0.4, without its grouping labels.

    Raises StateError for a body that is none of ours.
    """
    held = [(family, family.samples) for family in _unpacked(group.body)]
    return printed([*held, *[(one.family, one.samples) for one in push_times(group.head)]])


def _unpacked(body: bytes) -> tuple[_Family, ...]:
    if not body:
        return ()
    try:
        if body[:1] == _FIRST_FORM:
            return _decode(zlib.decompress(body[1:]))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise StateError(f"the body of a pushed group cannot be read: {error}") from error
    raise StateError(
        f"the body of a pushed group is of form {body[0]}", hint="it is of a newer pushvar; update this one"
    )


def _family(packed: _Family) -> FamilySamples:
    samples = tuple([PrintedSample(one.name, one.labels, one.value) for one in packed.samples])
    return FamilySamples(Family(packed.name, packed.type, packed.help), samples)
