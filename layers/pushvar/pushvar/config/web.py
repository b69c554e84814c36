"""The grammars of what goes over HTTP: target addresses, paths, backend URLs, headers.

The same rules as in ``config.grammar``: a text in, its value or a ``ConfigError`` without path out,
and nothing shown that may hold a password or a key.

Sources: prometheus/common config/headers.go, prometheus config/config.go (reserved headers);
RFC 9110 5.1 and 5.5 (header fields).
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from pushvar.config.grammar import quoted, refused
from pushvar.config.templates import Reference, names_a_label, template_parts

Address = Annotated[str, Meta(extra={"grammar": "address"})]
MetricsPath = Annotated[str, Meta(extra={"grammar": "metrics_path"})]
RemoteUrl = Annotated[str, Meta(extra={"grammar": "remote_url"})]
Network = Annotated[str, Meta(extra={"grammar": "network"})]
PortRange = Annotated[str, Meta(extra={"grammar": "port_range"})]
SourceUrl = Annotated[str, Meta(extra={"grammar": "source_url"})]
TokenUrl = Annotated[str, Meta(extra={"grammar": "token_url"})]
EndpointParam = Annotated[str, Meta(extra={"grammar": "endpoint_param"})]
GatewayUrl = Annotated[str, Meta(extra={"grammar": "gateway_url"})]
ProxyUrl = Annotated[str, Meta(extra={"grammar": "proxy_url"})]
AuthType = Annotated[str, Meta(extra={"grammar": "auth_type"})]
HeaderName = Annotated[str, Meta(extra={"grammar": "header_name"})]
HeaderValue = Annotated[str, Meta(extra={"grammar": "header_value"})]
HeaderTemplate = Annotated[str, Meta(extra={"grammar": "header_template"})]

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)(?P<port>:\d{1,5})?", re.ASCII)
_MAX_PORT = 65_535
_PORT_RANGE = re.compile(r"(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?", re.ASCII)
_METRICS_PATH = re.compile(r"/[!-~]*")
_URL_TEXT = re.compile(r"[!-~]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")

_CLIENT_PARAMS = {
    "client_id": "client_id: NAME",
    "client_secret": "client_secret: env:NAME",
    "scope": "scopes: [NAME]",
}
"""Parameter of a token request -> the key that gives it."""

RESERVED_HEADERS = frozenset({
    "host", "content-encoding", "content-length", "content-type", "user-agent", "connection", "keep-alive",
    "proxy-authenticate", "proxy-authorization", "www-authenticate", "accept-encoding",
    "x-prometheus-remote-write-version", "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
    "retry-attempt",
})  # fmt: skip
"""What the sender itself says in a request: Prometheus' list and the retry counter of remote write 2.0."""


def address(value: str) -> str:
    """A target: ``host``, ``host:port``, ``[v6]:port``; no scheme, no user, no path."""
    if _is_address(value):
        return value
    if "/" in value or "@" in value:
        authority = (value.partition("://")[2] or value).partition("/")[0]
        bare = authority.rpartition("@")[2] or "10.0.1.5:8080"
        raise refused(
            "a target is host:port, without scheme, user and path",
            f"write {quoted(bare)}; scheme, metrics_path and basic_auth are keys of the scrape config",
        )
    if value.count(":") > 1 and not value.startswith("["):
        raise refused(
            f"{quoted(value)} is not host:port", f'write an IPv6 address in brackets: "[{value}]:8080"'
        )
    raise refused(f"{quoted(value)} is not host:port", 'write "10.0.1.5:8080" or "my-host:8080"')


def _is_address(value: str) -> bool:
    found = _ADDRESS.fullmatch(value)
    return found is not None and 0 < int((found["port"] or ":1")[1:]) <= _MAX_PORT


def with_port(target: str, scheme: str) -> str:
    """The address with a port: 80 or 443 by scheme where it has none, as Prometheus adds it."""
    has_port = ":" in target.rpartition("]")[2]
    return target if has_port else f"{target}:{443 if scheme == 'https' else 80}"


def network(value: str) -> str:
    """A network: ``10.0.0.0/8``, ``fd00::/8``; an address alone is a network of one."""
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        instead = "10.0.0.0/8 or fd00::/8"
        if "host bits" in str(error):
            instead = str(ipaddress.ip_network(value, strict=False))
        raise refused(f"{quoted(value)} is not a network", f"write {instead}") from None
    return value


def port_range(value: str) -> str:
    """A port, or the first and the last of several: ``8080``, ``9000-9999``."""
    found = _PORT_RANGE.fullmatch(value)
    ends = ports_of(value) if found else (0, 0)
    if not 0 < ends[0] <= ends[1] <= _MAX_PORT:
        raise refused(f"{quoted(value)} is not a port", "write 8080 or 9000-9999")
    return value


def ports_of(value: str) -> tuple[int, int]:
    """The first and the last port of a range."""
    first, _, last = value.partition("-")
    return int(first), int(last or first)


def metrics_path(value: str) -> str:
    """The path of a target: it begins with a slash and holds no query."""
    if "?" in value or "#" in value:
        raise refused(f"{quoted(value)} holds more than a path", "give the query as params")
    if not _METRICS_PATH.fullmatch(value):
        raise refused(f"{quoted(value)} is not a path", "begin with /, and write other characters as %XX")
    return value


def remote_url(value: str) -> str:
    """The URL of a remote_write; path and query may hold labels of the target: ``{customer_id}``."""
    parts = template_parts(value)
    filled = "".join(["x" if isinstance(part, Reference) else part for part in parts])
    backend_url(filled)
    authority = "".join(part if isinstance(part, str) else "{" for part in parts).partition("://")[2]
    if "{" in re.split(r"[/?]", authority, maxsplit=1)[0]:
        raise refused("a label of the target in the host", "only path and query may depend on the target")
    return value


def backend_url(value: str) -> str:
    """The URL of a backend: http or https, a host, no user or password in it."""
    if "@" in value:
        raise refused(
            "a URL may not hold a user or password", "give them in basic_auth; write %40 for an @ in a path"
        )
    if names_a_label(value):
        raise refused("only remote_write takes labels of the target", "write a fixed URL")
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "#" in value or not _URL_TEXT.fullmatch(value):
        shown = value.partition("?")[0]  # keys stand in queries
        raise refused(f"{quoted(shown)} is not a URL", "write https://host/path")
    return value


def source_url(value: str) -> str:
    """The URL of a service that lists targets: as of any backend; what stands in braces stays as it is."""
    backend_url(value.replace("{", "%7B").replace("}", "%7D"))
    return value


def token_url(value: str) -> str:
    """The URL of a token server."""
    if "@" in value:
        raise refused("a URL may not hold a user or password", "give client_id and client_secret")
    return source_url(value)


def endpoint_param(value: str) -> str:
    """The name of one more parameter for a token server: none that has a key of its own."""
    if value in _CLIENT_PARAMS:
        raise refused("has a key of its own", f"write it beside endpoint_params: {_CLIENT_PARAMS[value]}")
    return value


def gateway_url(value: str) -> str:
    """The URL of a Pushgateway: as of any backend, and without a query, for paths are put behind it."""
    url, mark, _query = backend_url(value).partition("?")
    if mark:
        raise refused(f"{quoted(url)} goes on with a query", "write https://host/prefix")
    return url


def proxy_url(value: str) -> str:
    """The URL of an HTTP proxy: host and port; nothing stands for no proxy."""
    if "@" in value:
        hint = "use a proxy that knows its clients without a password"
        raise refused("the URL of a proxy may not hold a user or password", hint)
    scheme, _, rest = value.partition("://")
    if value and (scheme != "http" or not _is_address(rest.removesuffix("/"))):
        raise refused(
            f"{quoted(value.partition('?')[0])} is not the URL of an HTTP proxy", "write http://host:3128"
        )
    return value


def auth_type(value: str) -> str:
    """The scheme of an Authorization header, ``Bearer`` where it is blank."""
    kind = value.strip() or "Bearer"
    if kind.lower() == "basic":
        raise refused(f"{quoted(value)} has a block of its own", "write basic_auth: {username, password}")
    if not _HEADER_NAME.fullmatch(kind):
        raise refused("is not an authorization type", "write Bearer")
    return kind


def header_name(value: str) -> str:
    """The name of an extra header: legal, and none that the sender sets itself."""
    if value.lower() == "authorization":
        raise refused("set by the authentication alone", "use basic_auth or authorization")
    if value.lower() in RESERVED_HEADERS:
        raise refused("a reserved header, which pushvar sets itself", "remove it")
    if not _HEADER_NAME.fullmatch(value):
        raise refused("is not a header name", "use letters, digits and -")
    return value


def header_value(value: str) -> str:
    """The value of an extra header. Never shown: people keep keys in headers."""
    if names_a_label(value):
        raise refused("only remote_write takes labels of the target", "write a fixed value")
    if not _HEADER_VALUE.fullmatch(value):
        raise refused("is not a header value", "use printable ASCII on one line")
    return value


def header_template(value: str) -> str:
    """The value of an extra header of a remote_write; it may hold labels of the target."""
    template_parts(value)
    if not _HEADER_VALUE.fullmatch(value):
        raise refused("is not a header value", "use printable ASCII on one line")
    return value


GRAMMARS = {
    function.__name__: function
    for function in (
        address, network, port_range, metrics_path, remote_url, source_url, token_url, endpoint_param,
        gateway_url, proxy_url, auth_type, header_name, header_value, header_template,
    )
}  # fmt: skip
"""Name in the schema -> function."""
