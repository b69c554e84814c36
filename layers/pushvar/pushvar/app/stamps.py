"""The labels that a configuration puts on the series of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.convert.budgets import Budget
from pushvar.convert.plan import Stamp
from pushvar.labels.relabel import compile_relabelling

PUSHED = ""
"""The job of groups that were pushed: no scrape config has that name."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.schema import Config, Tenancy
    from pushvar.model import Target


def stamps_of(config: Config) -> Callable[[Target], Stamp]:
    """What gives the labels that a target of this configuration puts on every series."""
    external = config.global_.external_labels
    jobs = {
        job.job_name: (job.honor_labels, compile_relabelling(job.metric_relabel_configs))
        for job in config.scrape_configs
    }
    jobs[PUSHED] = (False, None)
    budget = _budget(config.tenancy)
    return lambda target: Stamp(target, external, *jobs[target.job], budget)


def _budget(tenancy: Tenancy) -> Budget | None:
    """What each target may have; None where nothing limits it. A customer's budget is not in it."""
    own = tenancy.budgets
    budget = Budget(own.target_series, own.label_values, frozenset(tenancy.denied_labels))
    return None if budget == Budget() else budget
