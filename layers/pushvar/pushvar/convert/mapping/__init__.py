"""Mapping rules: the built-in presets now; the rule language grows here."""

from __future__ import annotations

from pushvar.convert.mapping.automatic import Automatic, DropUnmatched, Goroutines
from pushvar.convert.mapping.memstats import MemStats
from pushvar.convert.mapping.rules import RuleSet


def built_in(unmatched: str) -> RuleSet:
    """The rule set without any rule of a user's: presets, then ``unmatched`` (``auto`` or ``drop``)."""
    last = Automatic() if unmatched == "auto" else DropUnmatched()
    return RuleSet(f"built-in/{unmatched}", (MemStats(), Goroutines(), last))
