"""Lambda function ``forward``: shard messages in, series out to the backends.

The event is SQS' own, see ``events/forward.json``. A message that says nothing usable is counted,
logged and acknowledged; one whose shard could not be run is given back to the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from pushvar.app.functions import prepared, worker_of
from pushvar.app.records import answer, run_records
from pushvar.app.world import real_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from pushvar.app.worker import Worker
    from pushvar.collect.shards import ShardMessage
    from pushvar.model import Report

RESERVE_S = 2.0  # of the function's time: for the log, the metrics and the end of the lease

logger = Logger(service="forward")
metrics = Metrics(namespace="pushvar", service="forward")
workers: list[Worker] = prepared(worker_of, real_world(), ("dynamodb",))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Run the shards of all records; gives SQS those that are to be delivered again."""

    def run(message: ShardMessage) -> Iterator[Report]:
        if not workers:
            workers.append(worker_of(real_world()))
        budget_s = context.get_remaining_time_in_millis() / 1000 - RESERVE_S
        return workers[0].run(message, owner=context.aws_request_id, budget_s=budget_s)

    metrics.add_dimension(name="function_name", value=context.function_name)  # stacks share the namespace
    outcomes = []
    for outcome in run_records(event, run):
        outcomes.append(outcome)
        level = logger.info if outcome.report else logger.error
        level(outcome.title, extra=outcome.line, exc_info=None if outcome.dropped else outcome.error)
        for name, value in outcome.metrics.items():
            metrics.add_metric(name, unit="Seconds" if name.endswith("Seconds") else "Count", value=value)
    return answer(outcomes)
