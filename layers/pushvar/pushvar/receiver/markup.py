"""The pages of the receiver: their frame and style, and label sets that may be broken."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from pushvar.wire.markup import Markup, el, join, text

__all__ = ["Markup", "breakable", "document", "el", "join", "text"]

_BREAKS = re.compile(r"(?<=[,{])")
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M1 12l4-5 3 3 6-8' fill='none' stroke='%233b76d6' stroke-width='2.5'/%3E%3C/svg%3E"
)


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
