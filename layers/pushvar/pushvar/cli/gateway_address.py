"""Where ``pushvar gateway`` listens: the option's grammar, and the socket."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass

import click

from pushvar.errors import ConfigError

_BACKLOG = 1024
_HIGHEST_PORT = 65_535
_OPTION = "--listen"


@dataclass(frozen=True, slots=True)
class Address:
    """A place to listen at; an empty host is every address of the machine, port 0 a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def resolved(self) -> Address:
        """With an IP address for a name, the IPv4 one if it has several; raises ConfigError without one."""
        if not self.host:
            return self
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ConfigError(
                _OPTION, f"no address of {self.host!r} is known: {error}", hint="write 127.0.0.1:9091"
            ) from error
        first = min(found, key=lambda one: one[0] != socket.AF_INET)
        return Address(str(first[4][0]), self.port)

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it; it is resolved."""
        return bool(self.host) and ipaddress.ip_address(self.host.partition("%")[0]).is_loopback

    def listening(self) -> socket.socket:
        """A socket that listens there; it is resolved. Raises ConfigError where that cannot be."""
        everywhere = not self.host and socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if everywhere or ":" in self.host else socket.AF_INET
        try:
            return socket.create_server(
                (self.host, self.port), family=family, backlog=_BACKLOG, dualstack_ipv6=everywhere
            )
        except OSError as error:
            raise ConfigError(
                _OPTION,
                f"cannot listen on {self}: {os.strerror(error.errno or 0)}",
                hint="port 0 takes a free one",
            ) from error


class AddressType(click.ParamType[Address]):
    """``127.0.0.1:9091``, ``[::1]:9091``, ``:9091``."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """Split, or fail with what to write instead."""
        if isinstance(value, Address):
            return value
        host, colon, port = str(value).rpartition(":")
        if not (colon and port.isascii() and port.isdecimal() and int(port) <= _HIGHEST_PORT):
            self.fail(f"{value!r} is no address; write 127.0.0.1:9091, [::1]:9091 or :9091", param, ctx)
        inside = host[1:-1] if host.startswith("[") and host.endswith("]") else None
        if inside is None and ":" in host:
            self.fail(f"{value!r}: an IPv6 address stands in brackets, [::1]:9091", param, ctx)
        return Address(host if inside is None else inside, int(port))
