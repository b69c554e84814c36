"""AWS by boto3, imported only when a client is made, and its errors in plain words.

Region, credentials and endpoint come from where every AWS program takes them: ``AWS_REGION``, the
credential chain, ``AWS_ENDPOINT_URL`` (botocore's own configuration rules).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cache
from math import inf
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.errors import PushvarError

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 10
ATTEMPTS = 5
"""Calls at most for one question: throttling and broken connections are retried with backoff and jitter."""

_HINTS = {
    "AccessDenied": "allow this action to the role that runs pushvar",
    "ExpiredToken": "renew the credentials",
    "InvalidClientTokenId": "check AWS_ACCESS_KEY_ID",
    "UnrecognizedClientException": "check the credentials and the region",
    "Throttl": "others use the same quota; it is tried again in the next cycle",
    "TooManyRequests": "others use the same quota; it is tried again in the next cycle",
    "ProvisionedThroughputExceeded": "the table is too busy; use on-demand capacity",
    "ParameterNotFound": "check the name and the region",
    "ParameterLimitExceeded": "one account has 10,000 standard parameters in a region; delete some",
    "ResourceNotFoundException": "check the name and the region",
    "NoSuchBucket": "check the name and the region",
    "NonExistentQueue": "check the queue's URL and the region",
    "NoCredentials": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "NoRegion": "set AWS_REGION",
    "EndpointConnection": "is the network there, and AWS_ENDPOINT_URL right?",
    "ConnectTimeout": "is the network there? A function in a VPC needs an endpoint or NAT",
}
"""Part of an error's code or class -> what to do about it."""


_MAKING = Lock()  # a session makes clients for one thread at a time


class _Calls:
    """Until when (monotonic seconds) calls of this process may go on: an invocation ends, and others wait."""

    until_s: float = inf


@contextmanager
def calls_until(until_s: float) -> Iterator[None]:
    """While inside, no call is tried again whose next try could last longer than ``until_s``.

    A first try is always made. ``until_s`` is on the monotonic clock and can be moved (``move_calls_end``).
    It is the whole process' own, all of its threads', as the time of a function is.
    """
    _Calls.until_s = until_s
    try:
        yield
    finally:
        _Calls.until_s = inf


def move_calls_end(until_s: float) -> None:
    """Let calls go on until another moment, for the rest of ``calls_until``; outside of it do nothing."""
    if _Calls.until_s != inf:
        _Calls.until_s = until_s


def aws_client(service: str, *, read_timeout_s: float = READ_TIMEOUT_S) -> Any:
    """A boto3 client, safe for several threads.

    A try of a call is given up when no connection is there after ``CONNECT_TIMEOUT_S``, or no answer comes
    for ``read_timeout_s``; ``calls_until`` says until when there is another.

    Raises botocore's errors when no region is set, ConfigError when boto3 is not installed.
    """
    session = _session()
    from botocore.config import Config

    timeouts = {"connect_timeout": CONNECT_TIMEOUT_S, "read_timeout": read_timeout_s}
    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    with _MAKING:
        # boto3 itself heeds only AWS_DEFAULT_REGION; Lambda and every other SDK say AWS_REGION.
        region = os.environ.get("AWS_REGION")
        client = session.client(service, region_name=region, config=Config(retries=retries, **timeouts))
    longest_s = CONNECT_TIMEOUT_S + read_timeout_s

    def no_time(**_call: Any) -> bool | None:
        """Say that there is no other try: the first handler's word counts, and botocore's own comes later."""
        return False if monotonic() + longest_s > _Calls.until_s else None

    client.meta.events.register_first(
        f"needs-retry.{client.meta.service_model.service_id.hyphenize()}", no_time
    )
    return client


@cache
def _session() -> Any:
    """The one session of this process: what it has read of botocore's data serves every client."""
    try:
        import boto3
    except ModuleNotFoundError:
        raise ConfigError(
            "", "AWS needs boto3, which is not here", hint="pip install 'pushvar[aws]'"
        ) from None
    return boto3.session.Session()


def error_code(error: BaseException) -> str:
    """The code of a service's refusal (``ThrottlingException``), or the class of any other AWS error."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code") or type(error).__name__.removesuffix("Error"))


@contextmanager
def in_plain_words(what: str, refused: Callable[[str, str], PushvarError]) -> Iterator[None]:
    """Turn botocore's errors into ``refused(message, hint)``; ``what`` names what cannot be used."""
    try:
        yield
    except Exception as error:
        if not _is_botocore(error):
            raise
        code = error_code(error)
        said = (getattr(error, "response", None) or {}).get("Error", {}).get("Message", "") or str(error)
        hint = next((hint for start, hint in _HINTS.items() if start in code), "")
        raise refused(f"{what}: {code}: {' '.join(str(said).split()).rstrip('.')}", hint) from error


def _is_botocore(error: BaseException) -> bool:
    """Whether botocore or boto3 raised it; asked without importing them."""
    return any(kind.__module__.startswith(("botocore.", "boto3.")) for kind in type(error).__mro__)
