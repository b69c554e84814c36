"""Rules on the choices at the top."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pushvar.kit.dashboards.lint.findings import Finding, parts, variable_query, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.dashboards.lint.findings import Reading

_ON_TIME_RANGE = 2
_USED = re.compile(r"\$\{(\w+)(?:[:.][^}]*)?\}|\$(\w+)|\[\[(\w+)(?::\w+)?\]\]")
_VALUES = re.compile(r"label_values\(\s*(?:([\w:]+)\s*(?:\{([^{}]*)\})?\s*,)?\s*\w+\s*\)")


def datasource_variable(dashboard: dict[str, Any], reading: Reading) -> Iterator[Finding]:
    """One choice of a data source, that every Grafana can fill in."""
    found = [one for one in variables(dashboard) if one.part.get("type") == "datasource"]
    if reading.importing or (not found and not _asks_choice(dashboard)):
        return
    if len(found) != 1:
        yield Finding(
            "dashboard", "datasource-variable", f"has {len(found)} data source variables", "have one"
        )
    for one in found:
        named = (one.part.get("name"), one.part.get("label"))
        if named != ("datasource", "Data source"):
            yield Finding(one.place, "datasource-variable", f"is called {named[0]!r}, shown as {named[1]!r}",
                          "call it datasource, shown as Data source")  # fmt: skip


def fresh_values(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """Values that were read once are those of the first day."""
    for one in variables(dashboard):
        if one.part.get("type") == "query" and one.part.get("refresh") != _ON_TIME_RANGE:
            yield Finding(one.place, "variable-refresh", "is not asked again when the time range changes",
                          f'write "refresh": {_ON_TIME_RANGE}')  # fmt: skip


def cascade(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """A choice that ignores the ones before it offers what they rule out."""
    before: dict[str, list[str]] = {}
    for one in variables(dashboard):
        if one.part.get("type") != "query":
            continue
        query = variable_query(one.part)
        found = _VALUES.fullmatch(query.strip())
        if found is None or found[1] is None:
            yield Finding(
                one.place, "variable-query", f"asks {query!r}", "write label_values(METRIC{...}, LABEL)"
            )
            continue
        earlier = before.setdefault(found[1], [])
        missing = [name for name in earlier if f"${name}" not in (found[2] or "")]
        if missing:
            yield Finding(one.place, "variable-cascade", f"is not narrowed by {', '.join(missing)}",
                          f'select by {missing[0]}=~"${missing[0]}" too')  # fmt: skip
        earlier.append(str(one.part.get("name")))


def known_variables(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """A variable that is not there is asked for as it is written."""
    there = {str(one.part.get("name")) for one in variables(dashboard)}
    there |= {str(one.get("name")) for one in parts(dashboard.get("__inputs"))}
    for name in sorted(_used(dashboard) - there):
        if not name.startswith("__") and not name.isdigit():
            yield Finding(
                "dashboard", "variable-known", f"${name} is used and no variable", "add it, or take it out"
            )


def used_variables(dashboard: dict[str, Any], _: Reading) -> Iterator[Finding]:
    """A choice that changes nothing misleads who makes it."""
    asked = _used({"panels": dashboard.get("panels")}, ("expr", "uid"))
    for one in variables(dashboard):
        if str(one.part.get("name")) not in asked:
            yield Finding(
                one.place, "variable-used", "no panel selects by it", "select by it, or take it out"
            )


def _used(value: Any, keys: tuple[str, ...] = ()) -> set[str]:
    """The variables that texts use, of these keys or all."""
    texts = _texts(value, keys) if keys else [json.dumps(value)]
    return {next(filter(None, found)) for text in texts for found in _USED.findall(text)}


def _texts(value: Any, keys: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (str(text) for key, text in value.items() if key in keys)
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _texts(one, keys)


def _asks_choice(dashboard: dict[str, Any]) -> bool:
    return "datasource" in _used(dashboard)


RULES = (datasource_variable, fresh_values, cascade, known_variables, used_variables)
