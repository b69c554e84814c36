"""What dashboards are made of, as values: a board has rows, a row panels, a panel queries.

They say what is seen, and nothing of Grafana's JSON: ``build`` knows that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.catalogue.thresholds import Threshold


@dataclass(frozen=True, slots=True)
class Query:
    """One expression. ``at_once`` asks for its value now, else for its course over the time range.

    ``column`` is its heading in a table.
    """

    expr: str
    legend: str = ""
    at_once: bool = False
    form: str = "time_series"
    column: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What a number means on a timeline or in a table: ``value`` is shown as ``text`` in a colour."""

    value: int
    text: str
    colour: str


@dataclass(frozen=True, slots=True)
class Column:
    """How a column of a table is shown; ``opens`` is the dashboard that its cells lead to."""

    name: str
    unit: str = ""
    threshold: Threshold | None = None
    states: tuple[State, ...] = ()
    opens: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. ``kind`` is Grafana's panel type, ``size`` columns (of 24) and lines.

    ``text`` is what to look for; what the catalogue says of the metrics is put behind it. ``unit`` is
    Grafana's word. ``opens`` is the dashboard that a series leads to, ``explore`` what Explore then asks.
    ``hidden`` are columns of a table that nobody wants, ``empty`` what stands for no answer.
    """

    kind: str
    title: str
    queries: tuple[Query, ...]
    unit: str
    text: str = ""
    threshold: Threshold | None = None
    size: tuple[int, int] = (8, 8)
    states: tuple[State, ...] = ()
    columns: tuple[Column, ...] = ()
    hidden: tuple[str, ...] = ()
    opens: str = ""
    explore: str = ""
    limits: tuple[float, float] | None = None
    empty: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top: the values that label ``label`` of ``metric`` has, among those chosen so far."""

    label: str
    metric: str
    title: str


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. ``name`` is its file's, ``deploys`` says whether deployments are marked in it."""

    name: str
    title: str
    text: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    since: str = "now-6h"
    deploys: bool = False

    @property
    def uid(self) -> str:
        """Grafana's name for it: links lead there, and a later version replaces it."""
        return uid_of(self.name)


def uid_of(name: str) -> str:
    """The uid of the dashboard of that name."""
    return f"pushvar-{name}"
