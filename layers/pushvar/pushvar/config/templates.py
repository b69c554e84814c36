"""Texts with the labels of a target in them: ``{customer_id}``, ``{env|prod}``, ``{team:lower}``.

They stand in the headers and the URL of a ``remote_write``, where they say whose request it is, and in
``tenancy.labels``. A label may have a default for targets without it, and ``lower`` or ``upper`` behind a
colon. A brace that begins no reference is an error and never a text: a mistyped label must not become
the tenant of all series.
``{{`` and ``}}`` are the braces themselves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pushvar.config.grammar import quoted, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOKEN = re.compile(
    r"(?P<escaped>\{\{|\}\})"
    r"|\{(?P<label>[a-zA-Z_][a-zA-Z0-9_]*)(?:\|(?P<default>[^{}|:]+))?(?::(?P<form>lower|upper))?\}"
    r"|(?P<inside>\{[^{}]*\})"
    r"|(?P<brace>[{}])"
    r"|(?P<text>[^{}]+)"
)
_LIKELY = re.compile(r"\{[a-z_][a-z0-9_]*([.|:][^{}]*)?\}")
_DOTTED = "labels."
_FORMS: dict[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "": str}


class Reference(NamedTuple):
    """A label of the target; ``default`` where it has none; ``form`` is ``lower``, ``upper`` or empty."""

    label: str
    default: str = ""
    form: str = ""

    def value(self, labels: Mapping[str, str]) -> str:
        """What it stands for in a target with these labels; empty for one that lacks the label."""
        return _FORMS[self.form](labels.get(self.label) or self.default)


def template_parts(template: str) -> tuple[str | Reference, ...]:
    """A template as texts and references. Raises ConfigError, without path, for what is none.

    The error shows nothing of the texts around a reference: people keep keys in headers.
    """
    parts: list[str | Reference] = []
    for found in _TOKEN.finditer(template):
        if found["text"] or found["escaped"]:
            parts.append(found["text"] or found["escaped"][0])
        elif found["label"]:
            parts.append(_reference(found["label"], found["default"] or "", found["form"] or ""))
        else:
            raise _no_reference(found["inside"] or "")
    return tuple(parts)


def names_a_label(text: str) -> bool:
    """Whether a text that may not be a template looks as if it were meant as one."""
    return _LIKELY.search(text) is not None


def _reference(label: str, default: str, form: str) -> Reference:
    if label.startswith("__"):
        raise refused(f"{quoted(label)} is no label of a target", "__* labels are gone when series are sent")
    return Reference(label, default, form)


def _no_reference(inside: str) -> Exception:
    if inside.startswith("{" + _DOTTED):
        return refused("labels stand in a template by their names", "write {NAME} without labels.")
    hint = "write {customer_id}, {env|prod} or {team:lower}; {{ is a brace"
    return refused("a brace begins no label of the target", hint)
