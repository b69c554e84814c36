"""What the beginning of an answer looks like, and as much of it as may be shown."""

from __future__ import annotations

import re

_SHOWN_CHARS = 80
_LOGIN = re.compile(rb"type=['\"]?password|<title>[^<]*(?:sign|log)[ -]?in|<form[^>]*login", re.IGNORECASE)
_SECRET = re.compile(r"(?i)(secret|token|passw\w*|authorization|api[_-]?key|bearer)\W.*")
_HTML = re.compile(rb"\s*(?:<!doctype|<html|<head|<body|<\?xml)", re.IGNORECASE)


def kind_of(body: bytes) -> str:
    """One of empty, gzip, login, html, object, array, binary, text."""
    if not body.strip():
        return "empty"
    if body.startswith(b"\x1f\x8b"):
        return "gzip"
    if _HTML.match(body):
        return "login" if _LOGIN.search(body) else "html"
    first = body.lstrip()[:1]
    if first in (b"{", b"["):
        return "object" if first == b"{" else "array"
    return "binary" if b"\x00" in body[:512] or not _is_text(body[:512]) else "text"


WORDS = {
    "empty": "nothing at all",
    "gzip": "gzip that was not declared",
    "login": "a login page",
    "html": "a web page",
    "object": "a JSON object",
    "array": "a JSON list",
    "binary": "binary data",
    "text": "plain text",
}
"""Kind -> in words."""


def shown(body: bytes) -> str:
    """The first characters of what is no document; nothing of a JSON object, which may hold ``cmdline``."""
    kind = kind_of(body)
    if kind in ("object", "array", "gzip", "binary", "empty"):
        return WORDS[kind]
    text = " ".join(body[: _SHOWN_CHARS * 4].decode("utf-8", "replace").split())
    if "PRIVATE KEY" in text:
        return "a private key, which is not shown"
    text = _SECRET.sub(r"\1 ***", "".join(filter(str.isprintable, text)))
    return repr(text[:_SHOWN_CHARS] + ("..." if len(text) > _SHOWN_CHARS else ""))


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(body) - 3  # a character that the cut went through
    return True
