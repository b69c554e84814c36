"""Messages to an SQS queue, ten at a time; every one is sent or named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.errors import PushError
from pushvar.net.aws import aws_client, in_plain_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.collect.shards import ShardMessage

_BATCH = 10
"""Entries of one SendMessageBatch (SQS quota)."""

_BATCH_BYTES = 250_000
"""The bodies of a batch in all; SQS took 262,144 bytes for long, a batch of one may always be tried."""

_ATTEMPTS = 3


class Dispatch:
    """Sends small messages to one queue."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url
        self._client: Any = None

    def send(self, messages: Sequence[ShardMessage]) -> dict[int, str]:
        """Send them all; gives why, by index, for those that the queue did not take.

        A batch is answered with 200 although entries of it failed; those are sent again. Raises nothing
        for what AWS does: the reason stands with each message of the batch.
        """
        failed: dict[int, str] = {}
        batch: dict[int, dict[str, Any]] = {}
        size_bytes = 0
        for at, message in enumerate(messages):
            text = message.text()
            if len(batch) == _BATCH or size_bytes + len(text) > _BATCH_BYTES:
                failed.update(self._sent(batch))
                batch, size_bytes = {}, 0
            batch[at] = {"Id": str(at), "MessageBody": text, "DelaySeconds": message.delay_s}
            size_bytes += len(text)
        return failed | (self._sent(batch) if batch else {})

    def _sent(self, batch: dict[int, dict[str, Any]]) -> dict[int, str]:
        reasons: dict[int, str] = {}
        for _ in range(_ATTEMPTS):
            try:
                reasons = self._send(batch)
            except PushError as error:
                return dict.fromkeys(batch, str(error))
            if not reasons:
                break
            batch = {at: batch[at] for at in reasons}
        return reasons

    def _send(self, batch: dict[int, dict[str, Any]]) -> dict[int, str]:
        with in_plain_words(f"queue {self._queue_url}", lambda said, hint: PushError(said, hint=hint)):
            if self._client is None:
                self._client = aws_client("sqs")
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=list(batch.values()))
        refused = answer.get("Failed", ())
        return {int(one["Id"]): f"{one['Code']}: {one.get('Message', '')}" for one in refused}
