"""The table under the AWS store: items with plain values, conditional writes, transactions.

It knows keys and conditions, not their meaning. The low-level client is used, as the resource layer of
boto3 costs more than the whole call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from pushvar.net.aws import error_code
from pushvar.state._aws_service import AwsService, tries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Value = str | int | bytes | frozenset[str]
    Key = tuple[str, str]

T = TypeVar("T")
_VALUES: Final[Mapping[str, Callable[[Any], Any]]] = {"S": str, "N": int, "B": bytes, "SS": frozenset}
_PASSING: Final = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
"""Reasons of a refusal that botocore does not try again and a later try can find gone."""

BATCH_WRITES: Final = 99
"""Writes beside one check in a transaction, which has at most 100 actions (DynamoDB)."""
BATCH_BYTES: Final = 3_000_000
"""What these writes may hold in all: a transaction has at most 4 MB (DynamoDB), keys and names included."""
_BATCH_READS: Final = 100


@dataclass(frozen=True, slots=True)
class Write:
    """One write of one item; it happens only if ``condition`` holds.

    ``change`` is the update expression of an Update, ``item`` are the attributes of a Put, ``values``
    those of both expressions, by their placeholder (``:fence``).
    """

    verb: Literal["Put", "Update", "Delete", "ConditionCheck"]
    key: Key
    condition: str = ""
    change: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    item: Mapping[str, Value] = field(default_factory=dict)

    def request(self, table: str) -> dict[str, Any]:
        """The parameters of DynamoDB's call, or of the action in a transaction."""
        given = {
            "TableName": table,
            "ConditionExpression": self.condition,
            "ReturnValuesOnConditionCheckFailure": self.condition and "ALL_OLD",
            "UpdateExpression": self.change,
            "ExpressionAttributeValues": _typed(self.values),
        }
        key = _typed_key(self.key)
        place = {"Item": key | _typed(self.item)} if self.verb == "Put" else {"Key": key}
        return {name: value for name, value in given.items() if value} | place

    @property
    def size_bytes(self) -> int:
        """About what it counts in a transaction."""
        return sum(map(len, self.key)) + item_bytes(self.item)


class Refused(Exception):
    """Conditions did not hold: of which writes, and what those items are now (empty: there is none)."""

    def __init__(self, found: Mapping[int, Mapping[str, Any]]) -> None:
        super().__init__(*found)
        self.found = found


class AwsTable:
    """Items of one DynamoDB table by (``pk``, ``sk``). Safe for several threads.

    All reads are strongly consistent. All methods raise StateError.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._service = AwsService("dynamodb", f"state table {name}")

    def get(self, key: Key) -> Mapping[str, Any] | None:
        """The attributes of one item, or None."""
        with self._service.client() as client:
            answer = client.get_item(TableName=self.name, Key=_typed_key(key), ConsistentRead=True)
        return _plain(answer["Item"]) if "Item" in answer else None

    def get_all(self, keys: Iterable[Key]) -> Mapping[Key, Mapping[str, Any]]:
        """The attributes of the items that are there, by their key; a call takes 100 keys and 16 MB."""
        found: dict[Key, Mapping[str, Any]] = {}
        left = [_typed_key(key) for key in dict.fromkeys(keys)]
        while left:
            with self._service.client() as client:
                items, unread = self._some(client, left[:_BATCH_READS])
            found.update(((item["pk"], item["sk"]), item) for item in map(_plain, items))
            left = [*unread, *left[_BATCH_READS:]]
        return found

    def query(self, pk: str, sk_prefix: str) -> Iterator[Mapping[str, Any]]:
        """All items of one ``pk`` whose ``sk`` begins so, in its order; a page is at most 1 MB."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": _typed({":pk": pk, ":prefix": sk_prefix}),
        }
        while True:
            with self._service.client() as client:
                page = client.query(**request)
            yield from map(_plain, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def write(self, *writes: Write) -> Mapping[str, Any]:
        """Do one write, or several as one transaction; gives the item as it was before a single write.

        Raises Refused when a condition does not hold. A meeting with another writer is tried again.
        """
        with self._service.client() as client:
            for last in tries():
                try:
                    return self._send(client, writes)
                except client.exceptions.ClientError as error:
                    if last or not _may_pass(_reasons(error)):
                        raise
        raise AssertionError  # the last try returns or raises

    def close(self) -> None:
        """Let go of the connections."""
        self._service.close()

    def _some(self, client: Any, keys: list[dict[str, Any]]) -> tuple[list[Any], list[dict[str, Any]]]:
        """What one batched read gives, and the keys that it left for the next; some progress is made."""
        for _ in tries():
            asked = {self.name: {"Keys": keys, "ConsistentRead": True}}
            answer = client.batch_get_item(RequestItems=asked)
            unread = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if len(unread) < len(keys):
                return answer["Responses"][self.name], unread
        raise self._service.refusal(f"{self._service.what}: {len(keys)} items were asked for, none came", "")

    def _send(self, client: Any, writes: tuple[Write, ...]) -> Mapping[str, Any]:
        if len(writes) > 1:
            # botocore gives each call a token, so that a try whose answer was lost does not count twice.
            actions = [{write.verb: write.request(self.name)} for write in writes]
            client.transact_write_items(TransactItems=actions)
            return {}
        call = getattr(client, f"{writes[0].verb.lower()}_item")
        return _plain(call(**writes[0].request(self.name), ReturnValues="ALL_OLD").get("Attributes", {}))


def item_bytes(item: Mapping[str, Value]) -> int:
    """About what these attributes count in a transaction."""
    return sum(len(name) + (8 if isinstance(value, int) else len(value)) for name, value in item.items())


def batches(things: Iterable[T], size_bytes: Callable[[T], int]) -> Iterator[list[T]]:
    """Writes or items in their order, as many together as one transaction takes beside a check."""
    batch: list[T] = []
    held_bytes = 0
    for thing in things:
        held_bytes += size_bytes(thing)
        if batch and (len(batch) == BATCH_WRITES or held_bytes > BATCH_BYTES):
            yield batch
            batch, held_bytes = [], size_bytes(thing)
        batch.append(thing)
    if batch:
        yield batch


def _reasons(error: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Why each write of a call was refused (``None``: it was not), and the item when a condition failed."""
    answer = error.response
    alone = {"Code": error_code(error).removesuffix("Exception"), "Item": answer.get("Item", {})}
    reasons = answer.get("CancellationReasons") or [alone]
    return [(reason.get("Code", "None"), _plain(reason.get("Item", {}))) for reason in reasons]


def _may_pass(reasons: list[tuple[str, Mapping[str, Any]]]) -> bool:
    """Whether trying again can help; raises Refused when a condition did not hold."""
    refused = {
        index: found for index, (code, found) in enumerate(reasons) if code == "ConditionalCheckFailed"
    }
    if refused:
        raise Refused(refused)
    return {code for code, _ in reasons} <= _PASSING | {"None"}


def _typed_key(key: Key) -> dict[str, Any]:
    return _typed(dict(zip(("pk", "sk"), key, strict=True)))


def _typed(values: Mapping[str, Value]) -> dict[str, Any]:
    return {name: _typed_value(value) for name, value in values.items()}


def _typed_value(value: Value) -> dict[str, Any]:
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, frozenset):
        return {"SS": sorted(value)}
    return {"S": value} if isinstance(value, str) else {"B": value}


def _plain(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: _VALUES[kind](value) for name, typed in item.items() for kind, value in typed.items()}
