"""One sample line of text format 0.0.4, taken strictly: as Go's parser takes it, and not one byte more.

    [blanks] name [blanks] [{ label = "value" , ... }] [blanks] value [blanks timestamp]

A name may touch its value (``x+1``), a comma may stand before the closing brace, nothing may follow the
last number. Heads (all before the value) are remembered: a job pushes the same series run after run. Every
pattern is possessive where it repeats, so the time is linear in the line.

Source: prometheus/common, expfmt/text_parse.go.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from pushvar.wire.exposition.golang import float_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.model import Labels

METRIC: Final = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
LABEL: Final = r"[a-zA-Z_][a-zA-Z0-9_]*+"

_BOUNDS: Final[tuple[str, ...]] = ("le", "quantile")
_CACHED_BYTES: Final = 512
_CACHED_HEADS: Final = 16_384
_INT64: Final = 2**63

_VALUE = r'"[^"\\]*+(?:\\["\\n][^"\\]*+)*+"'
_PAIR = rf"{LABEL}[ \t]*+=[ \t]*+{_VALUE}[ \t]*+"
_LABELS = rf"\{{[ \t]*+(?:{_PAIR}(?:,[ \t]*+{_PAIR})*+(?:,[ \t]*+)?+)?+\}}"
_HEAD = re.compile(rf"[ \t]*+({METRIC})[ \t]*+({_LABELS}[ \t]*+)?+")
_LINE = re.compile(
    rf"([ \t]*+{METRIC}[ \t]*+(?:{_LABELS}[ \t]*+)?+)([^ \t{{][^ \t]*+)(?:[ \t]++([^ \t]++))?+".encode()
)
_PAIRS = re.compile(rf'({LABEL})[ \t]*+=[ \t]*+"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_ESCAPE = re.compile(r'\\(["\\n])')
_UNESCAPED: Final = {'"': '"', "\\": "\\", "n": "\n"}
_NUMBER = re.compile(
    rb"[-+]?+(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][-+]?+[0-9]++)?+"
    rb"|[-+]?+(?:inf|infinity)|nan",
    re.IGNORECASE,
)
_INTEGER = re.compile(rb"([+-]?)0*?([0-9]{1,19})")


class Bound(NamedTuple):
    """What an ``le`` or ``quantile`` among the labels of a line says.

    ``number`` is None where its text is none, ``rest`` are the other labels, None when one of them stands
    twice, ``labels`` are all with the number as the format prints it.
    """

    number: float | None
    rest: Labels | None
    labels: Labels


class Head(NamedTuple):
    """The series of a line: its labels in order without empty ones, or None when a name stands twice."""

    name: str
    labels: Labels | None
    bounds: Mapping[str, Bound]


def head_of(text: bytes) -> Head | None:
    """The series of all that stands before a value; None when it is no good, or ``__name__`` is in it."""
    return _cached_head(text) if len(text) <= _CACHED_BYTES else _head(text)


def parts_of(line: bytes) -> tuple[bytes, bytes, bytes | None] | None:
    """A line's head, value and timestamp, if it has their form; ``line`` is without its newline."""
    match = _LINE.fullmatch(line)
    return None if match is None else (match[1], match[2], match[3])


def number_of(text: bytes) -> float | None:
    """A number as Go's ParseFloat takes it, without its hexadecimal and grouped forms."""
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    too_large = math.isinf(number) and b"i" not in text.lower()
    return None if too_large else number


def integer_of(text: bytes) -> int | None:
    """A decimal integer of 64 bits as Go's ParseInt takes it."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    number = -int(match[2]) if match[1] == b"-" else int(match[2])
    return number if -_INT64 <= number < _INT64 else None


def unescaped(text: str) -> str:
    """A quoted text without its escapes."""
    return _ESCAPE.sub(lambda match: _UNESCAPED[match[1]], text) if "\\" in text else text


def with_bound(labels: Labels, label: str, bound: float) -> Labels:
    """The labels and that of a bucket or a quantile, in order."""
    return tuple(sorted((*labels, (label, float_text(bound)))))


def _head(text: bytes) -> Head | None:
    try:
        match = _HEAD.fullmatch(text.decode())
    except UnicodeDecodeError:
        return None
    if match is None:
        return None
    name, inner = match.groups()
    if inner is None:
        return Head(name, (), {})
    pairs: list[tuple[str, str]] = _PAIRS.findall(inner)
    if "\\" in inner:
        pairs = [(label, unescaped(value)) for label, value in pairs]
    values = dict(pairs)
    if "__name__" in values:
        return None
    bounds = {label: _bound(label, values[label], pairs) for label in _BOUNDS if label in values}
    return Head(name, _labels(pairs), bounds)


_cached_head = lru_cache(maxsize=_CACHED_HEADS)(_head)


def _labels(pairs: list[tuple[str, str]]) -> Labels | None:
    labels = [pair for pair in pairs if pair[1]]
    return tuple(sorted(labels)) if len(dict(pairs)) == len(pairs) else None


def _bound(label: str, text: str, pairs: list[tuple[str, str]]) -> Bound:
    """It may stand twice; ``text`` is that of the last one, which counts."""
    number = number_of(text.encode())
    rest = _labels([pair for pair in pairs if pair[0] != label])
    if rest is None or number is None:
        return Bound(number, rest, ())
    return Bound(number, rest, with_bound(rest, label, number))
