"""The labels that a configuration puts on the series of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.convert.plan import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.schema import Config
    from pushvar.model import Target


def stamps_of(config: Config) -> Callable[[Target], Stamp]:
    """What gives the labels that a target of this configuration puts on every series."""
    honor = {job.job_name: job.honor_labels for job in config.scrape_configs}
    external = config.global_.external_labels
    return lambda target: Stamp(target, external, honor[target.job])
