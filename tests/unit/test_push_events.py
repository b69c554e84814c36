"""Metrics by direct invocation: a JSON event instead of HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pushvar.config.schema import Gateway

from tests.unit.push_door import Door, basic, signed

ROLE = "arn:aws:iam::123456789012:role/states"
METRIC = {"name": "rows", "value": 3}


def event(**changes: Any) -> dict[str, Any]:
    """A good event with changes."""
    return {"job": "nightly", "metrics": [METRIC], **changes}


def test_an_event_is_a_push() -> None:
    """With labels, types and help, to the same groups as over HTTP."""
    door = Door()
    metrics = [
        {"name": "rows", "type": "gauge", "help": "copied", "labels": {"table": "a", "none": ""}, "value": 1},
        {"name": "rows", "type": "gauge", "labels": {"table": "b"}, "value": 2.5},
        {"name": "runs_total", "type": "counter", "value": 7},
        {"name": "any", "value": -1},
    ]
    reply = door.api.push_event(event(metrics=metrics, grouping={"region": "eu"}, ttl="48h", method="PUT"))
    assert (reply.status, reply.outcome, reply.customer_id) == (200, "stored", "default")
    assert door.lines() == [
        'any{instance="",job="nightly",region="eu"} -1',
        'rows{instance="",job="nightly",region="eu",table="a"} 1',
        'rows{instance="",job="nightly",region="eu",table="b"} 2.5',
        'runs_total{instance="",job="nightly",region="eu"} 7',
    ]
    head = door.heads()["nightly"]
    assert head.expires_ms - head.pushed_ms == 48 * 3_600_000
    assert door.post("nightly/region/eu", b"any 5\n") == 200
    assert len(door.groups()) == 1


def test_methods_of_events() -> None:
    """POST is the default, PUT replaces, DELETE ends."""
    door = Door()
    other = [{"name": "other", "value": 1}]
    assert door.api.push_event(event()).status == 200
    assert door.api.push_event(event(metrics=other)).status == 200
    assert len(door.lines()) == 2
    assert door.api.push_event(event(metrics=other, method="PUT", ttl=60)).status == 200
    assert len(door.lines()) == 1
    assert door.heads()["nightly"].expires_ms - door.heads()["nightly"].pushed_ms == 60_000
    assert door.api.push_event({"job": "nightly", "method": "PUT"}).status == 200
    assert door.lines() == []
    reply = door.api.push_event({"job": "nightly", "method": "DELETE"})
    assert (reply.status, reply.outcome) == (202, "deleted")
    assert door.groups() == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "event: Expected `object`, got `null`"),
        ([], "event: Expected `object`, got `array`"),
        ({}, "event: Object missing required field `job`"),
        (event(job=1), "event: Expected `str`, got `int` - at `job`"),
        (event(job=""), "job name is required"),
        (event(jobs="a"), "event: Object contains unknown field `jobs`"),
        (event(metrics={}), "event: Expected `array`, got `object` - at `metrics`"),
        (
            event(metrics=[METRIC, {"name": "a"}]),
            "event: Object missing required field `value` - at `metrics[1]`",
        ),
        (
            event(metrics=[{"name": "a", "value": "1"}]),
            "event: Expected `float`, got `str` - at `metrics[0].value`",
        ),
        (
            event(metrics=[{"name": "a", "value": True}]),
            "event: Expected `float`, got `bool` - at `metrics[0].value`",
        ),
        (
            event(metrics=[{**METRIC, "type": "info"}]),
            "event: Invalid enum value 'info' - at `metrics[0].type`",
        ),
        (
            event(metrics=[{**METRIC, "labels": {"a": 1}}]),
            "event: Expected `str`, got `int` - at `metrics[0].labels[...]`",
        ),
        (event(metrics=[{**METRIC, "name": "a b"}]), "event: metrics[0].name: 'a b' is no metric name"),
        (
            event(metrics=[METRIC, {**METRIC, "type": "gauge"}]),
            "event: metrics[1].type: gauge, but rows is unknown before",
        ),
        (
            event(metrics=[METRIC, METRIC]),
            "pushed metrics are invalid or inconsistent with existing metrics: collected",
        ),
        (event(metrics=[{**METRIC, "name": "up"}]), "metric up is one that every target has"),
        (event(metrics=[{**METRIC, "labels": {"a-b": "c"}}]), "pushed metrics are invalid or inconsistent"),
        (event(metrics=[{**METRIC, "labels": {"a": "\ud800"}}]), "event: '\\ud800' is no character"),
        (event(grouping={"__a": "b"}), 'improper label name "__a"'),
        (event(grouping={"a": 1}), "event: Expected `str`, got `int` - at `grouping[...]`"),
        (
            event(grouping={"customer_id": "default"}),
            "event: grouping names customer_id; it has a field of its own",
        ),
        (event(grouping={"sla_tier": "gold"}), "sla_tier is no label of a group"),
        (event(ttl="soon"), 'event: ttl: "soon" is not a duration; write a duration such as 48h, or seconds'),
        (event(ttl=-5), 'event: ttl: "-5" is not a duration'),
        (event(ttl=1.5), "event: Expected `int | str`, got `float` - at `ttl`"),
        (event(method="GET"), "event: Invalid enum value 'GET' - at `method`"),
    ],
)
def test_a_bad_event(given: object, words: str) -> None:
    """What is wrong with which field; nothing is stored."""
    door = Door()
    reply = door.api.push_event(given)
    assert (reply.status, reply.outcome) == (400, "malformed")
    assert reply.body.decode().startswith(words)
    assert reply.detail.startswith(words)
    assert door.heads() == {}


def test_a_refused_event_is_a_failed_push() -> None:
    """Of the group that it names."""
    door = Door()
    assert door.api.push_event(event()).status == 200
    assert door.api.push_event(event(metrics=[METRIC, METRIC])).status == 400
    assert door.heads()["nightly"].failed_ms > door.heads()["nightly"].pushed_ms


def test_the_customer_of_an_event() -> None:
    """One that a credential names, or that of nameless pushes; a principal decides as over HTTP."""
    credentials = (basic("acme", "ann"), signed("beta", ROLE))
    closed, opened = (
        Door(Gateway(credentials=credentials)),
        Door(Gateway(credentials=credentials, anonymous="free")),
    )
    answers = {
        (name, customer): door.api.push_event(event(customer_id=customer))
        for name, door in (("closed", closed), ("opened", opened))
        for customer in ("", "acme", "beta", "free", "other")
    }
    found = {asked: reply.customer_id or reply.status for asked, reply in answers.items()}
    assert found == {
        ("closed", ""): 400,
        ("closed", "acme"): "acme",
        ("closed", "beta"): "beta",
        ("closed", "free"): 403,
        ("closed", "other"): 403,
        ("opened", ""): "free",
        ("opened", "acme"): "acme",
        ("opened", "beta"): "beta",
        ("opened", "free"): "free",
        ("opened", "other"): 403,
    }
    assert (
        answers["closed", ""].detail == "event: customer_id is missing: the gateway has no anonymous customer"
    )
    assert closed.api.push_event(event(), ROLE).customer_id == "beta"
    assert closed.api.push_event(event(customer_id="acme"), ROLE).status == 403
    assert closed.api.push_event(event(), ROLE + "x").status == 403


def test_an_event_as_lambda_hands_it_over() -> None:
    """Decoded from JSON."""
    door = Door()
    metrics = '[{"name": "big", "value": 12345678901234567890}, {"name": "f", "value": 1e-7}]'
    assert door.api.push_event(json.loads(f'{{"job": "e", "metrics": {metrics}}}')).status == 200
    assert door.lines() == ['big{instance="",job="e"} 1.2345678901234567e+19', 'f{instance="",job="e"} 1e-07']
