"""Where a target's samples go: URL and headers, with the target's labels in them. Pure.

A label that says whose request it is must not be able to say anything else. So a value that a header
cannot carry as it is, or that would be more than one segment of a path, makes a target unroutable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from pushvar.config.templates import Reference, template_parts
from pushvar.errors import EncodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pushvar.model import Labels

_HEADER_TEXT = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""Blanks at an end are lost on the way: two tenants would become one."""

_SEGMENT_ENDS = frozenset("/\\")
"""Not even as ``%2F``: servers written in Go look at the decoded path (net/url, URL.Path)."""

_DOTS = frozenset({".", ".."})
_MAX_CHARS = 150
"""Of one value: what Mimir and Cortex take as a tenant, and what a lane of the spool can be called."""


@dataclass(frozen=True, slots=True)
class Route:
    """One request's destination. ``key`` names its lane in the state; "" where nothing depends on the target.

    ``headers`` are all that the configuration gives, without credentials, which are added at use.
    """

    key: str
    headers: Labels
    url: str


class Destination:
    """A URL and headers as they stand in a configuration, checked: ``{customer_id}`` and its kind in them."""

    def __init__(self, url: str, headers: Iterable[tuple[str, str]]) -> None:
        self._url = template_parts(url)
        self._headers = tuple((name, template_parts(value)) for name, value in headers)
        texts = [self._url, *(parts for _, parts in self._headers)]
        found = [part for parts in texts for part in parts if isinstance(part, Reference)]
        self._references = tuple(dict.fromkeys(found))

    @property
    def only(self) -> Route | None:
        """The one route, where nothing depends on the target."""
        return None if self._references else self._filled({})

    def route(self, labels: Mapping[str, str]) -> Route:
        """The route of a target with these labels; raises EncodeError where they cannot say it."""
        return self._filled({reference: _value(reference, labels) for reference in self._references})

    def at(self, key: str) -> Route | None:
        """The route that had this key, or None when the configuration has no such route any more."""
        parts = key.split("/") if key else []
        if len(parts) != len(self._references):
            return None
        values = {}
        for reference, part in zip(self._references, parts, strict=True):
            token, equals, value = part.partition("=")
            if token != _token(reference) or not equals or not value:
                return None
            values[reference] = unquote(value)
        try:
            return self._filled(values)
        except EncodeError:
            return None

    def _filled(self, values: Mapping[Reference, str]) -> Route:
        key = "/".join(
            [f"{_token(one)}={quote(value, safe='', errors='replace')}" for one, value in values.items()]
        )
        headers = tuple((name, _header(name, parts, values)) for name, parts in self._headers)
        return Route(key, headers, _address(self._url, values))


def _token(reference: Reference) -> str:
    """What a key calls a reference: another label or form is another key."""
    return f"{reference.label}:{reference.form}" if reference.form else reference.label


def _value(reference: Reference, labels: Mapping[str, str]) -> str:
    value = reference.value(labels)
    if not value:
        raise EncodeError(f"no label {reference.label}, which its headers or url need")
    if len(value) > _MAX_CHARS:
        raise EncodeError(f"the label {reference.label} is longer than {_MAX_CHARS} characters")
    return value


def _header(name: str, parts: Iterable[str | Reference], values: Mapping[Reference, str]) -> str:
    rendered = []
    for part in parts:
        if isinstance(part, Reference) and not _HEADER_TEXT.fullmatch(values[part]):
            raise EncodeError(f"the label {part.label} holds what the header {name} cannot carry")
        rendered.append(values[part] if isinstance(part, Reference) else part)
    return "".join(rendered)


def _address(parts: Iterable[str | Reference], values: Mapping[Reference, str]) -> str:
    url = ""
    templated: Reference | None = None
    for part in parts:
        if isinstance(part, Reference):
            templated = part
            url += _component(part, values[part], in_path="?" not in url)
        else:
            url += part
    path = url.partition("?")[0].partition("://")[2]
    if templated is not None and _DOTS.intersection(path.split("/")):
        raise EncodeError(f"the label {templated.label} would change the path of the url")
    return url


def _component(reference: Reference, value: str, *, in_path: bool) -> str:
    if in_path and _SEGMENT_ENDS.intersection(value):
        raise EncodeError(
            f"the label {reference.label} holds a slash, which ends a segment of the url's path"
        )
    return quote(value, safe=":" if in_path else "", errors="replace")
