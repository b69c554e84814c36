"""Batch jobs: missed, failing, too long, stuck, overlapping, forgotten (``kit/batch_*.py`` has them)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.kit.batch_rules import HEAD, RUNBOOKS, batch_rules
from pushvar.kit.rules.words import RuleSet

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

__all__ = ["RUNBOOKS", "rule_set"]


def rule_set(_: KitSettings, runbooks: str) -> RuleSet:
    """The set. Its windows follow from what each job declares, not from the settings."""
    return RuleSet("batch-jobs", HEAD, (batch_rules(runbooks),))
