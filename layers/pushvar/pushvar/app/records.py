"""The records of a queue's event: each is run by itself, and the queue is told what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushvar.app.summary import cycle_line, cycle_metrics
from pushvar.collect.shards import read_message, records_of
from pushvar.errors import EventError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pushvar.collect.shards import ShardMessage
    from pushvar.model import Report


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record: a report of each of its rounds, or the error that there is none for.

    ``identifier`` is SQS' message id; it is empty when the event itself was none of SQS. ``message`` is what
    the record said, None when it could not be read.
    """

    identifier: str
    report: Report | None = None
    error: Exception | None = None
    message: ShardMessage | None = None

    @property
    def dropped(self) -> bool:
        """Whether it is a message that says nothing usable: to deliver it again cannot help."""
        return isinstance(self.error, EventError) and bool(self.identifier)

    @property
    def title(self) -> str:
        """What the log line says first."""
        if self.report is not None:
            return "skipped" if self.report.skipped else "forwarded"
        return "message dropped" if self.dropped else "shard failed"

    @property
    def names(self) -> dict[str, Any]:
        """What every line of it carries: whose cycle it is, which plan and message asked for it."""
        said = {"message_id": self.identifier} if self.identifier else {}
        if self.message is None:
            return said
        more = {"correlation_id": self.message.correlation} if self.message.correlation else {}
        return {"shard": self.message.shard, "cycle": self.message.cycle, **said, **more}

    @property
    def line(self) -> dict[str, Any]:
        """The fields of its log line."""
        if self.report is not None:
            return self.names | cycle_line(self.report)
        return self.names | {"error": str(self.error), "kind": type(self.error).__name__}

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics it adds: name -> count, or seconds where the name says so."""
        if self.report is not None:
            return cycle_metrics(self.report)
        return {"MessagesMalformed" if isinstance(self.error, EventError) else "CyclesFailed": 1}


def run_records(event: object, run: Callable[[ShardMessage], Iterable[Report]]) -> Iterator[Outcome]:
    """Run the message of every record, and tell each outcome as it comes.

    A record that fails stops none of the others.
    """
    try:
        records = records_of(event)
    except EventError as error:
        yield Outcome("", error=error)
        return
    for identifier, body in records:
        yield from _outcomes(identifier, body, run)


def answer(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What SQS is told: the records that are to be delivered again.

    Raises the first error when no record went well, so that Lambda counts one. Source: Lambda's guide,
    "Reporting batch item failures for Lambda functions with an Amazon SQS trigger".
    """
    failed = {one.identifier: one.error for one in outcomes if one.error is not None and not one.dropped}
    if failed and len(failed) == len({one.identifier for one in outcomes}):
        raise next(iter(failed.values()))
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


def _outcomes(
    identifier: str, body: str, run: Callable[[ShardMessage], Iterable[Report]]
) -> Iterator[Outcome]:
    message = None
    try:
        message = read_message(body)
        for report in run(message):
            yield Outcome(identifier, report, message=message)
    except Exception as error:  # noqa: BLE001 - a bug or a broken store in one shard is that shard's
        yield Outcome(identifier, error=error, message=message)
