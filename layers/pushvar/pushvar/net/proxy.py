"""Which proxy a request goes through: that of ``proxy_url``, the environment's where asked for, or none.

Sources: prometheus/common config/http_config.go (ProxyConfig) for the keys; golang.org/x/net/http/httpproxy
for the environment and for what ``no_proxy`` means. Entries that cannot be read are passed over, as there.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pushvar.config.web import proxy_url
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.config.schema import HttpSdConfig, Pushgateway, RemoteWrite, ScrapeConfig

    Proxied = ScrapeConfig | HttpSdConfig | RemoteWrite | Pushgateway

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; ``unusable`` says why the environment's value for it cannot be used."""

    host: str
    port: int
    unusable: str = ""

    def __str__(self) -> str:
        return authority(self.host, self.port)


@dataclass(frozen=True, slots=True)
class NoProxy:
    """What is spoken to directly. Ports are texts, empty for any; suffixes begin with their dot."""

    networks: tuple[_Network, ...] = ()
    addresses: tuple[tuple[_Address, str], ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    suffixes: tuple[tuple[str, str], ...] = ()
    everything: bool = False

    def holds(self, host: str, port: int) -> bool:
        """Whether a host is excepted; this machine always is where there are exceptions at all."""
        name = host.lower()
        if self.everything or name == "localhost":
            return True
        wanted = ("", str(port))
        ip = _address(name)
        if ip is None:
            named = any(name == own and at in wanted for own, at in self.names)
            return named or any(name.endswith(own) and at in wanted for own, at in self.suffixes)
        inside = ip.is_loopback or any(ip in network for network in self.networks)
        return inside or any(ip == own and at in wanted for own, at in self.addresses)


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of a block by scheme, and for whom they are not used; None: for nobody."""

    http: Proxy | None
    https: Proxy | None
    no_proxy: NoProxy | None = None

    def of(self, url: str) -> Proxy | None:
        """The proxy for a URL; None: none."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        if proxy is None or (self.no_proxy is not None and self.no_proxy.holds(parts.hostname or "", port)):
            return None
        return proxy

    def check(self) -> None:
        """Raise ConfigError when the environment names a proxy that cannot be used."""
        for proxy in (self.http, self.https):
            if proxy is not None and proxy.unusable:
                raise ConfigError("proxy_from_environment", proxy.unusable)


def proxies_of(block: Proxied, environ: Mapping[str, str] = os.environ) -> Proxies | None:
    """What a block says; None where it names no proxy. The environment counts only if the block says so."""
    if block.proxy_url:
        proxy = _parsed(block.proxy_url)
        return Proxies(proxy, proxy, no_proxy(block.no_proxy) if block.no_proxy else None)
    if not block.proxy_from_environment:
        return None
    plain, secure = _from(environ, "HTTP_PROXY"), _from(environ, "HTTPS_PROXY")
    if plain is None and secure is None:
        return None
    return Proxies(plain, secure, no_proxy(environ.get("NO_PROXY") or environ.get("no_proxy", "")))


def no_proxy(text: str) -> NoProxy:
    """A list with commas: ``*``, names with all below them, ``.suffix``, addresses, networks.

    All but ``*`` and networks may end in ``:port``.
    """
    networks: list[_Network] = []
    addresses: list[tuple[_Address, str]] = []
    names: list[tuple[str, str]] = []
    suffixes: list[tuple[str, str]] = []
    for entry in (one.strip().lower() for one in text.split(",")):
        if entry == "*":
            return NoProxy(everything=True)
        if (network := _network(entry)) is not None:
            networks.append(network)
            continue
        host, port = _split(entry)
        if (ip := _address(host)) is not None:
            addresses.append((ip, port))
        elif host:
            suffix = host.removeprefix("*") if host.startswith("*.") else host
            if not suffix.startswith("."):
                names.append((suffix, port))
                suffix = f".{suffix}"
            suffixes.append((suffix, port))
    return NoProxy(tuple(networks), tuple(addresses), tuple(names), tuple(suffixes))


def authority(host: str, port: int) -> str:
    """``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _from(environ: Mapping[str, str], variable: str) -> Proxy | None:
    value = environ.get(variable) or environ.get(variable.lower(), "")
    if not value:
        return None
    try:
        return _parsed(proxy_url(value if "://" in value else f"http://{value}"))
    except ConfigError as error:
        return Proxy("", 0, f"{variable} of the environment: {error.problem}")


def _parsed(url: str) -> Proxy:
    parts = urlsplit(url)
    return Proxy(parts.hostname or "", parts.port or _DEFAULT_PORTS["http"])


def _network(entry: str) -> _Network | None:
    if not entry.rpartition("/")[2].isdecimal() or "/" not in entry:
        return None
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _address(host: str) -> _Address | None:
    """An address; one of IPv4 inside IPv6 is that of IPv4."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def _split(entry: str) -> tuple[str, str]:
    """Host and port of an entry; the port is empty where it has none."""
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]:")
        return (host, port) if "]:" in entry else (entry, "")
    host, _, port = entry.partition(":")
    return (host, port) if entry.count(":") == 1 else (entry, "")
