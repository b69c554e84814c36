"""The page of an audit: texts of strangers shown as they are, and a policy that runs one script alone."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from pushvar.kit.plain import visible
from pushvar.wire import markup
from pushvar.wire.markup import Markup

__all__ = ["Markup", "document", "el", "join"]


def el(tag: str, *children: object, **attributes: object) -> Markup:
    """One element, as ``wire.markup`` has it; what does not print is shown as an escape."""
    shown = {name: _shown(value) for name, value in attributes.items()}
    return markup.el(tag, *map(_shown, children), **shown)


def join(*children: object) -> Markup:
    """Several pieces in a row."""
    return markup.join(*map(_shown, children))


def document(title: str, style: str, script: str, body: Markup) -> str:
    """A whole page that loads nothing and runs this one script: a policy in its head forbids all else."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{join(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _shown(value: object) -> object:
    return value if isinstance(value, Markup) else visible(str(value))
