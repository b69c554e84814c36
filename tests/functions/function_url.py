"""A Lambda Function URL on this machine: HTTP in, events of payload format 2.0 to a function, its answer out.

As Lambda's guide has it ("Invoking function URLs"): path and query stay escaped, names of headers are lower
case, a body that is not declared as text comes as base64. Whose signature was checked is the test's to say.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Invoke = Callable[[Any], Any]

MOST_BYTES = 6_000_000
_TEXT = re.compile(r"text/|application/(json|javascript|xml|([^;]+\+)?(json|xml))\b")


def event_of(
    method: str, target: str, headers: dict[str, str], body: bytes = b"", user_arn: str = ""
) -> dict[str, Any]:
    """The event of one request; ``user_arn`` is the caller whose signature Lambda has checked."""
    path, _, query = target.partition("?")
    lower = {name.lower(): value for name, value in headers.items()}
    text = _TEXT.match(lower.get("content-type", ""))
    context: dict[str, Any] = {
        "accountId": "anonymous",
        "domainName": "example.lambda-url.eu-west-1.on.aws",
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
        "requestId": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "routeKey": "$default",
        "stage": "$default",
    }
    if user_arn:
        context["authorizer"] = {"iam": {"accountId": "123456789012", "userArn": user_arn}}
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": lower,
        "requestContext": context,
        "isBase64Encoded": bool(body) and not text,
    }
    if body:
        event["body"] = body.decode() if text else base64.b64encode(body).decode()
    made: dict[str, Any] = json.loads(json.dumps(event))
    return made


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Invoke the function with what was asked."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        event = event_of(self.command, self.path, dict(self.headers.items()), body, self.server.user_arn)
        with self.server.one_at_a_time:
            answer = json.loads(json.dumps(self.server.invoke(event)))
        said = answer["body"]
        sent = base64.b64decode(said) if answer["isBase64Encoded"] else said.encode()
        self.send_response(answer["statusCode"])
        for name, value in answer["headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the names are the library's

    def log_message(self, format: str, *values: Any) -> None:  # noqa: A002 - the name is the library's
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, invoke: Invoke, user_arn: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.invoke, self.user_arn = invoke, user_arn
        self.one_at_a_time = threading.Lock()


@contextmanager
def function_url(invoke: Invoke, user_arn: str = "") -> Iterator[str]:
    """Serve a function; gives the URL without a slash at its end."""
    with _Server(invoke, user_arn) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
