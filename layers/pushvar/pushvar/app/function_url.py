"""A Lambda Function URL's event as a request, and a reply as the answer that Lambda wants.

Source: Lambda's guide, "Invoking function URLs" (payload format 2.0). A Function URL leaves ``rawPath`` and
``rawQueryString`` as the client escaped them. What else speaks this format (an HTTP API, some emulators)
unescapes the path, so what no escaped path can hold is escaped again; a ``/`` that was ``%2F`` stays lost
there, and ``@base64`` is the way to say it.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pushvar.app.correlation import AWS_REQUEST_ID, REQUEST_ID, correlation_of
from pushvar.errors import EventError, StateError
from pushvar.jobs.exchange import PushRequest

if TYPE_CHECKING:
    from pushvar.jobs.exchange import PushReply

MOST_CHARACTERS = 5_500_000
"""Of a body as it is handed to Lambda, which takes 6 MB with everything around it."""

_LONG_BYTES = 100_000
"""From here on a body is compressed for a client that takes it, and goes as base64, whose size is known."""
_NOT_IN_A_PATH = re.compile(r"%(?![0-9A-Fa-f]{2})|[^!$%&'()*+,\-./0-9:;=@A-Z_a-z~]")
_OURS = 500


def request_of(event: object) -> PushRequest | None:
    """The request that an event of a Function URL brings; None for an event of another kind.

    Whoever may invoke the function past its URL can write such an event, with any caller in it; they may
    push for every customer anyway, by an event of our own. Raises EventError for one that cannot be read.
    """
    match event:
        case {"rawPath": str(path), "requestContext": {"http": {"method": str(method)}} as context}:
            pass
        case _:
            return None
    assert isinstance(event, dict)
    query = event.get("rawQueryString")
    principal = _principal(context)
    headers = {name.lower(): value for name, value in dict(event.get("headers") or {}).items()}
    if principal:
        headers.pop("authorization", None)  # the signature, which Lambda has checked
    headers[AWS_REQUEST_ID] = str(context.get("requestId") or "")
    target = _NOT_IN_A_PATH.sub(lambda found: quote(found[0], safe="", errors="replace"), path)
    return PushRequest(method, f"{target}?{query}" if query else target, headers, _body(event), principal)


def answer_of(reply: PushReply, request: PushRequest) -> dict[str, Any]:
    """The answer to a Function URL's event; 406 where the body is more than Lambda passes on.

    It names the request as the caller did, or as Lambda does: by that name the log is searched.
    """
    named = {REQUEST_ID: name} if (name := correlation_of(request.headers).request_id) else {}
    headers = {"content-type": reply.content_type, **named}
    for name, value in ((name.lower(), value) for name, value in reply.headers):
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body = b"" if request.method == "HEAD" else reply.body
    if len(body) > _LONG_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        body = gzip.compress(body, compresslevel=1, mtime=0)
    text = _text(body)
    said = base64.b64encode(body).decode() if text is None else text
    if len(said) <= MOST_CHARACTERS:
        return {
            "statusCode": reply.status,
            "headers": headers,
            "body": said,
            "isBase64Encoded": text is None,
        }
    refusal = f"an answer of {len(body)} bytes is more than Lambda passes on; ask for less, or accept gzip\n"
    return {
        "statusCode": 406,
        "headers": {"content-type": "text/plain; charset=utf-8", **named},
        "body": refusal,
        "isBase64Encoded": False,
    }


def outcome_of(reply: PushReply) -> dict[str, Any]:
    """What a direct invocation gets back.

    Raises EventError when the event was not taken, StateError when that was not its fault: then a state
    machine fails or catches it, and Lambda repeats what came asynchronously.
    """
    if reply.status >= _OURS:
        raise StateError(reply.detail or _words(reply))
    if reply.status >= 400:  # noqa: PLR2004 - HTTP's own border
        raise EventError(reply.detail or _words(reply))
    return {"status": reply.status, "outcome": reply.outcome, "customer_id": reply.customer_id}


def _words(reply: PushReply) -> str:
    return reply.body.decode(errors="replace").strip() or f"status {reply.status}"


def _principal(context: dict[str, Any]) -> str:
    """The ARN of a caller whose signature was checked; empty where nobody's was."""
    match context:
        case {"authorizer": {"iam": {"userArn": str(arn)}}}:
            return arn
    return ""


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode(errors="surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise EventError("body: not base64, though isBase64Encoded says so") from error


def _text(body: bytes) -> str | None:
    """A body as text; None when it goes as base64."""
    if len(body) > _LONG_BYTES:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
