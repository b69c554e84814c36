"""The warm way through exposition text: the lines are known, only what stands behind them is read.

A document of the same lines has the same series. So each line's head (everything before its value) is
compared as bytes, comments and all other lines too, and values are all that is parsed. A document with
any other line is refused, and the caller takes the general way.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pushvar.wire.exposition.lines import Unreadable, tail
from pushvar.wire.remote_write.packing import is_timestamp

if TYPE_CHECKING:
    from pushvar.model import Times
    from pushvar.wire.exposition.parsed import Exposition, ParsedSample

Picker = Callable[[Sequence[Any]], tuple[Any, ...]]
"""Gives what stands at certain places, always as a tuple."""

_DECIMAL = b"0123456789+-.eE NaIf"  # of +Inf too: the n is that of the word Inf
_SIGNED_NAN = (b"+N", b"-N")


class OtherText(ValueError):
    """A document whose lines are not those of this reader."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The numbers of a document, one for each row, and their own times."""

    numbers: Sequence[float]
    times_ms: Times = ()


@dataclass(frozen=True, slots=True)
class TextReader:
    """Reads documents of exactly these lines.

    ``others`` and ``sampled`` pick lines by their place, ``chosen`` those of the samples that are rows.
    ``plain`` says that a single blank and a number end every sample line: no timestamp, no exemplar.
    ``ended`` says that a line of them is the end mark of OpenMetrics.
    """

    count: int
    others: Picker
    fixed: tuple[bytes, ...]
    sampled: Picker
    heads: tuple[bytes, ...]
    chosen: Picker
    plain: bool
    timed: bool
    openmetrics: bool
    ended: bool
    patterns: struct.Struct

    def decode(self, body: bytes) -> Decoded:
        """The numbers of a document of these lines; raises OtherText (a ValueError) for any other."""
        lines = body.split(b"\n")
        if len(lines) != self.count or self.others(lines) != self.fixed:
            raise OtherText
        return self._plain(lines) if self.plain else self._general(lines)

    def values(self, decoded: Decoded) -> bytes:
        """Their 64-bit patterns."""
        return self.patterns.pack(*decoded.numbers)

    def times_ms(self, decoded: Decoded) -> Times:
        """Their own times."""
        return decoded.times_ms

    def _plain(self, lines: list[bytes]) -> Decoded:
        heads, _, texts = zip(*[line.rpartition(b" ") for line in self.sampled(lines)], strict=True)
        joined = b" ".join(texts)
        if heads != self.heads or joined.translate(None, _DECIMAL + b"n"):
            raise OtherText
        numbers = list(map(float, texts))
        if numbers.count(inf) + numbers.count(-inf) != joined.count(b"In") or any(
            signed in joined for signed in _SIGNED_NAN
        ):
            raise OtherText
        return Decoded(self.chosen(numbers))

    def _general(self, lines: list[bytes]) -> Decoded:
        numbers, times, exemplars = [], [], 0
        for line, head in zip(self.sampled(lines), self.heads, strict=True):
            if not line.startswith(head):
                raise OtherText
            try:
                number, time_ms, exemplar = tail(line, len(head), openmetrics=self.openmetrics)
            except Unreadable:
                raise OtherText from None
            if time_ms is not None and not is_timestamp(time_ms):
                raise OtherText  # the general way leaves it out
            numbers.append(number)
            times.append(time_ms)
            exemplars += exemplar is not None
        if not self.ended and bool(exemplars) != self.openmetrics:
            raise OtherText  # exemplars may decide which format it is
        own = self.chosen(times)
        return Decoded(self.chosen(numbers), own if any(time_ms is not None for time_ms in own) else ())


def reader(body: bytes, exposition: Exposition, rows: Sequence[ParsedSample]) -> TextReader:
    """A reader of documents like this one, which was parsed and gave these rows."""
    lines = body.split(b"\n")
    samples = exposition.samples
    places = [sample.line - 1 for sample in samples]
    taken = set(places)
    rest = [place for place in range(len(lines)) if place not in taken]
    heads = [lines[sample.line - 1][: sample.head_bytes] for sample in samples]
    plain = bool(samples) and all(map(_is_plain, samples, (lines[place] for place in places)))
    order = {sample.line: index for index, sample in enumerate(samples)}
    return TextReader(
        len(lines),
        _picker(rest),
        tuple([lines[place] for place in rest]),
        _picker(places),
        tuple([head[:-1] for head in heads] if plain else heads),
        tuple if len(rows) == len(samples) else _picker([order[row.line] for row in rows]),
        plain,
        not plain,
        exposition.openmetrics,
        exposition.openmetrics and any(lines[place].startswith(b"# EOF") for place in rest),
        struct.Struct(f"<{len(rows)}d"),
    )


def _is_plain(sample: ParsedSample, line: bytes) -> bool:
    """Whether the last blank of the line stands right before its value, and nothing behind it."""
    return line.rfind(b" ") == sample.head_bytes - 1 and not line[sample.head_bytes :].translate(
        None, _DECIMAL.replace(b" ", b"") + b"n"
    )


def _picker(places: Sequence[int]) -> Picker:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda every: tuple([every[place] for place in places])
