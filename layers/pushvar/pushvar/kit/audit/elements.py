"""HTML and SVG as function calls: what is not Markup already is escaped, nothing can forget to."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape

from pushvar.kit.audit.plain import visible


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def el(tag: str, *children: object, **attributes: object) -> Markup:
    """One element. ``class_`` gives ``class``, ``aria_label`` gives ``aria-label``."""
    opening = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_text(value)}"' for name, value in attributes.items()
    )
    return Markup(f"<{tag}{opening}>{join(*children)}</{tag}>")


def join(*children: object) -> Markup:
    """Several pieces in a row."""
    return Markup("".join(map(_text, children)))


def document(title: str, style: str, script: str, body: Markup) -> str:
    """A whole page that loads nothing and runs this one script: a policy in its head forbids all else."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _text(value: object) -> Markup:
    return value if isinstance(value, Markup) else Markup(escape(visible(str(value))))
