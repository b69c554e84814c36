"""What plan and forward say of their work: which lines, at which level, and which metrics.

One line for each cycle, and only a share of those that went well (``PUSHVAR_LOG_SAMPLE``); what needs
somebody's eye is always there. A line for each target is made at the level DEBUG only.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushvar.app.log_lines import is_kept, write_line
from pushvar.app.summary import (
    cycle_line,
    is_quiet,
    is_troubled,
    plan_line,
    plan_metrics,
    target_lines,
    unit_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools import Logger, Metrics

    from pushvar.app.planner import Planned
    from pushvar.app.records import Outcome


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes the lines and metrics of one function; ``environment`` holds the share of quiet lines."""

    logger: Logger
    metrics: Metrics
    environment: Mapping[str, str]

    def outcome(self, outcome: Outcome, left_s: float) -> None:
        """Tell what became of a shard's message; ``left_s`` is what is left of the function's time."""
        self._count(outcome.metrics)
        report = outcome.report
        if report is None:
            fault = None if outcome.dropped else outcome.error
            write_line(self.logger, logging.ERROR, outcome.title, outcome.line, fault)
            return
        if self.logger.log_level <= logging.DEBUG:
            for line in target_lines(report):
                write_line(self.logger, logging.DEBUG, "target", outcome.names | line)
        level = logging.WARNING if is_troubled(report) else logging.INFO
        planned = outcome.message.cycle if outcome.message else report.cycle  # the plan and its rounds alike
        if is_quiet(report) and not is_kept(self.environment, planned):
            level = logging.DEBUG
        left = {"left_s": round(left_s, 1)}
        write_line(self.logger, level, outcome.title, outcome.names | cycle_line(report) | left)

    def plan(self, planned: Planned, correlation: str) -> dict[str, Any]:
        """Tell of a plan, and give the fields of its line; ``correlation`` is what its messages carry."""
        self._count(plan_metrics(planned))
        line = plan_line(planned)
        level = logging.INFO if is_kept(self.environment, planned.cycle) else logging.DEBUG
        if planned.problems or planned.unsent:
            level = logging.WARNING
        title = "skipped" if planned.skipped else "planned"
        write_line(self.logger, level, title, line | {"correlation_id": correlation})
        return line

    def _count(self, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self.metrics.add_metric(name, unit=unit_of(name), value=value)
