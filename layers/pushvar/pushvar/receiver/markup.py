"""HTML and SVG as function calls. What is not Markup already is escaped: nothing can forget to."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib import resources

_VOID = frozenset({"input", "link", "meta", "br"})
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BREAKS = re.compile(r"(?<=[,{])")
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M1 12l4-5 3 3 6-8' fill='none' stroke='%233b76d6' stroke-width='2.5'/%3E%3C/svg%3E"
)


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


def breakable(value: str) -> Markup:
    """Escape a text that may be broken after commas and braces, where a long label set reads best."""
    return Markup("<wbr>".join(text(part) for part in _BREAKS.split(value)))


def document(title: str, body: Markup, refresh_s: int = 0) -> str:
    """A whole page with its style inside; it loads nothing, from here or elsewhere."""
    head = join(
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", http_equiv="refresh", content=refresh_s) if refresh_s > 0 else None,
        el("link", rel="icon", href=_ICON),
        el("title", title),
        el("style", Markup(_style())),
    )
    return f"<!doctype html>\n{el('html', el('head', head), el('body', body), lang='en')}\n"


@cache
def _style() -> str:
    return resources.files("pushvar.receiver").joinpath("page.css").read_text(encoding="utf-8")
