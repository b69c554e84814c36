"""The tenant labels of a target: who says each, and in which order. Pure.

    built-in defaults < the name of the service < tenancy.rules < the target's own labels < tenancy.labels

``customer_id``, ``service_domain`` and ``sla_tier`` are never empty and no template makes them; a template
whose labels a target lacks leaves the label as it was.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pushvar.config.templates import Reference, template_parts
from pushvar.config.tenant_checks import unfit
from pushvar.errors import ConfigError
from pushvar.labels.matching import all_match, label_matcher
from pushvar.labels.tenancy import tenant_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pushvar.config.schema import Tenancy


class Derivation:
    """A ``tenancy`` block, compiled."""

    __slots__ = ("_customer", "_rules", "_strict", "_templates", "_tiers")

    def __init__(self, tenancy: Tenancy) -> None:
        self._customer = tenancy.default_customer_id
        self._strict = tenancy.strict
        self._tiers = [name for name, _ in tenancy.tiers]
        self._rules = tuple((label_matcher(rule.match), dict(rule.labels)) for rule in tenancy.rules)
        self._templates = tuple((name, template_parts(text)) for name, text in tenancy.labels)

    def labels(self, own: Mapping[str, str], service: str) -> dict[str, str]:
        """All labels of a target that says ``own`` by itself, ``job`` and ``instance`` among them.

        ``service`` is the name that domain and tier are read off. Raises ConfigError, its path the label,
        for a value that is not what its label may be: none is ever changed to fit.
        """
        said = {**self._ruled(own), **{name: value for name, value in own.items() if value}}
        if self._strict and "customer_id" not in said:
            raise ConfigError("customer_id", "missing, and tenancy is strict")
        tenant = tenant_labels(said, service, default_customer_id=self._customer, tiers=self._tiers)
        made = {**said, **tenant}
        made.update(self._templated(made))
        for error in unfit(made, self._tiers):
            raise error
        return made

    def _ruled(self, own: Mapping[str, str]) -> dict[str, str]:
        """What the rules say: of two that give one label, the first."""
        found: dict[str, str] = {}
        for match, labels in self._rules:
            if all_match(match, own):
                found = {**labels, **found}
        return found

    def _templated(self, labels: Mapping[str, str]) -> dict[str, str]:
        """What the templates make; each sees the labels as they were before all of them."""
        made = {name: _filled(parts, labels) for name, parts in self._templates}
        return {name: value for name, value in made.items() if value}


@lru_cache(maxsize=8)
def derivation(tenancy: Tenancy) -> Derivation:
    """The block compiled, the same for equal ones."""
    return Derivation(tenancy)


def _filled(parts: Iterable[str | Reference], labels: Mapping[str, str]) -> str:
    """The text of a template; empty where the target lacks one of its labels."""
    texts = [part.value(labels) if isinstance(part, Reference) else part for part in parts]
    return "".join(texts) if all(texts) else ""
