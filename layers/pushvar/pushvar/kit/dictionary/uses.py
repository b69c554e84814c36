"""All expressions of the kit: what its alerts and panels look at, and how recorded series are made."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pushvar.kit import dashboards
from pushvar.kit.dictionary.usage import Used
from pushvar.kit.rule_files import Alert
from pushvar.kit.rules import groups_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.settings import KitSettings


def all_uses(settings: KitSettings) -> tuple[tuple[Used, ...], dict[str, str]]:
    """The users in the order of sets and dashboards, and the expression of each recorded series."""
    recorded: defaultdict[str, str] = defaultdict(str)
    used: list[Used] = []
    for group in groups_of(settings):
        for rule in group.rules:
            if isinstance(rule, Alert):
                used.append(Used("alert", rule.alert, rule.expr))
            else:
                recorded[rule.record] += f"{rule.expr}\n"
    return (*used, *_panels(settings)), dict(recorded)


def _panels(settings: KitSettings) -> Iterator[Used]:
    for name in dashboards.names():
        board = dashboards.board_of(name, settings)
        for row in board.rows:
            for panel in row.panels:
                for query in panel.queries:
                    yield Used("panel", f"{board.title}: {panel.title}", query.expr)
