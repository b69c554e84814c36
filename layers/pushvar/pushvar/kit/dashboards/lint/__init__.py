"""Faults of a dashboard, of ours or anybody's: what is wrong where, by which rule, and how to mend it.

Rules are functions in the files here, listed in ``RULES``. The ideas of half of them are those of Grafana's
dashboard-linter; the others are what went wrong in dashboards that are passed around.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.kit.dashboards.lint import documents, expressions, panels, variables
from pushvar.kit.dashboards.lint.findings import Finding, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["RULES", "Finding", "Reading", "lint"]

RULES: tuple[Callable[[dict[str, Any], Reading], Iterator[Finding]], ...] = (
    *documents.RULES,
    *variables.RULES,
    *panels.RULES,
    *expressions.RULES,
)
"""In the order in which their findings are shown."""


def lint(dashboard: dict[str, Any], reading: Reading) -> list[Finding]:
    """All findings of a dashboard; nothing in it, however odd, makes this raise."""
    return [finding for rule in RULES for finding in rule(dashboard, reading)]
