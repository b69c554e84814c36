"""Lambda function ``plan``: the schedule's event in, one message for each shard out.

The event is ``{"scheduled_time": "2026-11-20T12:00:00Z"}``; see ``events/plan.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from pushvar.app.functions import function_world, planner_of, prepared
from pushvar.app.journal import Journal
from pushvar.errors import PushvarError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from pushvar.app.planner import Planner

logger = Logger(service="plan", location=None)
metrics = Metrics(namespace="pushvar", service="plan")
world = function_world()
journal = Journal(logger, metrics, world.environment)
planners: list[Planner] = prepared(planner_of, world, ("ssm", "dynamodb", "sqs"))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Plan one cycle and give its summary.

    Raises PushvarError, logged and counted, when there is nothing that could be planned.
    """
    metrics.add_dimension(name="function_name", value=context.function_name)  # stacks share the namespace
    try:
        if not planners:
            planners.append(planner_of(world))
        time = event.get("scheduled_time") if isinstance(event, dict) else event
        left_s = context.get_remaining_time_in_millis() / 1000
        with world.span("plan"):
            planned = planners[0].plan(time, owner=context.aws_request_id, budget_s=left_s)
    except PushvarError as error:
        logger.error("no plan", extra={"error": str(error)})  # noqa: TRY400 - the words say it
        metrics.add_metric("PlansFailed", unit="Count", value=1)
        raise
    return journal.plan(planned, context.aws_request_id)
