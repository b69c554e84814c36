"""What ended a request, as one of the failure classes and in words."""

from __future__ import annotations

import ssl

from pushvar.errors import FetchError
from pushvar.net.exchange import Lost
from pushvar.net.http1 import Malformed, TooLarge


def failure_of(error: Exception, timeout_s: float) -> Exception:
    """The FetchError that says what ended a request; a fault of ours is given as it is."""
    if isinstance(error, TimeoutError):
        failure = FetchError("timeout", f"no complete answer within {timeout_s:g} s")
    elif isinstance(error, TooLarge):
        failure = FetchError("too_large", str(error))
    elif isinstance(error, Malformed):
        failure = FetchError("connection" if "closed" in str(error) else "bad_format", str(error))
    elif isinstance(error, Lost):
        failure = FetchError("connection", "the connection closed without an answer")
    elif isinstance(error, OSError):
        failure = _from_os(error)
    else:
        return error
    failure.__context__ = error  # for who looks for the cause
    return failure


def _from_os(error: OSError) -> FetchError:
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", "") or error.reason or error
        return FetchError("tls", f"TLS failed: {why}")
    if isinstance(error, ConnectionRefusedError):
        return FetchError("refused", "the connection was refused")
    return FetchError("connection", f"the connection failed: {error.strerror or error}")
