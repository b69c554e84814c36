"""A Function URL's event as a request, a reply as its answer, and what is made of a direct event."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from pushvar.app.function_url import MOST_CHARACTERS, answer_of, outcome_of, request_of
from pushvar.app.push_line import push_line, severity
from pushvar.errors import EventError, StateError
from pushvar.jobs.exchange import PushReply, PushRequest

from tests.functions.deployment import event
from tests.functions.function_url import event_of

CALLER = "arn:aws:sts::123456789012:assumed-role/batch-acme/nightly"
GET = PushRequest("GET", "/metrics", {})


def read(event: object) -> PushRequest:
    """The request of an event that has one."""
    request = request_of(event)
    assert request is not None
    return request


def test_the_example_is_a_push() -> None:
    """Method, target, headers and body as they were sent."""
    request = read(event("gateway"))
    assert (request.method, request.target) == ("PUT", "/metrics/job/nightly/instance/db%2F1")
    assert request.headers["authorization"] == "Bearer example"
    assert request.body.startswith(b"# TYPE rows_copied gauge\nrows_copied 42\n")
    assert request.principal == ""


@pytest.mark.parametrize(
    ("raw_path", "target"),
    [
        ("/metrics/job/a%2Fb/x/%C3%BC", "/metrics/job/a%2Fb/x/%C3%BC"),
        ("/metrics/job@base64/ZGI=/x@base64/=", "/metrics/job@base64/ZGI=/x@base64/="),
        ("/metrics/job/a+b/x/c!$&'()*,;:@~d", "/metrics/job/a+b/x/c!$&'()*,;:@~d"),
        ("//metrics/job/x/", "//metrics/job/x/"),
        # what an HTTP API has unescaped is escaped again, but for a slash
        ("/metrics/job/a b/x/ü", "/metrics/job/a%20b/x/%C3%BC"),
        ("/metrics/job/why?/x/#1", "/metrics/job/why%3F/x/%231"),
        ("/metrics/job/50%/x/%zz/\r\n\x1b", "/metrics/job/50%25/x/%25zz/%0D%0A%1B"),
        ('/metrics/job/"a"\\[b]', "/metrics/job/%22a%22%5C%5Bb%5D"),
        ("/metrics/job/\ud800", "/metrics/job/%3F"),
    ],
)
def test_a_target_is_what_was_sent(raw_path: str, target: str) -> None:
    """An escaped path is passed on byte for byte; one that was unescaped on its way becomes legal again."""
    made = event_of("PUT", "/", {})
    assert read({**made, "rawPath": raw_path}).target == target
    assert read({**made, "rawPath": raw_path, "rawQueryString": "a=%20&b"}).target == f"{target}?a=%20&b"


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("text/plain; version=0.0.4", "größe 1\n".encode(), False),
        ("application/json", b'{"cmdline": []}', False),
        ("application/vnd.google.protobuf; encoding=delimited", b"\x00\xff\x80", True),
        ("application/octet-stream", b"rows 1\n", True),
        ("", gzip.compress(b"rows 1\n"), True),
    ],
)
def test_a_body_is_what_was_sent(content_type: str, body: bytes, encoded: bool) -> None:  # noqa: FBT001
    """Whether Lambda passed it on as text or as base64."""
    made = event_of("PUT", "/metrics/job/x", {"Content-Type": content_type}, body)
    assert made["isBase64Encoded"] is encoded
    assert read(made).body == body


def test_names_of_headers_are_lower_case() -> None:
    """However they came; Lambda's own name of the request is one of them."""
    made = {**event_of("PUT", "/", {}), "headers": {"X-Pushvar-TTL": "1h", "content-encoding": "gzip"}}
    assert read(made).headers == {
        "x-pushvar-ttl": "1h",
        "content-encoding": "gzip",
        "x-amzn-requestid": made["requestContext"]["requestId"],
    }


def test_a_signed_request_names_its_caller() -> None:
    """The caller is who Lambda says it is; the signature is no credential of ours, so it goes no further."""
    made = event_of(
        "PUT", "/metrics/job/x", {"Authorization": "AWS4-HMAC-SHA256 Credential=..."}, b"", CALLER
    )
    request = read(made)
    assert request.principal == CALLER
    assert "authorization" not in request.headers


@pytest.mark.parametrize("authorizer", [None, {}, {"iam": None}, {"iam": {"userArn": None}}, {"jwt": {}}])
def test_an_unsigned_request_has_no_caller(authorizer: Any) -> None:
    """Nobody's name stands in it, and its own credential stays."""
    made = event_of("PUT", "/metrics/job/x", {"Authorization": "Bearer t"})
    made["requestContext"]["authorizer"] = authorizer
    request = read(made)
    assert (request.principal, request.headers["authorization"]) == ("", "Bearer t")


@pytest.mark.parametrize(
    "event",
    [
        {}, [], None, "PUT /metrics/job/x", {"job": "nightly"}, {"rawPath": "/"}, {"detail": {"job": "x"}},
        {"rawPath": 1, "requestContext": {"http": {"method": "PUT"}}},
        {"rawPath": "/", "requestContext": {"http": {}}},
    ],
)  # fmt: skip
def test_another_event_is_no_request(event: object) -> None:
    """It is one that was pushed directly, whatever is in it."""
    assert request_of(event) is None


@pytest.mark.parametrize("body", ["rows 1\n", "====", "ü"])
def test_a_body_that_is_not_base64_is_an_error(body: str) -> None:
    """Lambda sends no such event; somebody's test does, and is told."""
    with pytest.raises(EventError, match="not base64"):
        read({**event_of("PUT", "/", {}), "body": body, "isBase64Encoded": True})


def test_an_answer_in_text() -> None:
    """Status, type, headers, text; names of headers are lower case, and one that comes twice is joined."""
    reply = PushReply(401, b"who?\n", headers=(("WWW-Authenticate", "Basic"), ("WWW-Authenticate", "Bearer")))
    assert answer_of(reply, GET) == {
        "statusCode": 401,
        "headers": {"content-type": "text/plain; charset=utf-8", "www-authenticate": "Basic, Bearer"},
        "body": "who?\n",
        "isBase64Encoded": False,
    }


def test_an_answer_in_bytes() -> None:
    """What is no text goes as base64."""
    answer = answer_of(PushReply(200, b"\xff\x00", "application/octet-stream"), GET)
    assert (answer["body"], answer["isBase64Encoded"]) == ("/wA=", True)


def test_an_answer_to_a_head_has_no_body() -> None:
    """Whatever a GET would have said."""
    assert answer_of(PushReply(200, b"OK\n"), PushRequest("HEAD", "/-/ready", {}))["body"] == ""


def test_a_long_answer_is_compressed_for_who_takes_it() -> None:
    """A scrape of thousands of groups fits where its text would not."""
    body = b'rows{job="nightly"} 42\n' * 400_000
    scrape = PushRequest("GET", "/metrics", {"accept-encoding": "deflate, gzip"})
    answer = answer_of(PushReply(200, body), scrape)
    assert answer["headers"]["content-encoding"] == "gzip"
    assert answer["isBase64Encoded"]
    assert gzip.decompress(base64.b64decode(answer["body"])) == body
    assert len(json.dumps(answer)) < MOST_CHARACTERS


def test_an_answer_that_lambda_would_not_pass_on_is_a_word_about_it() -> None:
    """A client that takes no gzip learns what to do, not of a failure that is none."""
    answer = answer_of(PushReply(200, b"rows 42\n" * 700_000), GET)
    assert answer["statusCode"] == 406
    assert "5600000 bytes" in answer["body"]
    assert "accept gzip" in answer["body"]


def test_an_event_that_was_taken() -> None:
    """A state machine gets what became of it."""
    reply = PushReply(200, outcome="stored", customer_id="acme")
    assert outcome_of(reply) == {"status": 200, "outcome": "stored", "customer_id": "acme"}


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (PushReply(400, b"no job\n"), EventError, "no job"),
        (PushReply(403, b"?", detail="nobody is acme"), EventError, "nobody is acme"),
        (PushReply(413), EventError, "status 413"),
        (PushReply(503, b"later", detail="the table is throttled"), StateError, "the table is throttled"),
    ],
)
def test_an_event_that_was_not_taken_is_an_error(
    reply: PushReply, error: type[Exception], words: str
) -> None:
    """Whose fault it was is in the error's name, for a state machine's Catch."""
    with pytest.raises(error, match=words):
        outcome_of(reply)


@pytest.mark.parametrize(
    ("status", "level"), [(200, "debug"), (202, "debug"), (400, "warning"), (401, "warning"), (500, "error")]
)
def test_how_loud_a_line_is(status: int, level: str) -> None:
    """Our faults, the caller's, and what went well."""
    assert severity(PushReply(status)) == level


def test_a_line_says_who_pushed_what_and_shows_no_credential() -> None:
    """Fields that say nothing are left out."""
    request = PushRequest("PUT", "/metrics/job/x", {"authorization": "Bearer s3cret"}, b"rows 1\n", CALLER)
    assert push_line(request, PushReply(200, outcome="stored", customer_id="acme")) == {
        "method": "PUT",
        "target": "/metrics/job/x",
        "size_bytes": 7,
        "principal": CALLER,
        "status": 200,
        "outcome": "stored",
        "customer_id": "acme",
    }
    assert push_line(None, PushReply(400, detail="no job")) == {
        "method": "event", "status": 400, "detail": "no job",
    }  # fmt: skip
