"""A target made ready to be fetched, and what its answer is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.errors import FetchError
from pushvar.model import Fetched, Target
from pushvar.net.once import request_of

if TYPE_CHECKING:
    from pushvar.net.origin import Origin
    from pushvar.net.policy import Policy
    from pushvar.net.proxy import Proxies
    from pushvar.net.tls import TlsSettings

_SHOWN_CHARS = 200

_OK = range(200, 300)
_REDIRECT = range(300, 400)
_CLIENT = range(400, 500)
_PROXY_AUTH = 407
_STATUS_REASONS = {401: "auth", 403: "auth", 404: "not_found", 429: "rate_limited"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A target made ready to be fetched: where to connect, the bytes to send, the limits.

    ``unready`` says why there is nothing to send, when a secret of its job is not there.
    """

    target: Target
    origin: Origin
    head: bytes
    timeout_s: float
    body_limit: int
    unready: str = ""


def endpoint(
    target: Target,
    *,
    tls: TlsSettings,
    headers: Iterable[tuple[str, str]],
    timeout_s: float,
    body_limit: int,
    policy: Policy | None = None,
    proxies: Proxies | None = None,
) -> Endpoint:
    """Prepare a target: its request head never changes between cycles, unless a secret does."""
    origin, head = request_of(target.url, headers, tls, policy, proxies)
    return Endpoint(target, origin, head, timeout_s, body_limit)


Done = Callable[[Endpoint, Fetched, FetchError | None], None]
"""What is called with each fetch as it ends: the endpoint, what came, and the error if it failed."""


def time_for(one: Endpoint, left_s: float) -> float:
    """The seconds that a fetch may take; raises FetchError when it may not begin."""
    if one.unready:
        raise FetchError("auth", one.unready)
    if left_s <= 0:
        raise FetchError("timeout", "the time of the cycle was over before its turn came")
    return min(one.timeout_s, left_s)


def check_status(status: int, location: str) -> None:
    """Raise FetchError with the failure class of any status that is no success."""
    if status in _OK:
        return
    if status in _REDIRECT:
        shown = "".join(filter(str.isprintable, location))[:_SHOWN_CHARS]
        raise FetchError("redirect", f"HTTP {status} to {shown or 'nowhere'}")
    default = "client" if status in _CLIENT else "server"
    asked = ", the proxy wants credentials" if status == _PROXY_AUTH else ""
    raise FetchError(_STATUS_REASONS.get(status, default), f"HTTP {status}{asked}")
