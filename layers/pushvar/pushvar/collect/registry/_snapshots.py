"""What every registry does with a loaded configuration: its target groups, and one version of all."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from pushvar.collect.discovery import Discovery
from pushvar.collect.registry.protocol import Snapshot, TargetGroup
from pushvar.config.branches import GROUPS
from pushvar.config.schema import VERSION_CHARS
from pushvar.config.web import with_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pushvar.collect.discovery import Means
    from pushvar.config.problems import Path
    from pushvar.config.schema import Config, FileGroup, ScrapeConfig, StaticConfig
    from pushvar.errors import ConfigError


class Assembly:
    """The snapshots of one registry: its configuration, and what the jobs of it discover."""

    def __init__(self, means: Means) -> None:
        self._discovery = Discovery(means)
        self._snapshot: Snapshot | None = None

    def snapshot(self, config: Config, source_of: Callable[[Path], str], unsettled: str = "") -> Snapshot:
        """What is there now; the same object when nothing changed. ``source_of`` says where groups stand."""
        changed = self._discovery.refresh(config)
        known = self._snapshot
        if known is None or changed or known.config is not config:
            groups = [*self._groups(config, source_of)]
            problems, unheard = self._discovery.problems(), self._discovery.unheard()
            self._snapshot = snapshot(config, groups, problems, unsettled, unheard)
        elif known.unsettled != unsettled:
            self._snapshot = replace(known, unsettled=unsettled)
        assert self._snapshot is not None
        return self._snapshot

    def _groups(self, config: Config, source_of: Callable[[Path], str]) -> Iterator[TargetGroup]:
        for index, job in enumerate(config.scrape_configs):
            yield from static_groups(job, index, source_of)
            for place, group in self._discovery.of(job):
                yield target_group(job, place, group)


def snapshot(
    config: Config,
    groups: Iterable[TargetGroup],
    problems: Sequence[ConfigError] = (),
    unsettled: str = "",
    unheard: Sequence[str] = (),
) -> Snapshot:
    """A snapshot with the version that its configuration and groups have together."""
    groups = tuple(groups)
    content = config.version.encode() + msgspec.json.encode(groups)
    version = hashlib.sha256(content).hexdigest()[:VERSION_CHARS]
    return Snapshot(config, groups, version, tuple(problems), unsettled, tuple(unheard))


def with_remembered(now: Snapshot, good: Snapshot) -> Snapshot:
    """The snapshot with the groups that its unheard sources gave when ``good`` was taken.

    Nothing is carried over from other tenancy rules: what the old ones allowed says nothing.
    """
    if not now.unheard or now.config.tenancy != good.config.tenancy:
        return now
    jobs = {job.job_name for job in now.config.scrape_configs}
    kept = [one for one in good.groups if one.job in jobs and one.source.startswith(now.unheard)]
    if not kept:
        return now
    return snapshot(now.config, (*now.groups, *kept), now.problems, now.unsettled, now.unheard)


def static_groups(job: ScrapeConfig, index: int, source_of: Callable[[Path], str]) -> Iterator[TargetGroup]:
    """The groups that stand in the job itself."""
    for position, group in enumerate(job.static_configs):
        yield target_group(job, source_of(("scrape_configs", index, GROUPS, position)), group)


def target_group(job: ScrapeConfig, source: str, group: StaticConfig | FileGroup) -> TargetGroup:
    """A group as a document has it, without labels of no value.

    Addresses get a port, but those of a job that may relabel them: it sees them as they are written.
    """
    labels = tuple(pair for pair in group.labels if pair[1])
    if job.relabel_configs:
        return TargetGroup(job.job_name, source, group.targets, labels)
    addresses = tuple(with_port(target, job.scheme) for target in group.targets)
    return TargetGroup(job.job_name, source, addresses, labels)
