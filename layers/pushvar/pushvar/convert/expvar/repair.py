r"""Mend the bodies that Go's expvar prints although they are no JSON.

1. ``NaN``                                  a Float that is not a number
2. ``+Inf``, ``-Inf``                       an infinite Float
3. ``"k": ,``                               a Func whose value encoding/json refuses (golang/go#42705)
4. ``\\x1b``, ``\\a``, ``\\v``, ``\\U...``       a key quoted by ``%q`` (golang/go#59040, copied handlers)
5. ``"origin": 2016-11-21 23:16``           a String() method that prints bare text (golang/go#18000)

Classes 1 to 4 are mended token by token, which changes nothing in a body that is JSON. Class 5 has
no grammar: there the body is cut at its top-level keys, in the layout in which Go prints them, and a
value that does not parse by itself becomes null.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pushvar.errors import DecodeError
from pushvar.model import Repair

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(  # each branch begins with a literal: then the search skips everything else at C speed
    r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)'  # a string; an unclosed one runs to the end, so that time stays linear
    r"|\+Inf(?:inity)?\b|-Inf(?:inity)?\b|Inf(?:inity)?\b|NaN\b|:\s*(?=[,}])",
    re.DOTALL,
)
_GO_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|([av])|(.))", re.DOTALL)
_GO_CONTROL = {"a": "\\u0007", "v": "\\u000b"}
_TOP_LEVEL_KEY = re.compile(r'(?:\A\s*\{\s*|,\n\s*)("(?:[^"\\\n]|\\.)*")\s*: ?')
_LONGEST_INTEGER = 4000  # digits; Python itself refuses to parse more than 4300
_JOINS = 64  # how often one value, and
_JOINS_OF_A_BODY = 512  # how often all values together, may be tried past what looks like the next key


def mend(text: str) -> tuple[Any, tuple[Repair, ...]]:
    """Parse a body of classes 1 to 5: the JSON value, and what was mended where.

    Raises DecodeError (``bad_json``) with the offset, and the key where one is known.
    """
    repairs: list[Repair] = []
    mended = _TOKEN.sub(lambda token: _mend_token(token, repairs), text)
    try:
        return _parse(mended), tuple(repairs)
    except RecursionError:
        raise DecodeError("bad_json", "nested too deeply to be an expvar document") from None
    except ValueError as error:
        return _mend_bare_text(mended, error, repairs)


def _mend_token(token: re.Match[str], repairs: list[Repair]) -> str:
    text = token[0]
    place = f"offset {token.start()}"
    if text[0] == '"':
        fixed = _GO_ESCAPE.sub(_json_escape, text) if "\\" in text else text
        if fixed != text:
            repairs.append(Repair("go_escape", place))
        return fixed
    if text[0] == ":":
        repairs.append(Repair("empty_value", place))
        return ": null"
    repairs.append(Repair("non_finite", place))
    if text == "NaN":
        return "NaN"
    return "-Infinity" if text[0] == "-" else "Infinity"


def _json_escape(escape: re.Match[str]) -> str:
    byte, rune, control, _ = escape.groups()
    if byte is not None:
        return f"\\u00{byte}"  # a raw byte: kept apart from its neighbours, not guessed to be UTF-8
    if rune is not None:
        return json.dumps(chr(min(int(rune, 16), 0x10FFFF)))[1:-1]
    return _GO_CONTROL[control] if control else escape[0]


def _parse(text: str) -> Any:
    try:
        return _PARSER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python reads
        return _PATIENT_PARSER.decode(text)


def _integer(text: str) -> int | None:
    return int(text) if len(text) <= _LONGEST_INTEGER else None


_PARSER = json.JSONDecoder(strict=False)  # raw control characters in strings are let through
_PATIENT_PARSER = json.JSONDecoder(strict=False, parse_int=_integer)


def _mend_bare_text(text: str, error: ValueError, repairs: list[Repair]) -> tuple[Any, tuple[Repair, ...]]:
    """Class 5: parse each top-level value by itself, and null what is none."""
    end = text.rstrip()
    entries = list(_TOP_LEVEL_KEY.finditer(end))
    if not entries or not end.endswith("}") or end[: entries[0].start()].strip():
        offset = getattr(error, "pos", 0)
        raise DecodeError("bad_json", f"not JSON from offset {offset} on, and not Go's layout") from None
    values: dict[str, Any] = {}
    for key, place, value in _top_level_values(end[:-1], entries):
        if value is None:
            repairs.append(Repair("bare_text", f"{key} at offset {place}"))
            values[key] = None
        else:
            values[key] = value[0]
    return values, tuple(repairs)


def _top_level_values(
    text: str, entries: list[re.Match[str]]
) -> Iterator[tuple[str, int, tuple[Any] | None]]:
    """Each key, where its value stands, and the value in a box; None for one that is no JSON."""
    index = 0
    joins_left = _JOINS_OF_A_BODY
    while index < len(entries):
        entry = entries[index]
        key = _key(entry)
        value, used = _longest_value(text, entries, index, min(_JOINS, joins_left))
        if value is None or used > 1:
            joins_left = max(joins_left - _JOINS, 0)
        yield key, entry.end(), value
        index += used


def _key(entry: re.Match[str]) -> str:
    try:
        key: str = json.loads(entry[1], strict=False)
    except ValueError:
        raise DecodeError("bad_json", f"a key at offset {entry.start(1)} is no JSON string") from None
    return key


def _longest_value(
    text: str, entries: list[re.Match[str]], index: int, joins: int
) -> tuple[tuple[Any] | None, int]:
    """The value of one entry: it may hold what looks like a key, so it is tried longer and longer."""
    for used in range(1, joins + 2):
        following = index + used
        stop = entries[following].start() if following < len(entries) else len(text)
        try:
            return (_parse(text[entries[index].end() : stop]),), used
        except (ValueError, RecursionError):
            if following >= len(entries):
                break
    return None, 1
