"""A connection to a target by way of an HTTP proxy: as it is for http, through CONNECT for https.

The proxy's address is checked as a target's is. It is the proxy that resolves the target's name, so of a
name only the port can be checked; an address is held against every rule, however it is spelled.
Source: RFC 9110 9.3.6 (CONNECT), RFC 9112 3.2.2 (absolute-form).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from pushvar import __version__
from pushvar.errors import FetchError
from pushvar.net.address import resolve
from pushvar.net.exchange import Lost
from pushvar.net.http1 import HeadReader, Malformed, TooLarge
from pushvar.net.proxy import authority

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from pushvar.net.client import Origin
    from pushvar.net.connection import Connection
    from pushvar.net.proxy import Proxy

_OK = range(200, 300)
_PROXY_AUTH = 407


async def connect_through(
    proxy: Proxy,
    origin: Origin,
    allowed: Callable[[str], bool],
    opened: Callable[[str, int], Awaitable[Connection]],
) -> Connection:
    """A connection that leads to the origin; ``opened`` connects to a host and port.

    Raises FetchError with words that name the proxy; ssl.SSLError and OSError of the TLS handshake behind it.
    """
    if proxy.unusable:
        raise FetchError("connection", proxy.unusable)
    await check_target(origin, allowed)
    secured = None
    if origin.tls is not None:
        from pushvar.net.tls import context_and_name

        secured = context_and_name(origin.tls, origin.host)
    connection = await _to(proxy, opened)
    if secured is None:
        return connection
    try:
        await _tunnel(proxy, origin, connection, *secured)
    except BaseException:  # a deadline too must not leave half a tunnel behind
        connection.close()
        raise
    return connection


async def check_target(origin: Origin, allowed: Callable[[str], bool]) -> None:
    """Raise FetchError ``blocked`` for a target that no look-up is needed to refuse."""
    policy = origin.policy
    literal = _literal(origin.host)
    if literal:
        await resolve(asyncio.get_running_loop(), literal, origin.port, allowed, policy)
    elif policy is not None and (reason := replace(policy, allow=(), deny=()).against((), origin.port)):
        raise FetchError("blocked", f"{origin.host}: {reason}")


async def _to(proxy: Proxy, opened: Callable[[str, int], Awaitable[Connection]]) -> Connection:
    try:
        return await opened(proxy.host, proxy.port)
    except FetchError as error:
        raise FetchError(error.reason, f"the proxy {proxy}: {error.message}") from None
    except ConnectionRefusedError:
        raise FetchError("connection", f"the proxy {proxy} refused the connection") from None
    except OSError as error:
        why = error.strerror or error
        raise FetchError("connection", f"the connection to the proxy {proxy} failed: {why}") from None


async def _tunnel(
    proxy: Proxy, origin: Origin, connection: Connection, context: ssl.SSLContext, name: str
) -> None:
    where = authority(origin.host, origin.port)
    lines = (f"CONNECT {where} HTTP/1.1", f"Host: {where}", f"User-Agent: pushvar/{__version__}", "", "")
    try:
        answer = await connection.request("\r\n".join(lines).encode(), HeadReader(0))
    except Lost:
        raise FetchError("connection", f"the proxy {proxy} closed the connection at CONNECT") from None
    except (Malformed, TooLarge, OSError) as error:
        raise FetchError("connection", f"the proxy {proxy}, at CONNECT: {error}") from None
    if answer.status == _PROXY_AUTH:
        raise FetchError("connection", f"the proxy {proxy} wants credentials: HTTP 407")
    if answer.status not in _OK:
        raise FetchError("connection", f"the proxy {proxy} refused the tunnel: HTTP {answer.status}")
    if not connection.alive:
        raise FetchError("connection", f"the proxy {proxy} spoke or left where the tunnel should begin")
    await connection.start_tls(context, name)


def _literal(host: str) -> str:
    """The address that a host is, in any spelling that resolvers take for one (``0x7f.1``); else nothing."""
    bare = host.rstrip(".")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(bare))
    except (OSError, UnicodeError):
        return ""
