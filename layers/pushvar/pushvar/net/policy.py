"""Where a configuration lets its targets be: networks and ports, checked when they are connected to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pushvar.config.web import ports_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.config.schema import TargetPolicy

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Policy:
    """A ``target_policy`` block; an empty list allows all."""

    allow: tuple[_Network, ...]
    deny: tuple[_Network, ...]
    ports: tuple[tuple[int, int], ...]

    def against(self, forms: Iterable[_Address], port: int) -> str:
        """Why an address, in every form that it can be read in, is not allowed; empty when it is."""
        forms = tuple(forms)
        for network in self.deny:
            if any(ip in network for ip in forms):
                return f"target_policy denies {network}"
        if self.allow and not any(ip in network for network in self.allow for ip in forms):
            return "target_policy does not allow its network"
        if self.ports and not any(first <= port <= last for first, last in self.ports):
            return f"target_policy does not allow port {port}"
        return ""


@lru_cache
def policy_of(block: TargetPolicy) -> Policy | None:
    """The policy of a block; None for one that says nothing."""
    if not (block.allow or block.deny or block.ports):
        return None
    return Policy(
        tuple(map(ipaddress.ip_network, block.allow)),
        tuple(map(ipaddress.ip_network, block.deny)),
        tuple(map(ports_of, block.ports)),
    )
