"""AWS Signature Version 4: for Amazon Managed Prometheus (service ``aps``), for Function URLs (``lambda``).

Written from AWS' guide "Create a signed AWS API request": canonical request, string to sign, derived
key. botocore would do the same for 80 ms of import and a request object for each push.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from pushvar.config.values import SecretRef
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.config.schema import SigV4

SERVICE = "aps"

_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED = ("content-encoding", "content-type", "x-prometheus-remote-write-version")
"""Which headers of the request are signed beside ``host`` and ``x-amz-*``: those nobody may change."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; ``token`` belongs to temporary ones, such as those of a Lambda function."""

    access_key: str
    secret_key: str
    token: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r})"


def region_and_credentials(
    block: SigV4, resolve: Callable[[SecretRef], str], environment: Mapping[str, str]
) -> tuple[str, Credentials]:
    """Region and access key of a ``sigv4`` block, completed from the environment. Raises ConfigError."""
    region = block.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        raise ConfigError("", "sigv4: no region", hint="write sigv4: {region: ...} or set AWS_REGION")
    if block.secret_key is not None:
        return region, Credentials(block.access_key, resolve(block.secret_key))
    access_key, secret_key = (
        resolve(SecretRef("env", name)) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    )
    return region, Credentials(access_key, secret_key, environment.get("AWS_SESSION_TOKEN", ""))


def signed(  # noqa: PLR0913 - a signature covers all of these
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    region: str,
    credentials: Credentials,
    now_s: float,
    service: str = SERVICE,
    method: str = "POST",
) -> dict[str, str]:
    """The headers of a request, and those that sign it. ``body`` is what goes over the wire: compressed."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
    own = {"X-Amz-Date": stamp}
    if credentials.token:
        own["X-Amz-Security-Token"] = credentials.token
    chosen = {name.lower(): value for name, value in headers.items() if name.lower() in _SIGNED}
    chosen.update({name.lower(): value for name, value in own.items()}, host=_host(url))
    names = ";".join(sorted(chosen))
    lines = [f"{name}:{' '.join(chosen[name].split())}" for name in sorted(chosen)]
    request = "\n".join(
        (method, _path(url), _query(url), *lines, "", names, hashlib.sha256(body).hexdigest())
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = _signing_key(credentials.secret_key, stamp[:8], region, service)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={credentials.access_key}/{scope}"
    authorization = f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, **own, "Authorization": authorization}


def _host(url: str) -> str:
    """The Host header as HTTP clients send it: without the scheme's own port."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    name = parts.hostname or ""
    return (f"[{name}]" if ":" in name else name) + port


def _path(url: str) -> str:
    """The path, encoded once more: all services but S3 sign it so."""
    return quote(urlsplit(url).path or "/", safe="/~")


def _query(url: str) -> str:
    """The query's parts as they stand, sorted by name, then value; a name without a value gets ``=``."""
    query = urlsplit(url).query
    pairs = sorted(tuple(part.partition("=")[::2]) for part in query.split("&")) if query else []
    return "&".join(f"{name}={value}" for name, value in pairs)


@lru_cache(maxsize=64)
def _signing_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
