"""A door in front of moto's DynamoDB and S3: it makes them more like AWS, sees each call, can misbehave.

What moto does not do and the door does:

- **One call at a time.** DynamoDB's calls are atomic; moto's threads run through each other, and a
  refused transaction puts back a copy of the whole table, with what others wrote meanwhile undone.
- **Transactions that meet conflict.** DynamoDB refuses a write of an item that a transaction has in
  hand, or a transaction on an item that anybody writes; moto knows no conflict.
"""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3

from tests.programs import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.programs.aws import Aws

OBJECT_CALLS = {"PUT": "PutObject", "GET": "GetObject", "DELETE": "DeleteObject", "POST": "DeleteObjects"}
PATIENT = ("pushvar.state._aws_service.READ_TIMEOUT_S", 20.0)
"""What to set where a fault is for one call: moto takes seconds for a hundred writes, and a try given up
would come again."""
WRITES = {"PutItem", "UpdateItem", "DeleteItem"}


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer given in place of AWS's, or, with status 0, none after AWS has done the call."""

    status: int = 0
    body: bytes = b""


LOST = Fault()
PASS = Fault(-1)
"""No fault: lets one call through to the next fault of its name."""


def refusal(code: str, message: str = "no", *, status: int = 400, **more: Any) -> Fault:
    """An error as DynamoDB words it."""
    text = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message, **more}
    return Fault(status, json.dumps(text).encode())


def object_refusal(code: str, status: int) -> Fault:
    """An error as S3 words it."""
    return Fault(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())


def conflict(actions: int) -> Fault:
    """What DynamoDB answers to a transaction that met another."""
    reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}]
    reasons += [{"Code": "None"}] * (actions - 1)
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons {reasons}"
    return refusal("TransactionCanceledException", text, CancellationReasons=reasons)


@dataclass(slots=True)
class Door:
    """``url`` stands for AWS; ``calls`` names each call that came, ``conflicts`` counts those that met."""

    aws: Aws
    url: str
    calls: list[str] = field(default_factory=list)
    conflicts: int = 0
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    pauses: dict[str, float] = field(default_factory=dict)

    def fail(self, call: str, fault: Fault, times: int = 1) -> None:
        """Let the next calls of that name fail."""
        self.faults += [(call, fault)] * times

    def slow(self, call: str, pause_s: float) -> None:
        """Let every call of that name wait before it is done: long enough, it is never answered."""
        self.pauses[call] = pause_s

    def new_store(self) -> str:
        """Make a table and a bucket, and give the reference of the store in them."""
        table, bucket = f"pushvar-{uuid4().hex}", f"pushvar-{uuid4().hex}"
        own_client(self.aws, "dynamodb").create_table(
            TableName=table,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        place = {"LocationConstraint": "eu-west-1"}
        own_client(self.aws, "s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        return f"aws:{table}/{bucket}"


@cache
def session() -> Any:
    """One boto3 session for all tests: making a client then costs 4 ms and not 70, a hundred times over."""
    return boto3.Session()


@cache
def own_client(aws: Aws, service: str) -> Any:
    """A client that goes past the door, to look and to prepare."""
    return aws.client(service)


def items(door: Door, reference: str) -> dict[tuple[str, str], dict[str, Any]]:
    """All items of a store's table, as another program sees them."""
    table = re.split("[:/]", reference)[1]
    found = own_client(door.aws, "dynamodb").scan(TableName=table)["Items"]
    return {(item.pop("pk")["S"], item.pop("sk")["S"]): item for item in found}


def objects(door: Door, reference: str) -> list[str]:
    """The keys of all objects of a store's bucket."""
    listed = own_client(door.aws, "s3").list_objects_v2(Bucket=reference.partition("/")[2])
    return [each["Key"] for each in listed.get("Contents", [])]


@contextmanager
def aws_door(aws: Aws) -> Iterator[Door]:
    """Serve a door on a free port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.door = Door(aws, f"http://127.0.0.1:{server.server_port}")
    with loopback.served(server, 0.01):
        yield server.door


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # an idle keep-alive connection of a client must not hold up the end
    request_queue_size = 128
    door: Door

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.lock, self.turn = threading.Lock(), threading.Lock()
        self.in_hand: list[tuple[str, frozenset[str]]] = []

    def enter(self, call: str, keys: frozenset[str]) -> Fault | None:
        """Note a call; the fault it must answer with, if any. Without one it is in hand until ``leave``."""
        with self.lock:
            self.door.calls.append(call)
            fault = next((each for each in self.door.faults if each[0] == call), None)
            if fault is not None:
                self.door.faults.remove(fault)
                if fault[1] is PASS:
                    fault = None
                elif fault[1] is not LOST:
                    return fault[1]
            transaction = "TransactWriteItems"
            if any(keys & other and transaction in {call, name} for name, other in self.in_hand):
                self.door.conflicts += 1
                return conflict(len(keys)) if call == transaction else refusal("TransactionConflictException")
            self.in_hand.append((call, keys))
            return fault and fault[1]

    def leave(self, call: str, keys: frozenset[str]) -> None:
        """The call is done."""
        with self.lock:
            self.in_hand.remove((call, keys))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client that was killed go in silence."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        """Pass a call on, alone, or answer with what it must fail with."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        call = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or OBJECT_CALLS[self.command]
        keys = _written(call, body)
        time.sleep(self.server.door.pauses.get(call, 0.0))
        fault = self.server.enter(call, keys)
        if fault is not None and fault is not LOST:
            self.answer(fault.status, [("Content-Type", "application/x-amz-json-1.0")], fault.body)
            return
        try:
            with self.server.turn:
                status, headers, answer = self.forward(body)
        finally:
            self.server.leave(call, keys)
        if fault is LOST:
            self.close_connection = True
        else:
            self.answer(status, headers, answer)

    do_PUT = do_GET = do_DELETE = do_POST  # noqa: N815 - the names of http.server

    def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Ask moto the same."""
        connection = HTTPConnection(self.server.door.aws.url.removeprefix("http://"), timeout=10)
        try:
            headers = {name: value for name, value in self.headers.items() if name != "Expect"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Write an answer; the connection stays open."""
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"connection", "content-length", "transfer-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Stay silent: the calls are the log."""


def _written(call: str, body: bytes) -> frozenset[str]:
    """Which items a call writes or holds."""
    if call not in {*WRITES, "TransactWriteItems"}:
        return frozenset()
    request = json.loads(body)
    actions = request.get("TransactItems", [{call: request}])
    requests = [each for action in actions for each in action.values()]
    keys = [each.get("Key") or {name: each["Item"][name] for name in ("pk", "sk")} for each in requests]
    return frozenset(
        json.dumps([each["TableName"], key], sort_keys=True) for each, key in zip(requests, keys, strict=True)
    )
