"""Mapping rules: what a person wrote, the presets, and the naming by convention, as one ordered list."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from pushvar.config.programs import ready_rules
from pushvar.convert.mapping.automatic import Automatic, DropUnmatched, Goroutines
from pushvar.convert.mapping.explicit import Drop, Mapped
from pushvar.convert.mapping.memstats import MemStats
from pushvar.convert.mapping.rules import Rule, RuleSet
from pushvar.convert.mapping.sql import SqlDbStats
from pushvar.convert.mapping.view import RuleView
from pushvar.convert.mapping.written import written_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.config.mappings import Rules
    from pushvar.config.schema import Config, ScrapeConfig

COMPILED = 256
"""Rule sets that are kept compiled: every shard of a configuration has the same ones."""


def built_in(unmatched: str) -> RuleSet:
    """The rule set without any rule of a user's: presets, then ``unmatched`` (``auto`` or ``drop``)."""
    return RuleSet(f"built-in/{unmatched}", _last(unmatched))


def rule_set(sets: Sequence[tuple[str, Rules]], unmatched: str) -> RuleSet:
    """The rules of these named sets in their order, then the built-in ones."""
    if not any(rules for _name, rules in sets):
        return built_in(unmatched)
    written = [rule for name, rules in sets for rule in written_rules(name, rules)]
    mapped = [rule for rule in written if isinstance(rule, Mapped)]
    view = RuleView(
        [rule.pattern for rule in written if isinstance(rule, Mapped | Drop)],
        [steps for rule in mapped for steps in rule.looking],
        [steps for rule in mapped for steps in rule.labelling],
    )
    digest = hashlib.sha256(msgspec.json.encode(sets)).hexdigest()
    names = tuple(dict.fromkeys(rule.name for rule in written))
    return RuleSet(f"{digest}/{unmatched}", (*written, *_last(unmatched)), view, names)


def rules_of(config: Config, job: ScrapeConfig) -> RuleSet:
    """The rule set of a scrape config: the mappings it names, a configuration's own before ready ones.

    Raises ConfigErrors when a ready set is wrong.
    """
    own = dict(config.mappings)
    sets = tuple((name, own[name] if name in own else ready_rules(name)) for name in job.mappings)
    return _compiled(sets, job.unmatched)


_compiled = lru_cache(COMPILED)(rule_set)


def _last(unmatched: str) -> tuple[Rule, ...]:
    if unmatched == "auto":
        return (MemStats(), Goroutines(), SqlDbStats(), Automatic())
    return (MemStats(), Goroutines(), DropUnmatched())
