"""What every registry does with a loaded configuration: its target groups, and one version of all."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from pushvar.collect.registry.protocol import Snapshot, TargetGroup
from pushvar.config.schema import VERSION_CHARS
from pushvar.config.web import with_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.config.schema import Config, FileGroup, ScrapeConfig, StaticConfig
    from pushvar.errors import ConfigError


def snapshot(
    config: Config, groups: Iterable[TargetGroup], problems: Sequence[ConfigError] = (), unsettled: str = ""
) -> Snapshot:
    """A snapshot with the version that its configuration and groups have together."""
    groups = tuple(groups)
    content = config.version.encode() + msgspec.json.encode(groups)
    version = hashlib.sha256(content).hexdigest()[:VERSION_CHARS]
    return Snapshot(config, groups, version, tuple(problems), unsettled)


def target_group(job: ScrapeConfig, source: str, group: StaticConfig | FileGroup) -> TargetGroup:
    """A group as a document has it, without labels of no value.

    Addresses get a port, but those of a job that may relabel them: it sees them as they are written.
    """
    labels = tuple(pair for pair in group.labels if pair[1])
    if job.relabel_configs:
        return TargetGroup(job.job_name, source, group.targets, labels)
    addresses = tuple(with_port(target, job.scheme) for target in group.targets)
    return TargetGroup(job.job_name, source, addresses, labels)
