"""A configuration looked at as ``run`` would take it, without using it: everything that is wrong, at once.

Rules, relabelling and targets are compiled. No secret is resolved, nothing is fetched or sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from pushvar.app.trial import scale_warnings
from pushvar.collect.discovery import Means
from pushvar.collect.registry._snapshots import Assembly
from pushvar.collect.targets import build_targets
from pushvar.config.checks import demand_backend
from pushvar.convert.mapping import rules_of
from pushvar.errors import ConfigError, ConfigErrors
from pushvar.labels.relabel import compile_relabelling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.config.problems import Path
    from pushvar.config.schema import Config


_ASKED = ("http_sd_configs", "dns_sd_configs")
"""Discovery that asks somebody over the network."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found. ``config`` is None when no configuration could be read at all.

    ``problems`` are those with which it may not be used, or loses targets; ``warnings`` may be meant.
    """

    config: Config | None
    version: str
    targets: int
    problems: tuple[ConfigError, ...]
    warnings: tuple[ConfigError, ...]


class Loaded(NamedTuple):
    """A configuration that was read: where each path of it stands, and whether it may be half of a change."""

    config: Config
    source_of: Callable[[Path], str]
    settled: bool = True


def validate(read: Callable[[], Loaded]) -> Validation:
    """Read a configuration and compile it. Services and name servers that know targets are not asked.

    Raises ConfigError when there is nothing to look at; ConfigErrors of ``read`` are what was found.
    """
    try:
        loaded = read()
    except ConfigErrors as errors:
        return Validation(None, "", 0, errors.problems, ())
    config = loaded.config
    snapshot = Assembly(Means()).snapshot(_at_hand(config), loaded.source_of)
    built = build_targets(snapshot.config, snapshot.groups)
    missing = [one for one in snapshot.problems if _is_missing(one)]
    found = [one for one in snapshot.problems if not _is_missing(one)]
    problems = (*found, *_not_compiled(config), *built.refused)
    warnings = (*missing, *_doubts(loaded, len(built.targets)))
    return Validation(config, config.version, len(built.targets), problems, warnings)


def _at_hand(config: Config) -> Config:
    """The configuration without what would have to be asked over the network."""
    jobs = (replace(job, **dict.fromkeys(_ASKED, ())) for job in config.scrape_configs)
    return replace(config, scrape_configs=tuple(jobs))


def _is_missing(problem: ConfigError) -> bool:
    """Whether it is a file of targets that is not there (yet): Prometheus starts without it too."""
    return bool(problem.place) and not FilePath(problem.place).exists()


def _not_compiled(config: Config) -> Iterator[ConfigError]:
    """What the reader takes and the compilers do not."""
    for index, job in enumerate(config.scrape_configs):
        here = f"scrape_configs[{index}]"
        yield from _tried(f"{here}.mappings", partial(rules_of, config, job))
        for key in ("relabel_configs", "metric_relabel_configs"):
            yield from _tried(f"{here}.{key}", partial(compile_relabelling, getattr(job, key)))
    for index, remote in enumerate(config.remote_write):
        where = f"remote_write[{index}].write_relabel_configs"
        yield from _tried(where, partial(compile_relabelling, remote.write_relabel_configs))


def _tried(path: str, compile_it: Callable[[], object]) -> Iterator[ConfigError]:
    try:
        compile_it()
    except ConfigErrors as errors:
        yield from errors.problems
    except ConfigError as error:
        yield error if error.path else ConfigError(path, error.problem, hint=error.hint)


def _doubts(loaded: Loaded, targets: int) -> Iterator[ConfigError]:
    """What can be used and is rarely meant."""
    config = loaded.config
    asked = any(getattr(job, key) for job in config.scrape_configs for key in _ASKED)
    try:
        demand_backend(config)
    except ConfigError as error:
        yield ConfigError(error.path, f"{error.problem}: pushvar run refuses this", hint=error.hint)
    if not (targets or asked or config.gateway.is_open):
        yield ConfigError("scrape_configs", "no target", hint="add static_configs, or check the files")
    if not loaded.settled:
        yield ConfigError(
            "manifest",
            "missing, or of another tree: a push is under way, was cut off, or somebody wrote past it",
            hint="push the whole configuration",
        )
    used = {name for job in config.scrape_configs for name in job.mappings}
    for name, _rules in config.mappings:
        if name not in used:
            yield ConfigError(f"mappings.{name}", "no job uses it", hint="add it to a job's mappings")
    for warning in scale_warnings(config.mappings):
        yield ConfigError("mappings", warning)
