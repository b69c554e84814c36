"""The tenant labels: how they are derived, and which names a payload may never set.

``customer_id``, ``service_domain`` and ``sla_tier`` stand on every series, never empty. The registry
says them; what it leaves out is read off the service's name or takes a default.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

GUARDED = frozenset(
    {"customer_id", "service_domain", "sla_tier", "tenant_id", "cluster_id", "job", "instance"}
)
"""Names that only the registry may set; in a payload they become ``exported_*``."""

PUSH_GUARDED = GUARDED - {"instance"}
"""Those in what a batch job pushes: it may name instances, as nobody fetched it from one."""

UNKNOWN_DOMAIN = "unknown"
LOWEST_TIER = "bronze"

_LEADING_LETTERS = re.compile(r"([a-z]+)-")


def service_domain(service: str) -> str:
    """``pay-gateway-v2`` -> ``pay``; ``user2-api`` -> ``user2``; ``auth`` -> ``auth``; "" -> ``unknown``."""
    match = _LEADING_LETTERS.match(service)
    if match:
        return match[1]
    return service.partition("-")[0].lower() or UNKNOWN_DOMAIN


def sla_tier(service: str, tiers: Collection[str]) -> str:
    """The tier that stands as a whole token in the name (``pay-gold``, not ``pay-goldmine``)."""
    return next((token for token in service.split("-") if token in tiers), LOWEST_TIER)


def restore(before: Mapping[str, str], after: dict[str, str]) -> bool:
    """Give the guarded labels of a relabelled series the values they had; says whether steps changed one."""
    changed = [name for name in GUARDED if before.get(name) != after.get(name)]
    for name in changed:
        after.pop(name, None)
        if name in before:
            after[name] = before[name]
    return bool(changed)


def tenant_labels(
    registry: Mapping[str, str], service: str, *, default_customer_id: str, tiers: Collection[str]
) -> dict[str, str]:
    """The three tenant labels of a target, whatever its registry entry says or leaves out."""
    return {
        "customer_id": registry.get("customer_id") or default_customer_id,
        "service_domain": registry.get("service_domain") or service_domain(service),
        "sla_tier": registry.get("sla_tier") or sla_tier(service, tiers),
    }
