"""One GET, on a connection of its own: for a list of targets, now and then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pushvar.net.client import Client, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pushvar.net.http1 import Response
    from pushvar.net.policy import Policy
    from pushvar.net.proxy import Proxies
    from pushvar.net.tls import TlsSettings


def get_once(
    url: str,
    headers: Iterable[tuple[str, str]],
    *,
    tls: TlsSettings,
    timeout_s: float,
    body_limit: int,
    allowed: Callable[[str], bool],
    proxies: Proxies | None = None,
) -> Response:
    """The whole response, whatever its status; never redirected. Runs an event loop: no other may run here.

    Raises FetchError when there is none within ``timeout_s``, or no address of the host is ``allowed``;
    ConfigError for a file of the TLS settings.
    """
    origin, head = request_of(url, headers, tls, proxies=proxies)

    async def get() -> Response:
        client = Client(allowed=allowed)
        try:
            return await client.get(origin, head, timeout_s=timeout_s, body_limit=body_limit)
        finally:
            client.close()
            await asyncio.sleep(0)  # let the transport close

    return asyncio.run(get())


def request_of(
    url: str,
    headers: Iterable[tuple[str, str]],
    tls: TlsSettings,
    policy: Policy | None = None,
    proxies: Proxies | None = None,
) -> tuple[Origin, bytes]:
    """Where to connect for a URL, and the head of the request; a proxy is told the whole URL of http."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    proxy = None if proxies is None else proxies.of(url)
    origin = Origin(parts.hostname or "", port, tls if secure else None, policy, proxy)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if proxy is not None and not secure:
        path = f"http://{parts.netloc}{path}"
    lines = [f"GET {path} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return origin, "\r\n".join((*lines, "", "")).encode()
