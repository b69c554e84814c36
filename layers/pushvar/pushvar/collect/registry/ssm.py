"""The registry in Parameter Store: a tree of parameters below ``<location>/config``.

Reading a tree takes a call for ten parameters, out of a quota that the whole account shares. So while
the manifest is the same, it alone is read; the tree is read again now and then all the same.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pushvar.collect.registry._snapshots import snapshot, target_group
from pushvar.collect.registry.parameters import ParameterTree
from pushvar.config.branches import GROUPS
from pushvar.config.manifest import digest_in, digest_of
from pushvar.config.tree import read_tree
from pushvar.errors import ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.collect.registry.parameters import Stored
    from pushvar.collect.registry.protocol import Snapshot, TargetGroup
    from pushvar.config.problems import Path
    from pushvar.config.schema import Config
    from pushvar.errors import ConfigError

REFRESH_S = 300.0
"""How often the whole tree is read although its manifest is the same."""

_JITTER = 0.1


def registry(location: str) -> SsmRegistry:
    """The registry of one tree; ``location`` is its path (``/pushvar/prod``)."""
    return SsmRegistry(location)


class SsmRegistry:
    """A tree of parameters. One thread at a time may load it.

    ``monotonic`` gives seconds; ``chance``, from 0 to 1, spreads the reads of many processes.
    """

    def __init__(
        self,
        location: str,
        *,
        client: Any = None,
        monotonic: Callable[[], float] = time.monotonic,
        refresh_s: float = REFRESH_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._tree = ParameterTree(location, client)
        self._monotonic = monotonic
        self._refresh_s = refresh_s
        self._chance = chance
        self._digest = ""
        self._snapshot: Snapshot | None = None
        self._refused: tuple[ConfigError, ...] = ()
        self._look_again_s = float("-inf")

    def load(self) -> Snapshot:
        """The configuration and its targets as the tree has them now; see ``Registry.load``.

        A tree that does not match its manifest gives a snapshot with ``unsettled``, and is read again
        by the next call; so is one that could not be used.
        """
        if self._snapshot is not None and not self._snapshot.unsettled and self._is_settled():
            return self._snapshot
        self._take(self._tree.read_some())
        self._look_again_s = self._monotonic() + self._refresh_s * (1 + _JITTER * (2 * self._chance() - 1))
        if self._snapshot is None:
            raise ConfigErrors(self._refused)
        return self._snapshot

    def _is_settled(self) -> bool:
        """Whether the last tree read can stand for the present one, by its manifest and its age."""
        return self._monotonic() < self._look_again_s and digest_in(self._tree.manifest()) == self._digest

    def _take(self, stored: Stored) -> None:
        digest = digest_of(stored.items)
        unsettled = "" if stored.settled else digest
        if digest != self._digest:
            self._digest, self._snapshot, self._refused = digest, None, ()
            try:
                tree = read_tree(stored.items, self._tree.prefix)
                self._snapshot = snapshot(
                    tree.config, groups_of(tree.config, tree.source_of), unsettled=unsettled
                )
            except ConfigErrors as errors:
                self._refused = errors.problems
        elif self._snapshot is not None and self._snapshot.unsettled != unsettled:
            self._snapshot = replace(self._snapshot, unsettled=unsettled)


def groups_of(config: Config, source_of: Callable[[Path], str]) -> Iterator[TargetGroup]:
    """The target groups of a configuration without files of targets; ``source_of`` says where each stands."""
    for index, job in enumerate(config.scrape_configs):
        for position, group in enumerate(job.static_configs):
            yield target_group(job, source_of(("scrape_configs", index, GROUPS, position)), group)
