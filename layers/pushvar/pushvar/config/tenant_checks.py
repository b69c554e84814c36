"""The grammars of what ``tenancy`` says of labels, and what is wrong across its values.

Sources: Mimir's documentation, "About authentication and authorization" (tenant IDs: at most 150 bytes of
these characters, and two names of its own), which Cortex and Loki share.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pushvar.config import grammar
from pushvar.config.grammar import quoted, refused
from pushvar.config.problems import Finding
from pushvar.config.templates import template_parts
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pushvar.config.problems import Path
    from pushvar.config.schema import Tenancy

IDENTITY = frozenset({"job", "instance"})
TENANT_LABELS = ("customer_id", "service_domain", "sla_tier")
"""The labels that every series has, whatever its source."""

_TENANT_ID = re.compile(r"[0-9a-zA-Z!_.*'()-]{1,150}", re.ASCII)
_NO_TENANT_ID = frozenset({".", "..", "__mimir_cluster"})


def derived_label_name(value: str) -> str:
    """The name of a label that a rule may say: not one of those that tell targets apart."""
    if value in IDENTITY:
        raise refused(f"{value} tells targets apart; no rule says it", "use relabel_configs")
    return grammar.external_label_name(value)


def templated_label_name(value: str) -> str:
    """The name of a label that a template may make: not one of those that every series has."""
    if value in IDENTITY or value in TENANT_LABELS:
        raise refused(f"no template makes {value}", "say it in the target's labels, or in tenancy.rules")
    return grammar.external_label_name(value)


def label_template(value: str) -> str:
    """A label's value with other labels of the target in it."""
    if not value.strip():
        raise refused("is empty", 'write "{customer_id}" or another template')
    template_parts(value)
    return value


def tenant_id(value: str) -> str:
    """A tenant as backends with a header for it take one."""
    if not _TENANT_ID.fullmatch(value) or value in _NO_TENANT_ID:
        hint = "letters, digits and !-_.*'(), at most 150; not . or .. or __mimir_cluster"
        raise refused(f"{quoted(value)} is not a tenant_id", hint)
    return value


def unfit(labels: Mapping[str, str], tiers: Iterable[str]) -> Iterator[ConfigError]:
    """What is wrong with the tenant labels among these: one error for each, its path the label."""
    for name, form in _FORMS.items():
        if name in labels:
            try:
                form(labels[name])
            except ConfigError as error:
                yield ConfigError(name, error.problem, hint=error.hint)
    known = list(tiers)
    if "sla_tier" in labels and labels["sla_tier"] not in known:
        hint = f"the tiers are {', '.join(known)}"
        yield ConfigError("sla_tier", f"{quoted(labels['sla_tier'])} is not a tier", hint=hint)


def tenancy_findings(tenancy: Tenancy) -> Iterator[Finding]:
    """Everything wrong across the values of the block."""
    path: Path = ("tenancy", "rules")
    for index, rule in enumerate(tenancy.rules):
        if not rule.labels:
            yield Finding((*path, index, "labels"), "required", "say which labels the rule gives")
        yield from tier_findings(rule.labels, (*path, index, "labels"), tenancy)


def tier_findings(labels: Iterable[tuple[str, str]], path: Path, tenancy: Tenancy) -> Iterator[Finding]:
    """What is wrong with the tenant labels among those that stand at ``path``."""
    for error in unfit(dict(labels), [name for name, _ in tenancy.tiers]):
        depends = (("tenancy", "tiers"),) if error.path == "sla_tier" else ()
        yield Finding((*path, error.path), error.problem, error.hint, depends)


_FORMS: dict[str, Callable[[str], str]] = {"customer_id": grammar.customer_id, "tenant_id": tenant_id}

GRAMMARS: dict[str, Callable[[str], str]] = {
    function.__name__: function for function in (derived_label_name, templated_label_name, label_template)
}
"""Name in the schema -> function."""
