"""What is known of the past: a query API's samples of the target, and pushvar's own state."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pushvar.app.forwarder import SHARD
from pushvar.convert.own_metrics.keys import by_label, total
from pushvar.errors import PushvarError
from pushvar.kit.triage.facts import LAST, History, Shards
from pushvar.net.session import Session
from pushvar.net.tls import TlsSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.app.triage_subject import Subject
    from pushvar.model import ShardState

_TIMEOUT_S = 5.0
_ANSWER_BYTES = 1 << 20
_OK = 200
_SEEN = ("job", "instance")
_AWS = "aws:"
_SHARDS = 100
"""Shards that are looked at in a deployment: one read of DynamoDB."""


class _Failed(Exception):
    """The query has no answer; says why."""


def history_of(prometheus: str, subject: Subject, now_ms: int) -> History:
    """The last scrapes of a target, by the HTTP API of Prometheus (``/api/v1/query``)."""
    assert subject.target is not None
    labels = {name: value for name, value in subject.target.labels if name in _SEEN}
    matchers = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(labels.items()))
    window_s = math.ceil(LAST * subject.asked.interval_s)
    session = Session(TlsSettings())
    try:
        ups = _query(session, prometheus, f"up{{{matchers}}}[{window_s}s]")
        took = _query(session, prometheus, f"scrape_duration_seconds{{{matchers}}}[{window_s}s]")
    except _Failed as failed:
        return History(prometheus, error=str(failed))
    finally:
        session.close()
    age_s = now_ms / 1000 - ups[-1][0] if ups else 0.0
    return History(
        prometheus, tuple(value for _, value in ups[-LAST:]), tuple(value for _, value in took[-LAST:]), age_s
    )


def _query(session: Session, prometheus: str, query: str) -> list[tuple[float, float]]:
    """Time (s) and value of the samples of all series that match, by time."""
    url = f"{prometheus.rstrip('/')}/api/v1/query?{urlencode({'query': query})}"
    answer = session.send("GET", url, b"", {}, timeout_s=_TIMEOUT_S, answer_limit=_ANSWER_BYTES)
    if answer.status != _OK:
        raise _Failed(
            f"{prometheus}: HTTP {answer.status}" if answer.status else f"{prometheus}: {answer.text}"
        )
    try:
        result: list[dict[str, Any]] = json.loads(answer.text)["data"]["result"]
        return sorted((float(time), float(value)) for one in result for time, value in one["values"])
    except (ValueError, KeyError, TypeError):
        raise _Failed(f"{prometheus}: the answer is not that of a Prometheus query API") from None


def shards_of(reference: str) -> Shards:
    """What a state store remembers of its shards, all as one; it takes no lease and makes no file."""
    from pushvar.state import open_state

    names = [str(number) for number in range(_SHARDS)] if reference.startswith(_AWS) else [SHARD]
    if not reference.startswith((_AWS, "memory:")) and not Path(reference.removeprefix("sqlite:")).exists():
        return Shards(reference)
    try:
        store = open_state(reference)
        try:
            states = tuple(store.look(names).values())
        finally:
            store.close()
    except PushvarError as error:
        return Shards(reference, str(error))
    return _together(reference, states) if states else Shards(reference)


def _together(reference: str, states: Sequence[ShardState]) -> Shards:
    """The newest cycle of any of them, since shards of an older layout stand still; counters added up."""
    heads = [state.head for state in states]
    counters: Counter[str] = Counter()
    lanes: dict[str, list[Mapping[str, Any]]] = {}
    for head in heads:
        counters.update(head.counters)
        for lane, record in head.lanes.items():
            lanes.setdefault(lane, []).append(record)
    return Shards(
        reference,
        known=True,
        count=len(states),
        finished_ms=max(head.finished_cycle for head in heads),
        started_ms=max(head.started_cycle for head in heads),
        held_until_ms=max(state.held_until_ms for state in states),
        scrapes=by_label(counters, "pushvar_scrapes_total", "reason"),
        lost_cycles=total(counters, "pushvar_cycles_lost_total"),
        lanes=lanes,
        counters=counters,
    )
