"""The head of an HTTP/1.1 response: status, headers, and how its body is framed."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import NamedTuple

INFORMATIONAL = 200
"""Statuses below it are followed by another answer."""

_NO_BODY = frozenset({204, 304})
_LENGTH_DIGITS = 18  # more are no length; int() itself refuses thousands
_USUAL_BYTES = 1024


class Malformed(Exception):
    """What arrived is not an HTTP/1.1 response; the message says where it stops being one."""


class TooLarge(Exception):
    """The body, or its decompressed form, is over the limit."""


class Head(NamedTuple):
    """What a head says; ``left`` bytes follow, None: in chunks, or until the connection closes."""

    status: int
    headers: dict[str, str]
    left: int | None
    chunked: bool


def head_of(head: bytes) -> Head:
    """Read a head, from the status line on, without the empty line at its end. Raises Malformed."""
    # programs of one kind answer with the same head, as long as the second of their Date lasts
    return _known(head) if len(head) <= _USUAL_BYTES else _read(head)


def _read(head: bytes) -> Head:
    status, headers = lines_of(head)
    coding = headers.get("transfer-encoding", "").lower()
    if coding not in ("", "chunked"):
        raise Malformed(f"transfer coding {coding!r:.80} is not supported")
    if status in _NO_BODY:
        return Head(status, headers, 0, chunked=False)
    length = headers.get("content-length")
    if coding or length is None:
        return Head(status, headers, None, chunked=bool(coding))
    if not length.isdecimal():
        raise Malformed(f"Content-Length {length!r:.80} is no number")
    left = int(length) if len(length) <= _LENGTH_DIGITS else sys.maxsize
    return Head(status, headers, left, chunked=False)


_known = lru_cache(_read)


def lines_of(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers; those of an answer that another one follows are left out. Raises Malformed."""
    first, *lines = head.decode("latin-1").split("\r\n")
    status = _status(first)
    headers: dict[str, str] = {}
    for line in lines if status >= INFORMATIONAL else ():
        name, colon, value = line.partition(":")
        if not colon:
            raise Malformed("a header line without a colon")
        name, value = name.strip().lower(), value.strip()
        if name == "content-length" and headers.get(name, value) != value:
            raise Malformed("two different Content-Length headers")
        headers[name] = value
    return status, headers


def _status(line: str) -> int:
    version, _, rest = line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not code.isdecimal() or len(code) != len("200"):
        raise Malformed("the answer is not HTTP/1.1")
    return int(code)
