"""Lambda function ``plan``: the schedule's event in, one message for each shard out.

The event is ``{"scheduled_time": "2026-11-20T12:00:00Z"}``; see ``events/plan.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from pushvar.app.functions import planner_of, prepared
from pushvar.app.summary import plan_line, plan_metrics
from pushvar.app.world import real_world
from pushvar.errors import PushvarError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from pushvar.app.planner import Planner

logger = Logger(service="plan")
metrics = Metrics(namespace="pushvar", service="plan")
planners: list[Planner] = prepared(planner_of, real_world(), ("ssm", "dynamodb", "sqs"))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Plan one cycle and give its summary.

    Raises PushvarError, logged and counted, when there is nothing that could be planned.
    """
    metrics.add_dimension(name="function_name", value=context.function_name)  # stacks share the namespace
    try:
        if not planners:
            planners.append(planner_of(real_world()))
        time = event.get("scheduled_time") if isinstance(event, dict) else event
        left_s = context.get_remaining_time_in_millis() / 1000
        planned = planners[0].plan(time, owner=context.aws_request_id, budget_s=left_s)
    except PushvarError as error:
        logger.error("no plan", extra={"error": str(error)})  # noqa: TRY400 - the words say it
        metrics.add_metric("PlansFailed", unit="Count", value=1)
        raise
    line = plan_line(planned)
    (logger.warning if line["problems"] or line["unsent"] else logger.info)("planned", extra=line)
    for name, value in plan_metrics(planned).items():
        metrics.add_metric(name, unit="Count", value=value)
    return line
