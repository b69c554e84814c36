"""The grammar of one sample line of both formats, taken leniently: any blanks, a comma or a CR at the end.

    name {label="value", ...} value [timestamp] [# {label="value", ...} value [timestamp]]

Names in quotes (``{"my.metric", "my.label"="v"}``, the UTF-8 syntax of Prometheus 3) are understood;
what remote write 1.0 does not allow in them becomes ``_``, as ``escaping=underscores`` would give.
Every pattern is possessive where it repeats, so the time is linear in the line whatever it holds.

Sources: Prometheus "Exposition formats" 0.0.4; OpenMetrics 1.0, ABNF; prometheus
model/textparse/promlex.l and promparse.go (which values and escapes are taken).
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pushvar.catalogue import METRIC_NAME
from pushvar.wire.exposition.parsed import Exemplar, Series

if TYPE_CHECKING:
    from pushvar.model import Labels

LABEL_LIMIT: Final = 512
"""Labels of one line; Prometheus sets no bound, real ones stay below 50."""

_CACHED_BYTES: Final = 512
_CACHED_LINES: Final = 32_768
_TIMESTAMP_LIMIT_MS: Final = 2**63

_HEAD = re.compile(rb'[ \t]*+[^ \t{#"]*+[ \t]*+(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*+")*+\})?+[ \t]*+', re.DOTALL)
_TAIL = re.compile(
    rb"([^ \t\r#]++)(?:[ \t]++([^ \t\r#]++))?+[ \t]*+"
    rb'(?:\#[ \t]*+(\{(?:[^"}]|"(?:[^"\\]|\\.)*+")*+\})[ \t]*+'
    rb"([^ \t\r]++)(?:[ \t]++([^ \t\r]++))?+)?+[ \t\r]*+",
    re.DOTALL,
)
_PARTS = re.compile(r"[ \t]*+([^ \t{]*+)[ \t]*+(?:\{(.*)\})?[ \t]*+", re.DOTALL)
_PAIR = re.compile(
    r'[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([a-zA-Z_][a-zA-Z0-9_]*+))[ \t]*+'
    r'(?:(=)[ \t]*+"((?:[^"\\]|\\.)*+)"[ \t]*+)?+(?:,[ \t]*+|$)',
    re.DOTALL,
)
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_:]")
_ESCAPE = re.compile(r'\\([\\"n])')
_UNESCAPED = {"\\": "\\", '"': '"', "n": "\n"}
_NOT_DECIMAL = re.compile(rb"[^-+.0-9a-zA-Z]|[pP]|^[+-][nN]")  # digit groups, hexadecimal, a NaN with a sign
_INTEGER = re.compile(rb"[+-]?[0-9]{1,19}")


class Unreadable(Exception):
    """A line that cannot be taken; its argument is a key of ``catalogue.LINE_FAULTS``."""


def head_bytes(line: bytes) -> int:
    """How many bytes of a sample line stand before its value: name, labels and the blanks after them.

    Raises Unreadable for a brace that is never closed.
    """
    match = _HEAD.match(line)
    assert match is not None  # every part of it may be empty
    end = match.end()
    if line[end : end + 1] == b"{":
        raise Unreadable("bad_labels")
    return end


def series(head: bytes) -> Series:
    """The identity that the head of a line gives its sample. Raises Unreadable."""
    known = _series(head) if len(head) > _CACHED_BYTES else _cached_series(head)
    if isinstance(known, str):
        raise Unreadable(known)
    return known


def tail(line: bytes, start: int, *, openmetrics: bool) -> tuple[float, int | None, Exemplar | None]:
    """Value, timestamp in ms and exemplar of the line from ``start`` on. Raises Unreadable."""
    match = _TAIL.fullmatch(line, start)
    if match is None:
        raise Unreadable("bad_line" if line[start:].strip() else "bad_value")
    value, moment, labels, example, example_moment = match.groups()
    exemplar = None
    number = number_of(value)
    timestamp_ms = _time_ms(moment, openmetrics=openmetrics)
    if labels is not None:
        own = _labels(_decoded(labels).strip(" \t")[1:-1])[1]
        exemplar = Exemplar(own, number_of(example), _time_ms(example_moment, openmetrics=True))
    return number, timestamp_ms, exemplar


def number_of(text: bytes) -> float:
    """A value as Go's ParseFloat reads it under Prometheus' rules. Raises Unreadable."""
    try:
        number = float(text)
    except ValueError:
        raise Unreadable("bad_value") from None
    if _NOT_DECIMAL.search(text) or (math.isinf(number) and b"i" not in text.lower()):
        raise Unreadable("bad_value")
    return number


def legal_name(text: str) -> str:
    """A quoted name as remote write 1.0 may carry it. Raises Unreadable for an empty one."""
    if not text:
        raise Unreadable("bad_name")
    name = _ILLEGAL.sub("_", text)
    return f"_{name}" if name[0].isdigit() else name


def unescaped(text: str) -> str:
    """A quoted text without its escapes; a backslash before any other character stays."""
    return _ESCAPE.sub(lambda match: _UNESCAPED[match[1]], text) if "\\" in text else text


def _series(head: bytes) -> Series | str:
    """The series, or the reason why there is none: so that both can be cached."""
    try:
        return _read_series(_decoded(head))
    except Unreadable as error:
        return str(error)


_cached_series = lru_cache(maxsize=_CACHED_LINES)(_series)


def _read_series(text: str) -> Series:
    match = _PARTS.fullmatch(text)
    if match is None:
        raise Unreadable("bad_labels")
    name, inner = match.groups()
    quoted, labels = _labels(inner) if inner else ("", ())
    if bool(name) == bool(quoted) or not METRIC_NAME.fullmatch(name or quoted):
        raise Unreadable("bad_name")
    if inner is None and text[-1:] not in {" ", "\t"}:
        raise Unreadable("bad_value")  # the name ends the line
    return Series(name or quoted, labels)


def _labels(inner: str) -> tuple[str, Labels]:
    """The metric's name, where it stands among the labels, and the labels, sorted, without empty ones."""
    name, at, count = "", 0, 0
    pairs: dict[str, str] = {}
    inner = inner.strip(" \t")
    while at < len(inner):
        match = _PAIR.match(inner, at)
        count += 1
        if match is None or count > LABEL_LIMIT:
            raise Unreadable("too_many_labels" if match else "bad_labels")
        quoted, plain, equals, value = match.groups()
        if equals is not None:
            label = plain if quoted is None else legal_name(unescaped(quoted)).replace(":", "_")
            _add(pairs, label, value)
        elif quoted is None or count > 1:
            raise Unreadable("bad_labels")
        else:
            name = legal_name(unescaped(quoted))
        at = match.end()
    return name, tuple(sorted((label, value) for label, value in pairs.items() if value))


def _add(pairs: dict[str, str], label: str, value: str) -> None:
    if label in pairs:
        raise Unreadable("duplicate_label")
    if label.startswith("__"):
        raise Unreadable("reserved_label")
    pairs[label] = unescaped(value)


def _time_ms(text: bytes | None, *, openmetrics: bool) -> int | None:
    """Milliseconds since 1970: OpenMetrics writes seconds with a fraction, the text format integer ms."""
    if text is None:
        return None
    if not (openmetrics or _INTEGER.fullmatch(text)):
        raise Unreadable("bad_timestamp")
    try:
        time_ms = round(number_of(text) * 1000) if openmetrics else int(text)
    except (Unreadable, ValueError, OverflowError):  # NaN and infinities have no milliseconds
        raise Unreadable("bad_timestamp") from None
    if not -_TIMESTAMP_LIMIT_MS <= time_ms < _TIMESTAMP_LIMIT_MS:
        raise Unreadable("bad_timestamp")
    return time_ms


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise Unreadable("not_utf8") from None
