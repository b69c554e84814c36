"""The registry of a configuration that is at hand: nothing is read, and it never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.collect.registry._snapshots import snapshot, static_groups
from pushvar.config.problems import rendered

if TYPE_CHECKING:
    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.config.schema import Config


class GivenRegistry:
    """The static targets of ``config``, always the same."""

    def __init__(self, config: Config) -> None:
        self._snapshot = snapshot(
            config,
            (
                group
                for index, job in enumerate(config.scrape_configs)
                for group in static_groups(job, index, rendered)
            ),
        )

    def load(self) -> Snapshot:
        """The one snapshot there is."""
        return self._snapshot
