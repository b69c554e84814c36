"""The registry in Parameter Store: a tree of parameters below ``<location>/config``.

Reading a tree takes a call for ten parameters, out of a quota that the whole account shares. So while
the manifest is the same, it alone is read; the tree is read again now and then all the same.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pushvar.collect.discovery import Means
from pushvar.collect.registry._snapshots import Assembly, static_groups
from pushvar.collect.registry.parameters import ParameterTree
from pushvar.config.manifest import digest_in, digest_of
from pushvar.config.tree import read_tree
from pushvar.errors import ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.collect.registry.parameters import Stored
    from pushvar.collect.registry.protocol import Snapshot, TargetGroup
    from pushvar.config.problems import Path
    from pushvar.config.schema import Config
    from pushvar.config.tree import Tree
    from pushvar.errors import ConfigError

REFRESH_S = 300.0
"""How often the whole tree is read although its manifest is the same."""

_JITTER = 0.1


def registry(location: str, means: Means) -> SsmRegistry:
    """The registry of one tree; ``location`` is its path (``/pushvar/prod``)."""
    return SsmRegistry(location, means=means)


class SsmRegistry:
    """A tree of parameters. One thread at a time may load it.

    ``monotonic`` gives seconds; ``chance``, from 0 to 1, spreads the reads of many processes.
    """

    def __init__(
        self,
        location: str,
        *,
        client: Any = None,
        means: Means | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        refresh_s: float = REFRESH_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._tree = ParameterTree(location, client)
        self._monotonic = monotonic
        self._refresh_s = refresh_s
        self._chance = chance
        self._digest = ""
        self._read: Tree | None = None
        self._unsettled = ""
        self._assembly = Assembly(replace(means or Means(), monotonic=monotonic))
        self._refused: tuple[ConfigError, ...] = ()
        self._look_again_s = float("-inf")

    def load(self) -> Snapshot:
        """The configuration and its targets as the tree has them now; see ``Registry.load``.

        A tree that does not match its manifest gives a snapshot with ``unsettled``, and is read again
        by the next call; so is one that could not be used.
        """
        if self._read is None or self._unsettled or not self._is_settled():
            self._take(self._tree.read_some())
            spread = 1 + _JITTER * (2 * self._chance() - 1)
            self._look_again_s = self._monotonic() + self._refresh_s * spread
        if self._read is None:
            raise ConfigErrors(self._refused)
        return self._assembly.snapshot(self._read.config, self._read.source_of, self._unsettled)

    def _is_settled(self) -> bool:
        """Whether the last tree read can stand for the present one, by its manifest and its age."""
        return self._monotonic() < self._look_again_s and digest_in(self._tree.value()) == self._digest

    def _take(self, stored: Stored) -> None:
        digest = digest_of(stored.items)
        self._unsettled = "" if stored.settled else digest
        if digest != self._digest:
            self._digest, self._read, self._refused = digest, None, ()
            try:
                self._read = read_tree(stored.items, self._tree.prefix)
            except ConfigErrors as errors:
                self._refused = errors.problems


def groups_of(config: Config, source_of: Callable[[Path], str]) -> Iterator[TargetGroup]:
    """The target groups that stand in a configuration itself; ``source_of`` says where each stands."""
    for index, job in enumerate(config.scrape_configs):
        yield from static_groups(job, index, source_of)
