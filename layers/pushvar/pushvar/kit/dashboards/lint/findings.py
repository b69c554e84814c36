"""A finding, and how a dashboard is walked: panels in rows too, targets, variables, whatever their shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pushvar.kit.settings import KitSettings

if TYPE_CHECKING:
    from collections.abc import Iterator


class Finding(NamedTuple):
    """``place`` is where (``panel 4 "Heap" target A``), ``remedy`` what to do."""

    place: str
    rule: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read: windows by ``settings``, and whether it is one to be imported by hand.

    ``recorded`` are names that recording rules make, beside those that the kit knows.
    """

    settings: KitSettings = field(default_factory=KitSettings)
    importing: bool = False
    recorded: frozenset[str] = frozenset()


class Placed(NamedTuple):
    """A part of the JSON and where it stands."""

    place: str
    part: dict[str, Any]


def parts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing of what is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def all_panels(dashboard: dict[str, Any]) -> Iterator[Placed]:
    """Rows and panels, those of collapsed rows too."""
    for one in parts(dashboard.get("panels")):
        for part in (one, *parts(one.get("panels"))):
            yield Placed(f"panel {part.get('id', '?')} {part.get('title', '')!r}", part)


def panels(dashboard: dict[str, Any]) -> Iterator[Placed]:
    """Panels that show something: no rows, no texts."""
    for one in all_panels(dashboard):
        if one.part.get("type") not in ("row", "text", "dashlist", "alertlist", "news", "welcome"):
            yield one


def targets(dashboard: dict[str, Any]) -> Iterator[tuple[Placed, Placed]]:
    """Each target with its panel."""
    for panel in panels(dashboard):
        for target in parts(panel.part.get("targets")):
            yield panel, Placed(f"{panel.place} target {target.get('refId', '?')}", target)


def variables(dashboard: dict[str, Any]) -> list[Placed]:
    """The choices at the top, in their order."""
    templating = dashboard.get("templating")
    listed = parts(templating.get("list")) if isinstance(templating, dict) else []
    return [Placed(f"variable {one.get('name', '?')}", one) for one in listed]


def variable_query(variable: dict[str, Any]) -> str:
    """The query of a variable, which may stand in an object."""
    query = variable.get("query")
    return str(query.get("query", "")) if isinstance(query, dict) else str(query or "")


def expression(target: dict[str, Any]) -> str:
    """What a target asks; "" when that is no text."""
    expr = target.get("expr")
    return expr if isinstance(expr, str) else ""
