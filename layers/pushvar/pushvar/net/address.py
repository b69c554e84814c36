"""Which addresses a target may have: resolve once, check, and connect to exactly what was checked."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from pushvar.errors import FetchError

if TYPE_CHECKING:
    import asyncio

_METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")})
"""Instance metadata outside the link-local range: AWS over IPv6, Alibaba Cloud."""


async def resolve(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[str]:
    """The addresses of a host that may be fetched from, in the resolver's order.

    Raises FetchError: ``dns`` when the name has none, ``blocked`` when all of them are refused
    (link-local, where clouds serve credentials; multicast; unspecified).
    """
    try:
        found = [str(ipaddress.ip_address(host))]
    except ValueError:
        found = await _look_up(loop, host, port)
    allowed = [address for address in found if is_allowed(address)]
    if not allowed:
        raise FetchError("blocked", f"{host} is {found[0]}, which no target may be")
    return allowed


def is_allowed(address: str) -> bool:
    """Whether a target may be fetched at this address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    if mapped is not None:
        ip = mapped
    return not (ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _METADATA)


async def _look_up(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[str]:
    try:
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise FetchError("dns", f"{host} does not resolve: {error}") from None
    return list(dict.fromkeys(str(info[4][0]) for info in infos))
