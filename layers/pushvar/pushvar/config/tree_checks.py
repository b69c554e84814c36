"""Checks of a configuration that stands in a tree of parameters: what only files can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config.keys import keys_of, unwrapped
from pushvar.config.problems import Finding
from pushvar.config.values import Block, SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.config.problems import Path
    from pushvar.config.schema import Config


def _no_files_of_targets(config: Config) -> Iterator[Finding]:
    for index, job in enumerate(config.scrape_configs):
        if job.file_sd_configs:
            hint = "targets of a Parameter Store tree stand in static_configs"
            yield Finding(("scrape_configs", index, "file_sd_configs"), "not for Parameter Store", hint)


def _no_relative_paths(config: Config) -> Iterator[Finding]:
    for path, text in _paths(config, ()):
        if text and not text.startswith("/"):
            hint = "write a path that begins with /, or a secret as ssm:/PATH"
            yield Finding(path, "in Parameter Store there is no folder that a path could begin at", hint)


def _paths(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Every path of a file below a value."""
    if isinstance(value, SecretRef) and value.scheme == "file":
        yield path, value.name
    elif isinstance(value, Block):
        yield from _paths_of_block(value, path)
    elif isinstance(value, tuple) and value and not isinstance(value[0], str):
        pairs = isinstance(value[0], tuple)  # a mapping: its keys are texts
        for step, below in value if pairs else enumerate(value):
            yield from _paths(below, (*path, step))


def _paths_of_block(block: Block, path: Path) -> Iterator[tuple[Path, str]]:
    for name, key in keys_of(type(block)).items():
        below = getattr(block, key.field)
        if unwrapped(key.type).grammar == "path" and not key.from_file:
            yield (*path, name), below
        elif not key.from_file:
            yield from _paths(below, (*path, name))


CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (_no_files_of_targets, _no_relative_paths)
