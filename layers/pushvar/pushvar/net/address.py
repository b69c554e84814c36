"""Which addresses a target may have: resolve once, check, and connect to exactly what was checked."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from pushvar.errors import FetchError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from pushvar.net.policy import Policy

_PLATFORM = tuple(
    ipaddress.ip_network(network)
    for network in (
        "fd00:ec2::/32",  # AWS over IPv6: instance metadata, pod identity
        "fd20:ce::254/128",  # Google Cloud over IPv6
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure
    )
)
"""Where clouds serve metadata and credentials outside the link-local range."""

_HOLDING_V4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""IPv6 ranges whose last 32 bits are an IPv4 address: NAT64 (RFC 6052), IPv4-compatible (RFC 4291)."""


async def resolve(
    loop: asyncio.AbstractEventLoop,
    host: str,
    port: int,
    allowed: Callable[[str], bool],
    policy: Policy | None = None,
) -> list[str]:
    """The addresses of a host that are ``allowed``, by ``policy`` too, in the resolver's order.

    Raises FetchError: ``dns`` when the name has none, ``blocked`` when all of them are refused.
    """
    try:
        found = [str(ipaddress.ip_address(host))]
    except ValueError:
        found = await _look_up(loop, host, port)
    usable = [address for address in found if allowed(address)]
    if not usable:
        raise FetchError("blocked", f"{host} is {found[0]}, which no target may be")
    if policy is None:
        return usable
    reasons = [policy.against(_forms(address), port) for address in usable]
    if all(reasons):
        raise FetchError("blocked", f"{host} is {usable[0]}: {reasons[0]}")
    return [address for address, reason in zip(usable, reasons, strict=True) if not reason]


def is_allowed(address: str) -> bool:
    """Whether a target may be fetched at this address.

    Not where clouds serve metadata and credentials (link-local and the like); not multicast or
    unspecified addresses.
    """
    return not any(map(_is_denied, _forms(address)))


def is_elsewhere(address: str) -> bool:
    """Whether it is allowed and not this machine's own: on Lambda, the runtime's API answers there."""
    return is_allowed(address) and not any(one.is_loopback for one in _forms(address))


def _forms(address: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]:
    """An address, without its zone, and those that are inside it."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return ip, *_inside(ip)


def _is_denied(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    special = ip.is_link_local or ip.is_multicast or ip.is_unspecified
    return special or any(ip in network for network in _PLATFORM)


def _inside(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 address that a host or a gateway would take out of an IPv6 one."""
    if ip.version == 4:  # noqa: PLR2004 - the version of the protocol
        return ()
    low = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    held = low if any(ip in network for network in _HOLDING_V4) and int(ip) > 1 else None
    return tuple(one for one in (ip.ipv4_mapped, ip.sixtofour, held) if one is not None)


async def _look_up(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[str]:
    try:
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise FetchError(
            "dns", f"{host} does not resolve: {error}"
        ) from error  # whose code net.failing reads
    return list(dict.fromkeys(str(info[4][0]) for info in infos))
