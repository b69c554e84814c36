"""How a server is spoken to: credentials, TLS, headers."""

from __future__ import annotations

from typing import Literal

from pushvar.config import web
from pushvar.config.schema.words import Path, Secret, Text
from pushvar.config.values import Block


class BasicAuth(Block, frozen=True, kw_only=True):
    """User and password. ``password_file: PATH`` is read as ``password: file:PATH``."""

    username: str = ""
    password: Secret | None = None


class Authorization(Block, frozen=True, kw_only=True):
    """An Authorization header. ``credentials_file: PATH`` is read as ``credentials: file:PATH``."""

    type: web.AuthType = "Bearer"
    credentials: Secret


class SigV4(Block, frozen=True, kw_only=True):
    """AWS Signature Version 4 for Amazon Managed Prometheus.

    What is not given is taken from the environment, as AWS sets it: ``AWS_REGION``,
    ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``.
    """

    region: str = ""
    access_key: str = ""
    secret_key: Secret | None = None


class TlsConfig(Block, frozen=True, kw_only=True):
    """TLS of a client. Paths are relative to the configuration's folder; empty means the default."""

    ca_file: Path = ""
    cert_file: Path = ""
    key_file: Path = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: Literal["TLS12", "TLS13"] = "TLS12"


class OAuth2(Block, frozen=True, kw_only=True):
    """A token for client_id and client_secret (the client credentials grant), used as a Bearer token.

    ``client_secret_file: PATH`` is read as ``client_secret: file:PATH``. ``tls_config`` is that of the
    token server.
    """

    client_id: Text
    client_secret: Secret | None = None
    scopes: tuple[Text, ...] = ()
    token_url: web.TokenUrl
    endpoint_params: tuple[tuple[web.EndpointParam, str], ...] = ()
    tls_config: TlsConfig = TlsConfig()


class HttpHeader(Block, frozen=True, kw_only=True):
    """The values of one extra header of a scrape."""

    values: tuple[web.HeaderValue, ...]
