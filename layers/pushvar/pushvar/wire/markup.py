"""HTML and SVG as function calls. What is not Markup already is escaped: nothing can forget to."""

from __future__ import annotations

import re
from html import escape

_VOID = frozenset({"input", "link", "meta", "br"})
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Escape a value; control characters become the replacement character."""
    return value if isinstance(value, Markup) else Markup(escape(_UNPRINTABLE.sub("\ufffd", str(value))))


def el(tag: str, *children: object, **attributes: object) -> Markup:
    """One element. ``class_`` gives ``class``, ``aria_label`` gives ``aria-label``; None leaves one out."""
    opening = "".join(
        f" {name.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(value)}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Markup(f"<{tag}{opening}>")
    return Markup(f"<{tag}{opening}>{join(*children)}</{tag}>")


def join(*children: object) -> Markup:
    """Several pieces in a row; None is nothing."""
    return Markup("".join(text(child) for child in children if child is not None))
