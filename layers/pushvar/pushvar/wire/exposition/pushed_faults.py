"""What is wrong with a line of a pushed body, in the words of the parser that users know.

The line is walked as Go's parser walks it, so that the first fault is the one that is told. Only a line that
was not taken comes here, so the walk always ends in a fault, and may take its time; it is linear too.

Source: prometheus/common, expfmt/text_parse.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

from pushvar.wire.exposition.golang import quoted, quoted_byte
from pushvar.wire.exposition.pushed_families import count_fault
from pushvar.wire.exposition.pushed_line import LABEL, METRIC, integer_of, number_of, unescaped

if TYPE_CHECKING:
    from pushvar.wire.exposition.pushed_families import Draft, Drafts

CUT_OFF: Final = "unexpected end of input stream"

_BLANKS = re.compile(rb"[ \t]*+")
_TOKEN = re.compile(rb"[^ \t\n]*+")
_METRIC, _LABEL = re.compile(METRIC.encode()), re.compile(LABEL.encode())
_QUOTED = re.compile(rb'[^"\\\n]*+(?:\\["\\n][^"\\\n]*+)*+')
_NEWLINE: Final = ord("\n")


class Fault(Exception):
    """Its argument is the sentence."""


def sample_fault(line: bytes, drafts: Drafts) -> str:
    """What is wrong with a sample line; ``line`` holds its newline, unless the body ends before it."""
    try:
        _Walk(line, drafts).sample()
    except Fault as fault:
        return str(fault)


def escape_fault(byte: int) -> str:
    """That a backslash stands before a character which needs none."""
    return rf"invalid escape sequence '\{chr(byte)}'"


class _Walk:
    """A place in a line, and the family that the line turned out to be of."""

    def __init__(self, line: bytes, drafts: Drafts) -> None:
        self._line = line
        self._drafts = drafts
        self._at = 0
        self._draft: Draft
        self._suffix = ""
        self._values: dict[str, bytes] = {}

    def sample(self) -> NoReturn:
        """Walk along the line to its fault, and raise that."""
        self._token(_BLANKS)
        name = self._token(_METRIC)
        if not name:
            raise Fault("invalid metric name")
        self._draft, self._suffix = self._drafts.at(name.decode())
        self._byte()
        self._token(_BLANKS)
        if self._byte() == ord("{"):
            self._labels()
        self._value()

    def _byte(self) -> int:
        """The byte at this place."""
        if self._at == len(self._line):
            raise Fault(CUT_OFF)
        return self._line[self._at]

    def _token(self, pattern: re.Pattern[bytes]) -> bytes:
        """What the pattern takes from here on, which may be nothing."""
        match = pattern.match(self._line, self._at)
        if match is None:
            return b""
        self._at = match.end()
        return match[0]

    def _next(self) -> int:
        """Go one byte and all blanks on, and give the byte there."""
        self._at += 1
        self._token(_BLANKS)
        return self._byte()

    def _labels(self) -> None:
        """From the opening brace to what stands behind the closing one."""
        byte = self._byte()
        while byte != ord("}"):
            if self._next() == ord("}"):
                break
            name = self._label_name()
            value = self._values[name] = self._label_value(name)
            byte = self._next()
            if byte not in b",}":
                raise Fault(f"unexpected end of label value {quoted(value)}")
        self._next()

    def _label_name(self) -> str:
        family = quoted(self._draft.name.encode())
        name = self._token(_LABEL).decode()
        if not name:
            raise Fault(f"invalid label name for metric {family}")
        self._byte()
        if name == "__name__":
            raise Fault('label name "__name__" is reserved')
        self._token(_BLANKS)
        if self._byte() != ord("="):
            raise Fault(f"expected '=' after label name, found {quoted_byte(self._byte())}")
        if name in self._values and name != self._draft.bound_label:
            raise Fault(f"duplicate label names for metric {family}")
        return name

    def _label_value(self, name: str) -> bytes:
        """Read a value up to its closing quote."""
        if self._next() != ord('"'):
            raise Fault(f"expected '\"' at start of label value, found {quoted_byte(self._byte())}")
        self._at += 1
        value = unescaped(self._token(_QUOTED).decode(errors="surrogateescape")).encode(
            errors="surrogateescape"
        )
        end = self._byte()
        if end == ord("\\"):
            self._at += 1
            raise Fault(escape_fault(self._byte()))
        if end == _NEWLINE:
            raise Fault(f"label value {quoted(value)} contains unescaped new-line")
        try:
            value.decode()
        except UnicodeDecodeError:
            raise Fault(f"invalid label value {quoted(value)}") from None
        if name == self._draft.bound_label and number_of(value) is None:
            raise Fault(f"expected float as value for '{name}' label, got {quoted(value)}")
        return value

    def _value(self) -> NoReturn:
        token = self._token(_TOKEN)
        self._byte()
        number = number_of(token)
        if number is None:
            raise Fault(f"expected float as value, got {quoted(token)}")
        bound = self._values.get(self._draft.bound_label)
        fault = count_fault(self._draft, self._suffix, number, number_of(bound or b""))
        if fault:
            raise Fault(fault)
        self._timestamp()

    def _timestamp(self) -> NoReturn:
        self._next()
        token = self._token(_TOKEN)
        self._byte()
        if integer_of(token) is None:
            raise Fault(f"expected integer as timestamp, got {quoted(token)}")
        rest, newline, _ = self._line[self._at :].partition(b"\n")
        if not newline:
            raise Fault(CUT_OFF)
        spurious = rest.replace(b"\\", b"")  # the parser drops backslashes here
        raise Fault(f"spurious string after timestamp: {quoted(spurious)}")
