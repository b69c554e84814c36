"""Lambda function ``gateway``: keeps what batch jobs push, by its Function URL or as an event.

The event is a Function URL's, see ``events/gateway.json``, or one of our own, ``events/gateway-event.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from pushvar.app.function_url import answer_of, outcome_of, request_of
from pushvar.app.functions import function_world, prepared
from pushvar.app.gateway import gateway_of
from pushvar.app.push_line import PushJournal
from pushvar.errors import PushvarError
from pushvar.net.aws import calls_until

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from pushvar.app.gateway import GatewayDoor
    from pushvar.jobs.exchange import PushReply, PushRequest

RESERVE_S = 1.0  # of the function's time: to say so when a call of AWS is not tried again

logger = Logger(service="gateway", location=None)
metrics = Metrics(namespace="pushvar", service="gateway")
world = function_world()
journal = PushJournal(logger, metrics, world.environment)
doors: list[GatewayDoor] = prepared(gateway_of, world, ("ssm", "dynamodb"))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Take one push, or answer one question.

    Raises EventError for an event that is none or is not taken, so that whoever sent it learns of it.
    """
    metrics.add_dimension(name="function_name", value=context.function_name)  # stacks share the namespace
    metrics.add_metric(name="Pushes", unit="Count", value=1)
    try:
        if not doors:
            doors.append(gateway_of(world))
        end_s = world.monotonic_s() + context.get_remaining_time_in_millis() / 1000 - RESERVE_S
        with calls_until(end_s), world.span("push") as notes:
            request, reply = _answered(doors[0], event)
            notes.update(status=reply.status, outcome=reply.outcome)
        journal.tell(request, reply, context.aws_request_id)
        return outcome_of(reply) if request is None else answer_of(reply, request)
    except PushvarError as error:
        logger.error("no push", extra={"error": str(error)})  # noqa: TRY400 - the words say it
        raise


def _answered(door: GatewayDoor, event: object) -> tuple[PushRequest | None, PushReply]:
    request = request_of(event)
    return request, door.push_event(event) if request is None else door.handle(request)
