"""The words of a configuration: the names, meanings and defaults of prometheus.yml, plus blocks of our own.

Two defaults differ from Prometheus on purpose: ``metrics_path`` is ``/debug/vars`` and bodies are
limited. Everything here is frozen and hashable: a list is a tuple, a mapping is a tuple of
(key, value) pairs sorted by key. ``Meta(extra={"grammar": ...})`` names the function of
``config.grammar`` that reads a text. Nothing here reads or checks a document.

Source of the words: Prometheus' documentation, "Configuration". ``pushgateways`` and ``tenancy`` are our own.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pushvar.config import web
from pushvar.config.mappings import MappingName, Rules
from pushvar.config.relabel import Match, RelabelConfig
from pushvar.config.values import Block, Duration, SecretRef

VERSION_CHARS = 16
"""Length of a configuration's version: this many hex digits of a sha256."""

MIB = 1024 * 1024

Text = Annotated[str, Meta(extra={"grammar": "text"})]
Path = Annotated[str, Meta(extra={"grammar": "path"})]
SdPattern = Annotated[str, Meta(extra={"grammar": "sd_pattern"})]
LabelName = Annotated[str, Meta(extra={"grammar": "label_name"})]
FileLabelName = Annotated[str, Meta(extra={"grammar": "file_label_name"})]
ExternalLabelName = Annotated[str, Meta(extra={"grammar": "external_label_name"})]
ExternalLabelValue = Annotated[str, Meta(extra={"grammar": "external_label_value"})]
CustomerId = Annotated[str, Meta(extra={"grammar": "customer_id"})]
Span = Annotated[Duration, Meta(extra={"grammar": "duration"})]
PositiveSpan = Annotated[Duration, Meta(extra={"grammar": "positive_duration"})]
Secret = Annotated[SecretRef, Meta(extra={"grammar": "secret"})]
SizeBytes = Annotated[int, Meta(ge=0, extra={"grammar": "size"})]
Limit = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
Fraction = Annotated[float, Meta(gt=0, lt=1)]


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


class HttpHeader(Block, frozen=True, kw_only=True):
    """The values of one extra header of a scrape."""

    values: tuple[web.HeaderValue, ...]


class StaticConfig(Block, frozen=True, kw_only=True):
    """Targets (``host:port``, the port may be missing) that share labels."""

    targets: tuple[web.Address, ...]
    labels: tuple[tuple[LabelName, str], ...] = ()


class FileGroup(Block, frozen=True, kw_only=True):
    """One element of a file_sd file. Label names that are not legal are made so when read."""

    targets: tuple[web.Address, ...]
    labels: tuple[tuple[FileLabelName, str], ...] = ()


class FileSdConfig(Block, frozen=True, kw_only=True):
    """Files with target groups; ``*`` only in the last path segment."""

    files: tuple[SdPattern, ...]
    refresh_interval: PositiveSpan = Duration(300_000)


class Global(Block, frozen=True, kw_only=True):
    """Defaults of all scrape configs; a limit of 0 means none. ``self_metrics``: whether ours are sent."""

    scrape_interval: Span = Duration(60_000)
    scrape_timeout: Span = Duration()
    external_labels: tuple[tuple[ExternalLabelName, ExternalLabelValue], ...] = ()
    self_metrics: bool = True
    body_size_limit: SizeBytes = 8 * MIB
    sample_limit: Limit = 0
    label_limit: Limit = 0
    label_name_length_limit: Limit = 0
    label_value_length_limit: Limit = 0


class ScrapeConfig(Block, frozen=True, kw_only=True):
    """One job. After loading no interval, timeout or limit is "not set" (0) where ``global`` has a value."""

    job_name: Text
    format: Literal["auto", "expvar", "prometheus"] = "auto"
    metrics_path: web.MetricsPath = "/debug/vars"
    scheme: Literal["http", "https"] = "http"
    params: tuple[tuple[str, tuple[str, ...]], ...] = ()
    scrape_interval: Span = Duration()
    scrape_timeout: Span = Duration()
    mappings: tuple[MappingName, ...] = ()
    unmatched: Literal["auto", "drop"] = "auto"
    honor_labels: bool = False
    honor_timestamps: bool = True
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    http_headers: tuple[tuple[web.HeaderName, HttpHeader], ...] = ()
    tls_config: TlsConfig = TlsConfig()
    body_size_limit: SizeBytes = 0
    sample_limit: Limit = 0
    label_limit: Limit = 0
    label_name_length_limit: Limit = 0
    label_value_length_limit: Limit = 0
    static_configs: tuple[StaticConfig, ...] = ()
    file_sd_configs: tuple[FileSdConfig, ...] = ()
    relabel_configs: tuple[RelabelConfig, ...] = ()
    metric_relabel_configs: tuple[RelabelConfig, ...] = ()


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
    sigv4: SigV4 | None = None
    tls_config: TlsConfig = TlsConfig()
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
    tls_config: TlsConfig = TlsConfig()


class Tier(Block, frozen=True, kw_only=True):
    """What a service level promises: the 95th percentile of latency and the share of good answers."""

    latency_p95: PositiveSpan
    availability: Fraction


DEFAULT_TIERS = (
    ("bronze", Tier(latency_p95=Duration(1_000), availability=0.995)),
    ("gold", Tier(latency_p95=Duration(100), availability=0.9999)),
    ("silver", Tier(latency_p95=Duration(300), availability=0.999)),
)
"""A tier of the document replaces the one of its name; the others stay."""


class Tenancy(Block, frozen=True, kw_only=True):
    """Our own block: whom series belong to. ``strict`` refuses targets without a customer_id."""

    default_customer_id: CustomerId = "default"
    strict: bool = False
    tiers: tuple[tuple[Text, Tier], ...] = DEFAULT_TIERS


class Config(Block, frozen=True, kw_only=True, rename={"global_": "global"}):
    """A whole configuration, checked and complete. Never changed: a reload makes a new one."""

    global_: Global = Global()
    scrape_configs: tuple[ScrapeConfig, ...] = ()
    remote_write: tuple[RemoteWrite, ...] = ()
    pushgateways: tuple[Pushgateway, ...] = ()
    mappings: tuple[tuple[MappingName, Rules], ...] = ()
    tenancy: Tenancy = Tenancy()

    @property
    def version(self) -> str:
        """A hash of all values, defaults included; comments, key order and spelling do not change it."""
        document = msgspec.json.encode(self, order="sorted")
        return hashlib.sha256(document).hexdigest()[:VERSION_CHARS]
