"""The registry of a configuration that is at hand: nothing is read, and it never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.collect.registry._snapshots import snapshot, target_group

if TYPE_CHECKING:
    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.config.schema import Config


class GivenRegistry:
    """The static targets of ``config``, always the same."""

    def __init__(self, config: Config) -> None:
        self._snapshot = snapshot(
            config,
            (
                target_group(job, f"scrape_configs[{index}].static_configs[{position}]", group)
                for index, job in enumerate(config.scrape_configs)
                for position, group in enumerate(job.static_configs)
            ),
        )

    def load(self) -> Snapshot:
        """The one snapshot there is."""
        return self._snapshot
