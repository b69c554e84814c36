"""Registry entries -> targets: final labels, one key for each identity, duplicates refused."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pushvar.errors import ConfigError
from pushvar.labels.sets import label_set
from pushvar.labels.tenancy import tenant_labels
from pushvar.model import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.collect.registry.protocol import TargetGroup
    from pushvar.config.schema import Config, ScrapeConfig

_KEY_CHARS = 20


def build_targets(
    config: Config, groups: Iterable[TargetGroup]
) -> tuple[tuple[Target, ...], tuple[ConfigError, ...]]:
    """All targets of a snapshot, and what had to be refused: the second of two with equal labels.

    Two targets with the same final labels would write the same series; the first one stays.
    """
    jobs = {scrape.job_name: scrape for scrape in config.scrape_configs}
    targets: dict[str, Target] = {}
    refused: list[ConfigError] = []
    for group in groups:
        for address in group.addresses:
            target = build_target(config, jobs[group.job], address, dict(group.labels))
            known = targets.setdefault(target.key, target)
            if known is not target:
                refused.append(_duplicate(group, address, known))
    return tuple(targets.values()), tuple(refused)


def build_target(config: Config, scrape: ScrapeConfig, address: str, registry: dict[str, str]) -> Target:
    """One target: ``job`` and ``instance`` unless the registry sets them, its labels, the tenant labels."""
    service = registry.get("job") or scrape.job_name
    labels = label_set(
        {
            "job": scrape.job_name,
            "instance": address,
            **registry,
            **tenant_labels(
                registry,
                service,
                default_customer_id=config.tenancy.default_customer_id,
                tiers=[name for name, _ in config.tenancy.tiers],
            ),
        }.items()
    )
    query = urlencode([(name, value) for name, values in scrape.params for value in values])
    url = f"{scrape.scheme}://{address}{scrape.metrics_path}" + (f"?{query}" if query else "")
    return Target(_key(labels), scrape.job_name, url, labels)


def _key(labels: Iterable[tuple[str, str]]) -> str:
    text = json.dumps([*labels])  # no separator of one's own: a value may hold any character
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_CHARS]


def _duplicate(group: TargetGroup, address: str, known: Target) -> ConfigError:
    return ConfigError(
        group.source,
        f"target {address} of job {group.job} has the same labels as {known.url}",
        hint="give one of them a label that tells them apart",
    )
