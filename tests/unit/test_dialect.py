"""Which version a backend is spoken to in: what is tried, what is learnt, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from pushvar.deliver.dialect import AUTO, DAY_MS, V1_MESSAGE, V2_MESSAGE, Dialect, Negotiation, Written
from pushvar.errors import PushError
from pushvar.model import Batch

NOW_MS = 1_795_173_629_844
BATCH = Batch((b"x",), 10, 1)
METADATA = Batch((b"m",), 0, 1)
TAKEN_1 = Written(100)
TAKEN_2 = Written(60, 10, counted=True)
SILENT = Written(60)
V1, V2 = Dialect.V1, Dialect.V2


def refusal(status: int) -> PushError:
    """The error of a status, as a sink raises it."""
    return PushError(f"HTTP {status}", status=status, retryable=status in {0, 429} or status >= 500)


@dataclass(slots=True)
class Backend:
    """Answers from a list, one for each request, and keeps what it was asked; ``now_ms`` is the time."""

    answers: list[Written | PushError] = field(default_factory=list)
    asked: list[tuple[Dialect, Batch, int, float]] = field(default_factory=list)
    now_ms: int = NOW_MS
    monotonic_s: float = 0.0

    def push_as(self, dialect: Dialect, batch: Batch, attempt: int, timeout_s: float) -> Written:
        """One request, which takes two seconds."""
        self.asked.append((dialect, batch, attempt, timeout_s))
        self.monotonic_s += 2
        answer = self.answers.pop(0)
        if isinstance(answer, PushError):
            raise answer
        return answer

    def lane(self, message: str = AUTO, remembered: dict[str, Any] | None = None) -> Negotiation:
        """A lane to this backend."""
        return Negotiation(
            message,
            self.push_as,
            remembered or {},
            now_ms=lambda: self.now_ms,
            monotonic_s=lambda: self.monotonic_s,
        )

    @property
    def spoken(self) -> list[Dialect]:
        """The version of each request."""
        return [dialect for dialect, *_ in self.asked]


def knows(dialect: Dialect, age_ms: int = 0) -> dict[str, Any]:
    """What a lane remembers."""
    return {"speaks": dialect.value, "learnt_ms": NOW_MS - age_ms}


def test_1_0_is_only_1_0() -> None:
    """With the default nothing else is ever sent, and nothing is learnt from answers."""
    backend = Backend([TAKEN_1, refusal(415)])
    lane = backend.lane(V1_MESSAGE)
    assert lane.push(BATCH, 0, 5.0) == 100
    with pytest.raises(PushError, match="415"):
        lane.push(BATCH, 3, 5.0)
    assert backend.asked == [(V1, BATCH, 0, 5.0), (V1, BATCH, 3, 5.0)]
    assert (lane.memory(), lane.speaks_2) == ({}, False)


@pytest.mark.parametrize("refused", [refusal(415), refusal(400), SILENT])
def test_auto_falls_back_at_once(refused: Written | PushError) -> None:
    """415, 400 at first contact and a success that counts nothing: the same batch goes out as 1.0."""
    backend = Backend([refused, TAKEN_1, TAKEN_1])
    lane = backend.lane()
    assert lane.push(BATCH, 0, 5.0) == 100
    assert backend.asked == [(V2, BATCH, 0, 5.0), (V1, BATCH, 0, 3.0)], "within the time of one request"
    assert lane.memory() == knows(V1)
    lane.push(BATCH, 0, 5.0)
    assert backend.spoken == [V2, V1, V1]
    assert not lane.speaks_2


def test_auto_stays_with_2_0() -> None:
    """A success with Written headers is remembered as 2.0, and is no reason to fall back."""
    backend = Backend([TAKEN_2, TAKEN_2])
    lane = backend.lane()
    assert not lane.speaks_2
    assert lane.push(BATCH, 0, 5.0) == 60
    backend.now_ms += 1000
    lane.push(BATCH, 0, 5.0)
    assert backend.spoken == [V2, V2]
    assert (lane.memory(), lane.speaks_2) == (knows(V2), True)


def test_nothing_is_remembered_when_both_fail() -> None:
    """400 to both: the batch was bad. The error is that of 1.0, and the next batch tries 2.0 again."""
    backend = Backend([refusal(400), PushError("HTTP 400: the words of 1.0", status=400), TAKEN_2])
    lane = backend.lane()
    with pytest.raises(PushError, match=r"words of 1\.0"):
        lane.push(BATCH, 0, 5.0)
    assert lane.memory() == {}
    lane.push(BATCH, 0, 5.0)
    assert backend.spoken == [V2, V1, V2]
    assert lane.memory() == knows(V2)


@pytest.mark.parametrize("retryable", [0, 429, 500, 503])
def test_a_pause_after_a_fallback(retryable: int) -> None:
    """1.0 answers later: the retry goes out as 1.0 at once, and only its success is remembered."""
    backend = Backend([refusal(415), refusal(retryable), TAKEN_1])
    lane = backend.lane()
    with pytest.raises(PushError) as refused:
        lane.push(BATCH, 0, 5.0)
    assert refused.value.retryable
    assert lane.memory() == {}
    lane.push(BATCH, 1, 5.0)
    assert [(dialect, attempt) for dialect, _, attempt, _ in backend.asked] == [(V2, 0), (V1, 0), (V1, 1)]
    assert lane.memory() == knows(V1)


@pytest.mark.parametrize("status", [0, 401, 403, 404, 409, 413, 429, 500, 503])
def test_other_refusals_say_nothing_of_the_version(status: int) -> None:
    """Whatever else a backend answers is the answer: no second request, nothing learnt."""
    backend = Backend([refusal(status)])
    lane = backend.lane()
    with pytest.raises(PushError) as refused:
        lane.push(BATCH, 0, 5.0)
    assert refused.value.status == status
    assert (backend.spoken, lane.memory()) == ([V2], {})


def test_400_from_a_backend_that_speaks_2_0_is_real() -> None:
    """Once 2.0 was accepted, a 400 means the samples: nothing is sent again, and 2.0 stays."""
    backend = Backend([refusal(400)])
    lane = backend.lane(remembered=knows(V2, DAY_MS - 1))
    with pytest.raises(PushError, match="400"):
        lane.push(BATCH, 0, 5.0)
    assert backend.spoken == [V2]
    assert lane.memory() == knows(V2, DAY_MS - 1)


@pytest.mark.parametrize("refused", [refusal(415), SILENT])
def test_a_backend_that_was_downgraded(refused: Written | PushError) -> None:
    """Who spoke 2.0 yesterday and knows it no more is served with 1.0, and that is remembered."""
    backend = Backend([refused, TAKEN_1])
    lane = backend.lane(remembered=knows(V2, 1000))
    lane.push(BATCH, 0, 5.0)
    assert lane.memory() == knows(V1)


def test_1_0_is_remembered_for_a_day() -> None:
    """Another process goes on with 1.0, and tries 2.0 again when the day is over."""
    backend = Backend([TAKEN_1, TAKEN_1, TAKEN_2])
    for age_ms in (0, DAY_MS - 1, DAY_MS):
        lane = backend.lane(remembered=knows(V1, age_ms))
        lane.push(BATCH, 0, 5.0)
    assert backend.spoken == [V1, V1, V2]
    assert lane.memory() == knows(V2)


def test_what_2_0_is_known_for_is_renewed() -> None:
    """After a day a 400 may be first contact again; an accepted request makes it known anew."""
    backend = Backend([TAKEN_2, refusal(400), TAKEN_1])
    lane = backend.lane(remembered=knows(V2, DAY_MS))
    assert not lane.speaks_2
    lane.push(BATCH, 0, 5.0)
    assert lane.memory() == knows(V2)
    backend.now_ms += DAY_MS
    lane.push(BATCH, 0, 5.0)
    assert backend.spoken == [V2, V2, V1]


@pytest.mark.parametrize(
    "remembered",
    [{"speaks": "3.0", "learnt_ms": NOW_MS}, {"speaks": "1.0"}, {"learnt_ms": NOW_MS},
     {"speaks": "1.0", "learnt_ms": None}, {"speaks": "1.0", "learnt_ms": NOW_MS + 2 * DAY_MS}],
)  # fmt: skip
def test_a_memory_that_says_nothing(remembered: dict[str, Any]) -> None:
    """What another release, a broken head or a clock that was wrong left behind counts as nothing."""
    backend = Backend([TAKEN_2])
    lane = backend.lane(remembered=remembered)
    lane.push(BATCH, 0, 5.0)
    assert (backend.spoken, lane.memory()) == ([V2], knows(V2))


def test_only_2_0() -> None:
    """With 2.0 configured a 1.0 receiver's silence is an error that no retry mends: nothing was stored."""
    backend = Backend([TAKEN_2, SILENT, refusal(400)])
    lane = backend.lane(V2_MESSAGE)
    assert lane.speaks_2
    assert lane.push(BATCH, 0, 5.0) == 60
    with pytest.raises(PushError, match=r"set protobuf_message to prometheus\.WriteReq") as silent:
        lane.push(BATCH, 0, 5.0)
    assert (silent.value.status, silent.value.retryable) == (415, False)
    with pytest.raises(PushError, match="400"):
        lane.push(BATCH, 0, 5.0)
    assert (backend.spoken, lane.memory()) == ([V2, V2, V2], {})


@pytest.mark.parametrize(("stored", "unwritten"), [(10, 0), (7, 3), (0, 10), (12, 0), (None, 0)])
def test_partial_writes_are_counted(stored: int | None, unwritten: int) -> None:
    """What a receiver says it left out of a request that it took is known by number."""
    backend = Backend([Written(60, stored, counted=True)] * 2)
    lane = backend.lane()
    lane.push(BATCH, 0, 5.0)
    assert lane.unwritten == unwritten
    lane.push(BATCH, 0, 5.0)
    assert lane.unwritten == 2 * unwritten


def test_metadata_requests_are_1_0() -> None:
    """They hold no sample and have no form in 2.0: their answer says nothing of the version."""
    backend = Backend([TAKEN_1, refusal(400)])
    lane = backend.lane()
    assert lane.push(METADATA, 0, 5.0) == 100
    with pytest.raises(PushError):
        lane.push(METADATA, 0, 5.0)
    assert (backend.spoken, lane.memory()) == ([V1, V1], {})
