"""How Go writes what a Pushgateway's clients are shown: quoted text and bytes, and bounds of buckets.

Source: Go, strconv: Quote, QuoteRune, FormatFloat with 'g' and the shortest precision.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

_CACHED_FLOATS: Final = 4_096
_ESCAPES: Final = {
    7: r"\a",
    8: r"\b",
    9: r"\t",
    10: r"\n",
    11: r"\v",
    12: r"\f",
    13: r"\r",
    92: r"\\",
}
_STRAY: Final = 0xDC00  # what "surrogateescape" adds to a byte that is no UTF-8
_FOUR_DIGITS: Final = 0xFFFF
_PLAIN_EXPONENTS: Final = range(-4, 6)


def quoted(text: bytes) -> str:
    """The text as ``%q`` prints it: in double quotes, what cannot be printed or read is escaped."""
    inner = "".join(map(_escaped, text.decode("utf-8", "surrogateescape")))
    return '"' + inner.replace('"', r"\"") + '"'


def quoted_byte(byte: int) -> str:
    """A byte as ``%q`` prints it: a character in single quotes."""
    return r"'\''" if byte == ord("'") else f"'{_escaped(chr(byte))}'"


@lru_cache(maxsize=_CACHED_FLOATS)
def float_text(number: float) -> str:
    """A number as the text format prints a bound: shortest, with an exponent from 1e6 on and below 1e-4."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    if number == 0:
        return "0"
    digits = repr(abs(number)).partition("e")[0].replace(".", "").strip("0")
    scientific = f"{number:.{len(digits) - 1}e}"
    if int(scientific.partition("e")[2]) in _PLAIN_EXPONENTS:
        return repr(number).removesuffix(".0")
    return scientific


def _escaped(character: str) -> str:
    code = ord(character)
    if code in _ESCAPES:
        return _ESCAPES[code]
    if character.isprintable():
        return character
    if _STRAY < code < _STRAY + 256:
        return f"\\x{code - _STRAY:02x}"
    if character.isascii():
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _FOUR_DIGITS else f"\\U{code:08x}"
