"""From a value of a document to a number, exactly: scales, texts that are numbers, Go durations.

A reader is total: what it cannot say is ``WITHHELD``. Integers are exact in Python, so a value is scaled as
a fraction and rounded once.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pushvar.catalogue import NANOSECONDS
from pushvar.convert.withheld import WITHHELD

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_CHARS = 64
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNIT_NS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": NANOSECONDS, "m": 60 * NANOSECONDS,
    "h": 3600 * NANOSECONDS,
}  # fmt: skip

NOT_FINITE = "not a finite number"
DOUBTS = {"number": "not a number", "duration": "not a duration", None: "out of range"}
"""``parse`` -> why a value may be withheld."""


def scaled_by(factor: Fraction) -> Callable[[Any], float]:
    """A reader of numbers, times a factor."""
    return lambda value: scaled(value, factor)


def parsed_as(parse: str, factor: Fraction) -> Callable[[Any], float]:
    """A reader of texts (or numbers, where they are parsed as numbers), times a factor."""
    read = number if parse == "number" else duration_s

    def reader(value: Any) -> float:
        found = read(value) if isinstance(value, str) else value
        return WITHHELD if found is None else scaled(found, factor)

    return reader


def finite(read: Callable[[Any], float] | None) -> Callable[[Any], float]:
    """The same reader, where NaN and infinities are no values."""

    def reader(value: Any) -> float:
        found = value if read is None else read(value)
        return found if math.isfinite(found) else WITHHELD

    return reader


def scaled(value: float | Fraction, factor: Fraction) -> float:
    """Value times factor, rounded once; NaN and infinities stay."""
    if isinstance(value, float) and not math.isfinite(value):
        return value
    if factor == 1 and not isinstance(value, Fraction):
        return value
    try:
        return float(Fraction(value) * factor)
    except OverflowError:
        return WITHHELD


def number(text: str) -> Fraction | None:
    """The number that a text is."""
    if len(text) > _LONGEST_CHARS or not _NUMBER.fullmatch(text):
        return None
    return Fraction(text)


def duration_s(text: str) -> Fraction | None:
    """The seconds of a Go duration (``1h2m3.5s``, ``-1.2us``, ``0``).

    Source: golang/go ``src/time/format.go``, ParseDuration.
    """
    unsigned = text[1:] if text[:1] in {"-", "+"} else text
    if unsigned == "0":
        return Fraction(0)
    parts = _DURATION_PART.findall(unsigned) if len(text) <= _LONGEST_CHARS else []
    if not parts or "".join(amount + unit for amount, unit in parts) != unsigned:
        return None
    total_ns = sum((Fraction(amount) * _UNIT_NS[unit] for amount, unit in parts), Fraction(0))
    return (-total_ns if text[0] == "-" else total_ns) / NANOSECONDS


def bound_of(text: str, factor: Fraction) -> float | None:
    """The bound that a bucket's key says, times a factor; ``inf``, ``+Inf`` and ``Max`` are infinity."""
    if text.lower() in {"inf", "+inf", "max"}:
        return math.inf
    found = number(text)
    bound = WITHHELD if found is None else scaled(found, factor)
    return None if math.isnan(bound) else bound


def bound_text(bound: float) -> str:
    """A bound or quantile as Go's client writes it in a label (``0.0005``, ``1``, ``+Inf``)."""
    if math.isinf(bound):
        return "+Inf"
    text = repr(float(bound))
    return text.removesuffix(".0")
