"""Where numbers go: backends and how they are sent to."""

from __future__ import annotations

from typing import Literal

from pushvar.config import web
from pushvar.config.relabel import Match, RelabelConfig
from pushvar.config.schema.http import Authorization, BasicAuth, OAuth2, SigV4, TlsConfig
from pushvar.config.schema.words import MIB, Count, PositiveSpan, SizeBytes, Span
from pushvar.config.values import Block, Duration


class QueueConfig(Block, frozen=True, kw_only=True):
    """How batches are cut, retried and given up."""

    max_samples_per_send: Count = 2000
    max_shards: Count = 20
    min_backoff: PositiveSpan = Duration(100)
    max_backoff: PositiveSpan = Duration(5_000)
    sample_age_limit: PositiveSpan = Duration(600_000)
    spool_size_limit: SizeBytes = 256 * MIB


class MetadataConfig(Block, frozen=True, kw_only=True):
    """Whether and how often type, help and unit are sent apart from the samples."""

    send: bool = True
    send_interval: PositiveSpan = Duration(60_000)
    max_samples_per_send: Count = 2000


ProtobufMessage = Literal["prometheus.WriteRequest", "io.prometheus.write.v2.Request", "auto"]
"""Remote write 1.0 or 2.0 by Prometheus' words; ``auto``, our own, finds out which the backend takes."""


class RemoteWrite(Block, frozen=True, kw_only=True):
    """A backend that takes remote write. After loading ``name`` is unique among all backends, never empty."""

    url: web.RemoteUrl
    name: str = ""
    remote_timeout: PositiveSpan = Duration(30_000)
    headers: tuple[tuple[web.HeaderName, web.HeaderTemplate], ...] = ()
    match: Match = ()
    write_relabel_configs: tuple[RelabelConfig, ...] = ()
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    oauth2: OAuth2 | None = None
    sigv4: SigV4 | None = None
    tls_config: TlsConfig = TlsConfig()
    proxy_url: web.ProxyUrl = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    protobuf_message: ProtobufMessage = "prometheus.WriteRequest"
    queue_config: QueueConfig = QueueConfig()
    metadata_config: MetadataConfig = MetadataConfig()


class Pushgateway(Block, frozen=True, kw_only=True):
    """A Pushgateway: ``url`` ends with its path prefix, without ``/metrics``; ``name`` as in remote_write.

    A group whose targets have all been down for ``delete_down_after`` is deleted; 0s is never.
    """

    url: web.GatewayUrl
    name: str = ""
    remote_timeout: PositiveSpan = Duration(30_000)
    delete_down_after: Span = Duration(3_600_000)
    headers: tuple[tuple[web.HeaderName, web.HeaderValue], ...] = ()
    match: Match = ()
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    oauth2: OAuth2 | None = None
    tls_config: TlsConfig = TlsConfig()
    proxy_url: web.ProxyUrl = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
