"""What a group of a Pushgateway is to be, and the form in which that waits in the spool. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import snappy

from pushvar.errors import StateError
from pushvar.model import NewEntry


@dataclass(frozen=True, slots=True)
class GroupState:
    """The ``text`` of a group's PUT, with so many samples; None is a DELETE. ``time_ms``: as of when."""

    key: tuple[str, ...]
    samples: int
    time_ms: int
    text: bytes | None

    def entry(self) -> NewEntry:
        """The state as it waits: rendered, for nothing that it was made from may be there next time."""
        body = msgspec.msgpack.encode((self._plain_key(), self.text))
        return NewEntry(snappy.compress(body), self.samples, self.time_ms)

    def _plain_key(self) -> list[str]:
        """A lone surrogate is a ``?`` in the group's address too."""
        return [value.encode("utf-8", "replace").decode() for value in self.key]


_DECODE = msgspec.msgpack.Decoder(tuple[tuple[str, ...], bytes | None]).decode


def waiting_state(body: bytes, samples: int, time_ms: int) -> GroupState:
    """A state that waited. Raises StateError when its body is damaged."""
    try:
        key, text = _DECODE(snappy.uncompress(body))
    except (snappy.UncompressError, msgspec.MsgspecError) as error:
        raise StateError(f"a group's state in the spool is damaged ({error})") from None
    return GroupState(key, samples, time_ms, text)
