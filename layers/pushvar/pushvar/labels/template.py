"""Texts with references to the groups of a regular expression in them: ``$1``, ``${name}``. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_REFERENCE = r"\$(?:(\$)|\{([\pL\p{Nd}_]+)\}|([\pL\p{Nd}_]+))"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


def compile_template(template: str, regexp: Any) -> Callable[[Any], str]:
    """A text with ``$1``, ``${1}``, ``${name}`` and ``$$`` in it, as a function of a match.

    The longest name counts (``$1x`` is the group ``1x``); an unknown group is empty; a ``$`` that begins
    none of them stands for itself (Go: regexp.Expand).
    """
    if "$" not in template:
        return lambda _match: template
    import re2

    parts: list[str | int] = []
    end = 0
    for found in re2.finditer(_REFERENCE, template):
        parts.append(template[end : found.start()])
        parts.append("$" if found[1] else _group(found[2] or found[3], regexp))
        end = found.end()
    parts.append(template[end:])
    return lambda match: "".join(
        [part if isinstance(part, str) else match.group(part) or "" for part in parts]
    )


def _group(name: str, regexp: Any) -> str | int:
    """The group that a name means, or the empty text."""
    if _NUMBER.fullmatch(name):
        return int(name) if int(name) <= regexp.groups else ""
    found: int | None = regexp.groupindex.get(name)
    return "" if found is None else found
