"""What is wrong with a plan although it is made: in words for its log, each with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.collect.groups import MOST_GROUPS_PER_SHARD
from pushvar.collect.schedule import ROUND_MS
from pushvar.collect.shards import MOST_TARGETS_PER_SHARD
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pushvar.config.schema import Config
    from pushvar.model import Target


def untimely(scheduled_time: object) -> ConfigError:
    """The event's time is not believed."""
    return ConfigError(
        "event.scheduled_time",
        f"{scheduled_time!r:.80} is no time near now; the clock names this cycle",
        hint='the schedule\'s input is {"scheduled_time": "<aws.scheduler.scheduled-time>"}',
    )


def crowded(shards: Sequence[Sequence[Target]]) -> Iterator[ConfigError]:
    """A shard has more targets than one function can fetch."""
    most = max(map(len, shards))
    if most > MOST_TARGETS_PER_SHARD:
        yield ConfigError(
            "PUSHVAR_SHARDS",
            f"{len(shards)} shards leave {most} targets in one, {MOST_TARGETS_PER_SHARD} are the most",
            hint="use more shards, or 0 to let the number of targets decide",
        )


def heaped(groups: Sequence[Mapping[str, str] | None]) -> Iterator[ConfigError]:
    """A shard has more pushed groups than its message can name."""
    most = max(len(one or ()) for one in groups)
    if most > MOST_GROUPS_PER_SHARD:
        yield ConfigError(
            "PUSHVAR_SHARDS",
            f"{len(groups)} shards leave {most} pushed groups in one, {MOST_GROUPS_PER_SHARD} are the most:"
            " they are not sent on",
            hint="use more shards, or 0 to let the numbers of targets and groups decide",
        )


def too_fast(config: Config) -> Iterator[ConfigError]:
    """A job wants to be scraped oftener than rounds are made."""
    for index, job in enumerate(config.scrape_configs):
        if job.scrape_interval.ms < ROUND_MS:
            yield ConfigError(
                f"scrape_configs[{index}].scrape_interval",
                f"{job.scrape_interval} is shorter than the {ROUND_MS // 1000} s of a round: {job.job_name}"
                f" is scraped every {ROUND_MS // 1000} s",
                hint=f"write {ROUND_MS // 1000}s or more, or run pushvar run beside the targets",
            )
