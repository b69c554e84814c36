"""Until when AWS is asked again: a function's time ends, and what waits for an answer must not."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from pushvar.errors import StateError
from pushvar.net.aws import calls_until, move_calls_end
from pushvar.state import open_state

from tests.contract import aws_door
from tests.contract.aws_door import Door, object_refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.programs.aws import Aws

SOON_S, LATE_S = 1.0, 60.0


@pytest.fixture
def door(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """Give a door to the session's AWS; this process goes through it."""
    with aws_door.aws_door(aws) as opened:
        monkeypatch.setenv("AWS_ENDPOINT_URL", opened.url)
        yield opened


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ("GetItem", refusal("InternalServerError", status=500)),
        ("GetItem", refusal("ThrottlingException")),
        ("GetItem", aws_door.LOST),
        ("PutObject", object_refusal("SlowDown", 503)),
    ],
)
@pytest.mark.parametrize(("left_s", "asked"), [(None, 2), (LATE_S, 2), (SOON_S, 1)])
def test_no_other_try_without_time_for_it(
    door: Door, call: str, fault: aws_door.Fault, left_s: float | None, asked: int
) -> None:
    """A first try is always made; another one only if it could end in time."""
    store = open_state(door.new_store())
    door.fail(call, fault)
    body = b"".join(str(number * number).encode() for number in range(10_000))  # too long for an item
    with nullcontext() if left_s is None else calls_until(time.monotonic() + left_s):
        expected = pytest.raises(StateError, match="state") if asked == 1 else nullcontext()
        with expected:
            store.put_document(body)
    assert door.calls.count(call) == asked
    store.close()


def test_what_is_refused_for_good_is_still_told(door: Door) -> None:
    """A condition that does not hold is an answer, with or without time."""
    store = open_state(door.new_store())
    with calls_until(time.monotonic()):
        assert store.acquire("0", "a", cycle=1, now_ms=0, ttl_ms=1_000) is not None
        assert store.acquire("0", "b", cycle=1, now_ms=0, ttl_ms=1_000) is None
    store.close()


def test_the_end_moves_for_the_rest_of_the_run_only(door: Door) -> None:
    """The delivery has more time than what came before it; the next run begins without an end."""
    store = open_state(door.new_store())
    with calls_until(time.monotonic()):
        move_calls_end(time.monotonic() + LATE_S)
        door.fail("GetItem", refusal("InternalServerError", status=500))
        assert store.get_document("a" * 64) is None
    move_calls_end(0.0)
    door.fail("GetItem", refusal("InternalServerError", status=500))
    assert store.get_document("a" * 64) is None
    store.close()
