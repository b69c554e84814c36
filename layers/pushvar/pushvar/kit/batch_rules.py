"""The rule file for batch jobs: ``monitoring/rules/batch-jobs.yml``."""

from __future__ import annotations

from pushvar.kit.batch_alerts import batch_alerts
from pushvar.kit.batch_series import recordings
from pushvar.kit.rule_files import RuleGroup, rule_file

RUNBOOKS = "docs/batch-alerts.md"
"""Where the runbooks stand in the repository."""

HEAD = (
    "Made by `pushvar kit rules`: change pushvar/kit/batch_*.py, not this file.",
    "",
    "Alerts for batch jobs that push batch_job_* metrics: through pushvar's gateway, to a Pushgateway or",
    "straight to the backend. Thresholds come from the jobs' own batch_job_interval_seconds and",
    "batch_job_timeout_seconds. docs/batch-alerts.md explains each alert.",
)


def batch_rules(runbooks: str = RUNBOOKS) -> RuleGroup:
    """One group: alerts see what was recorded in the same evaluation."""
    return RuleGroup("pushvar-batch-jobs", "1m", (*recordings(), *batch_alerts(runbooks)))


def batch_rule_file(runbooks: str = RUNBOOKS) -> str:
    """The file's text."""
    return rule_file(HEAD, (batch_rules(runbooks),))
