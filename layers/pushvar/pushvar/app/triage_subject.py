"""Which target is meant: a URL, an address, an instance or a job, looked for in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pushvar.app.preview import target_of
from pushvar.collect.targets import build_targets
from pushvar.errors import ConfigError
from pushvar.kit.triage.facts import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.collect.targets import Built
    from pushvar.config.schema import ScrapeConfig
    from pushvar.model import Target

_LISTED = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked about; without a ``target`` there is nothing that could be fetched."""

    asked: Asked
    target: Target | None


def subject_of(snapshot: Snapshot, named: str, job: str | None, *, alone: bool) -> Subject:
    """The one target that is meant. Raises ConfigError for none, and for several."""
    if alone:
        if "://" not in named:
            raise ConfigError("TARGET", f"{named} is no URL, and no configuration is named",
                              hint="write http://host:port/path, or add --config FILE")  # fmt: skip
        target = target_of(snapshot, job, named)
        return Subject(_asked(snapshot, target, registered=False, alone=True), target)
    built = build_targets(snapshot.config, snapshot.groups)
    found = [one for one in built.targets if _is_meant(one, named) and job in (None, one.job)]
    if len(found) > 1:
        listed = "".join(f"\n  {one.job}  {one.url}" for one in found[:_LISTED])
        raise ConfigError("TARGET", f"{named} means {len(found)} targets:{listed}",
                          hint="name one of them by its URL, or its address and --job")  # fmt: skip
    if found:
        return Subject(_asked(snapshot, found[0], registered=True), found[0])
    problem = _left_out(built, named)
    if "://" not in named and not problem and ":" not in named:
        raise ConfigError("TARGET", f"{named} is no target, instance or job of this configuration",
                          hint="pushvar targets list shows them all")  # fmt: skip
    if problem:
        return Subject(Asked(named, job or "", problem=problem), None)
    target = target_of(snapshot, job, named if "://" in named else f"http://{named}")
    return Subject(_asked(snapshot, target, registered=False), target)


def _is_meant(target: Target, named: str) -> bool:
    labels = dict(target.labels)
    return named in (
        target.url,
        urlsplit(target.url).netloc,
        labels.get("instance"),
        target.job,
        labels.get("job"),
    )


def _left_out(built: Built, named: str) -> str:
    """Why the registry leaves out a target that it names."""
    address = urlsplit(named).netloc if "://" in named else named
    for one in built.dropped:
        if one.address == address:
            return f"relabel_configs of the job {one.job} drop {address}, which {one.source} names"
    return next((str(one) for one in built.refused if f"target {address} " in str(one)), "")


def _asked(snapshot: Snapshot, target: Target, *, registered: bool, alone: bool = False) -> Asked:
    job = job_named(snapshot.config.scrape_configs, target.job)
    return Asked(
        target.url,
        "" if alone else target.job,
        job.scrape_timeout.s,
        job.scrape_interval.s,
        _credentials(job),
        alone,
        registered,
        format=job.format,
    )


def job_named(jobs: Sequence[ScrapeConfig], name: str) -> ScrapeConfig:
    """The job of a target."""
    return next(one for one in jobs if one.job_name == name)


def _credentials(job: ScrapeConfig) -> str:
    kinds = {"basic_auth": job.basic_auth, "authorization": job.authorization, "oauth2": job.oauth2}
    return next((name for name, block in kinds.items() if block is not None), "")
