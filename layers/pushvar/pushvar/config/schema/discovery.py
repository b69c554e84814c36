"""Where jobs find their targets besides static_configs: files, a web service, the DNS."""

from __future__ import annotations

from typing import Literal

from pushvar.config import web
from pushvar.config.schema.http import Authorization, BasicAuth, HttpHeader, OAuth2, TlsConfig
from pushvar.config.schema.words import FileLabelName, Port, PositiveSpan, SdPattern, Text
from pushvar.config.values import Block, Duration


class FileGroup(Block, frozen=True, kw_only=True):
    """One element of a file_sd file or an http_sd answer. Label names that are not legal are made so."""

    targets: tuple[web.Address, ...]
    labels: tuple[tuple[FileLabelName, str], ...] = ()


class FileSdConfig(Block, frozen=True, kw_only=True):
    """Files with target groups; ``*`` only in the last path segment."""

    files: tuple[SdPattern, ...]
    refresh_interval: PositiveSpan = Duration(300_000)


class HttpSdConfig(Block, frozen=True, kw_only=True):
    """A URL that answers with target groups as JSON."""

    url: web.SourceUrl
    refresh_interval: PositiveSpan = Duration(60_000)
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    oauth2: OAuth2 | None = None
    http_headers: tuple[tuple[web.HeaderName, HttpHeader], ...] = ()
    tls_config: TlsConfig = TlsConfig()
    proxy_url: web.ProxyUrl = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False


class DnsSdConfig(Block, frozen=True, kw_only=True):
    """Names whose records are targets; ``port`` is that of all but SRV records, which bring their own."""

    names: tuple[Text, ...]
    type: Literal["SRV", "A", "AAAA", "MX"] = "SRV"
    port: Port = 0
    refresh_interval: PositiveSpan = Duration(30_000)
