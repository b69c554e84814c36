"""Rule sets: recording and alerting rules for Prometheus, Mimir and Amazon Managed Prometheus.

A set is a file of ``sets``; it is found by its name, and loaded when it is wanted. ``words`` says what an
alert of a tier is, ``expressions`` has the pieces of PromQL that sets share.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from pushvar.kit.rules import sets

if TYPE_CHECKING:
    from pushvar.kit.rule_files import RuleGroup
    from pushvar.kit.rules.words import RuleSet
    from pushvar.kit.settings import KitSettings


@cache
def names() -> tuple[str, ...]:
    """The names of the sets, as commands and files have them."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(sets.__path__)))


def set_of(name: str, settings: KitSettings, runbooks: str = "") -> RuleSet:
    """The set of that name, one of ``names``, for these intervals and service levels.

    ``runbooks`` is the page that alerts link to, in place of the one in this repository.
    """
    module = import_module(f"{sets.__name__}.{name.replace('-', '_')}")
    made: RuleSet = module.rule_set(settings, runbooks or module.RUNBOOKS)
    return made


def groups_of(settings: KitSettings, runbooks: str = "") -> tuple[RuleGroup, ...]:
    """The groups of all sets."""
    return tuple(group for name in names() for group in set_of(name, settings, runbooks).groups)
