"""Lambda function ``forward``: shard messages in, series out to the backends.

The event is SQS' own, see ``events/forward.json``. A message that says nothing usable is counted,
logged and acknowledged; one whose shard could not be run is given back to the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from pushvar.app.functions import function_world, prepared, worker_of
from pushvar.app.journal import Journal
from pushvar.app.records import answer, run_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from pushvar.app.worker import Worker
    from pushvar.collect.shards import ShardMessage
    from pushvar.model import Report

RESERVE_S = 2.0  # of the function's time: for the log, the metrics and the end of the lease

logger = Logger(service="forward", location=None)
metrics = Metrics(namespace="pushvar", service="forward")
world = function_world()
journal = Journal(logger, metrics, world.environment)
workers: list[Worker] = prepared(worker_of, world, ("dynamodb",))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Run the shards of all records; gives SQS those that are to be delivered again."""

    def left_s() -> float:
        return context.get_remaining_time_in_millis() / 1000

    def run(message: ShardMessage) -> Iterator[Report]:
        if not workers:
            workers.append(worker_of(world))
        with world.span("shard", shard=message.shard, cycle=message.cycle):
            yield from workers[0].run(message, owner=context.aws_request_id, budget_s=left_s() - RESERVE_S)

    metrics.add_dimension(name="function_name", value=context.function_name)  # stacks share the namespace
    outcomes = []
    for outcome in run_records(event, run):
        outcomes.append(outcome)
        journal.outcome(outcome, left_s())
    return answer(outcomes)
