"""One connection of the fetch client that asyncio carries: with TLS, or by way of a proxy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pushvar.net.exchange import Exchange

if TYPE_CHECKING:
    import ssl


class Connection(Exchange, asyncio.Protocol):
    """One connection, one request at a time."""

    __slots__ = ("_transport",)

    _transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Where its bytes go from now on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Speak TLS from here on. Raises ssl.SSLError and OSError."""
        loop = asyncio.get_running_loop()
        secured = await loop.start_tls(self._transport, self, context, server_hostname=name)
        if secured is None:
            raise ConnectionResetError("the connection ended at the TLS handshake")
        self.connection_made(secured)

    def data_received(self, data: bytes) -> None:
        """Feed the answer that is waited for."""
        self._came(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        self._gone(exc)

    def _send(self, head: bytes) -> None:
        self._transport.write(head)

    def close(self) -> None:
        """End it at once."""
        self.alive = False
        if hasattr(self, "_transport"):
            self._transport.abort()
