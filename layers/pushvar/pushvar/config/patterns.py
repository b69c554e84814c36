"""The path patterns and name templates of mapping rules: texts to plain data. They match nothing yet.

A pattern is a list of segments, one for each key on the way to a value. In a segment ``{x}`` captures,
``{x:regex}`` captures what an RE2 expression takes, ``*`` stands for as little of anything as fits, and the
rest is literal. A segment ``**`` stands for one or more keys. In a pattern that is one text, ``/`` separates
segments and ``~1`` is a literal slash; in a list each item is a segment.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pushvar.config.grammar import quoted, refused

TAIL = "tail"
"""What a name template calls the keys that ``**`` stood for."""

MANY = "**"
_CAPTURE = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_WITHIN = 1


class Segment(NamedTuple):
    """One segment: ``regex`` for the whole key, or the ``literal`` key; ``many`` marks ``**``.

    A segment without a literal and with an empty regex takes every key; a ``whole`` one captures every key
    but the empty one.
    """

    regex: str = ""
    literal: str | None = None
    captures: tuple[str, ...] = ()
    many: bool = False
    whole: bool = False


class Reference(NamedTuple):
    """A part of a template that is looked up: a capture, or a field some containers up.

    ``level`` 0 is a capture, 1 the leaf's own container (``@field``), 2 that container's (``@@field``).
    """

    name: str
    level: int = 0


Template = tuple[str | Reference, ...]


def split(text: str) -> tuple[str, ...]:
    """The segments of a pattern in one text. Raises ConfigError, without path, for an unclosed brace."""
    segments = [""]
    for piece in _pieces(text):
        if piece.startswith("{"):
            segments[-1] += piece
        else:
            first, *others = piece.split("/")
            segments[-1] += first.replace("~1", "/")
            segments += [other.replace("~1", "/") for other in others]
    return tuple(segments)


def segment(text: str) -> Segment:
    """One segment, its expressions not compiled. Raises ConfigError without path."""
    if text == MANY:
        return Segment(many=True)
    pieces = list(_pieces(text))
    captures = tuple(_capture(piece)[0] for piece in pieces if piece.startswith("{"))
    if not captures and "*" not in text:
        return Segment(literal=text)
    if text == "*":
        return Segment()
    dotted = any("." in piece for piece in pieces if not piece.startswith("{"))
    whole = bool(captures) and text == f"{{{captures[0]}}}"
    return Segment("".join(_regex(piece, dotted=dotted) for piece in pieces), None, captures, whole=whole)


def template(text: str) -> Template:
    """A name with its references. Raises ConfigError without path."""
    return tuple(
        _reference(piece[1:-1]) if piece.startswith("{") else piece for piece in _pieces(text) if piece
    )


def reference(text: str) -> Reference | None:
    """A label value that is looked up (``@field``), or None for a static one."""
    return _reference(text) if text.startswith("@") else None


def _reference(inner: str) -> Reference:
    name = inner.lstrip("@")
    if not name:
        raise refused(f"{quoted('{' + inner + '}')} names nothing", "write {capture} or {@field}")
    return Reference(name, len(inner) - len(name))


def _pieces(text: str) -> list[str]:
    """The text cut into what is in braces, braces included, and what is between them."""
    pieces, start, depth, escaped = [], 0, 0, False
    for position, char in enumerate(text):
        if escaped or (char == "\\" and depth):
            escaped = not escaped
        elif char == "{":
            depth += 1
            if depth == _WITHIN:
                pieces.append(text[start:position])
                start = position
        elif char == "}" and depth:
            depth -= 1
            if not depth:
                pieces.append(text[start : position + 1])
                start = position + 1
    if depth:
        raise refused(f"{quoted(text)} has a {{ that is not closed", "close it with }")
    return [*pieces, text[start:]]


def _capture(piece: str) -> tuple[str, str]:
    """Name and expression of a capture."""
    name, colon, expression = piece[1:-1].partition(":")
    if not _CAPTURE.fullmatch(name):
        hint = "use letters, digits and _, not __ in front: it becomes a label"
        raise refused(f"{quoted(name)} is no name for a capture", hint)
    if colon and not expression:
        raise refused(f"{quoted(piece)} has an empty expression", f"write {{{name}:.*}} for any key")
    return name, expression


def _regex(piece: str, *, dotted: bool) -> str:
    if not piece.startswith("{"):
        return ".*?".join(re.escape(part) for part in piece.split("*"))
    name, expression = _capture(piece)
    return f"(?P<{name}>{expression or ('[^.]+' if dotted else '.+')})"
