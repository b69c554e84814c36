"""Texts for people: counts in words, and texts of strangers made harmless for what shows them."""

from __future__ import annotations

import re

_FORMULA = ("=", "+", "-", "@")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&:])")
_WORD = re.compile(r"[\w.% ,-]*\Z")


def counted(number: int, noun: str) -> str:
    """``1 target``, ``2 targets``, ``1,000 targets``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def visible(text: str) -> str:
    """The text on one line, with escapes for what does not print (line ends, controls, directions)."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before what looks like one.

    Source: OWASP, "CSV Injection".
    """
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) and len(shown) > 1 else shown


def markdown_cell(text: str) -> str:
    """A cell of a table: plain text, whatever Markdown or HTML it looks like; long lines may break."""
    shown = visible(text)
    return shown if _WORD.match(shown) else _MARKDOWN.sub(r"\\\1", shown)
