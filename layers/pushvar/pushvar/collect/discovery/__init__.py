"""How jobs find targets: one file for each kind, found by the key of the schema (``http_sd_configs``).

A kind is a module of this folder, named like its key without ``_configs``, with a function
``source(means: Means) -> Source``. ``protocol`` and names with a leading underscore are no kinds.
A kind is only imported for a configuration that uses it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from pushvar.collect.discovery.protocol import Means

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.collect.discovery.protocol import Source
    from pushvar.config.schema import Config, FileGroup, ScrapeConfig
    from pushvar.errors import ConfigError

__all__ = ["Discovery", "Means", "key_of", "kinds"]

_NOT_KINDS = frozenset(["protocol"])


@cache
def kinds() -> tuple[str, ...]:
    """The kinds of discovery that there are."""
    names = {module.name for module in iter_modules(__path__)} - _NOT_KINDS
    return tuple(sorted(name for name in names if not name.startswith("_")))


def key_of(kind: str) -> str:
    """The key of a scrape config under which the blocks of a kind stand."""
    return f"{kind}_configs"


class Discovery:
    """All that the jobs of a configuration discover. It does no I/O when it is made."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._sources: dict[str, Source] = {}

    def refresh(self, config: Config) -> bool:
        """Look where the time has come; says whether any group or problem changed."""
        used = [kind for kind in kinds() if any(getattr(job, key_of(kind)) for job in config.scrape_configs)]
        changed = [kind for kind in self._sources if kind not in used]
        for kind in changed:
            del self._sources[kind]
        for kind in used:
            if kind not in self._sources:
                self._sources[kind] = import_module(f"{__name__}.{kind}").source(self._means)
        refreshed = [source.refresh(config) for source in self._sources.values()]
        return bool(changed) or any(refreshed)

    def of(self, job: ScrapeConfig) -> Iterator[tuple[str, FileGroup]]:
        """The groups of a job as of the last refresh, each with the place that it came from."""
        for kind in kinds():
            if kind in self._sources:
                yield from self._sources[kind].of(job)

    def problems(self) -> tuple[ConfigError, ...]:
        """What is wrong with the sources as of the last refresh."""
        return tuple(problem for source in self._sources.values() for problem in source.problems())

    def unheard(self) -> tuple[str, ...]:
        """The places that have given nothing yet, as the groups of theirs would begin."""
        return tuple(place for source in self._sources.values() for place in source.unheard())
