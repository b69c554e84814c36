"""Where numbers come from: jobs, their targets, and the defaults of all."""

from __future__ import annotations

from typing import Literal

from pushvar.config import web
from pushvar.config.mappings import MappingName
from pushvar.config.relabel import RelabelConfig
from pushvar.config.schema.discovery import DnsSdConfig, FileSdConfig, HttpSdConfig
from pushvar.config.schema.http import Authorization, BasicAuth, HttpHeader, OAuth2, TlsConfig
from pushvar.config.schema.words import (
    MIB,
    ExternalLabelName,
    ExternalLabelValue,
    LabelName,
    Limit,
    SizeBytes,
    Span,
    Text,
)
from pushvar.config.values import Block, Duration


class StaticConfig(Block, frozen=True, kw_only=True):
    """Targets (``host:port``, the port may be missing) that share labels."""

    targets: tuple[web.Address, ...]
    labels: tuple[tuple[LabelName, str], ...] = ()


class TargetPolicy(Block, frozen=True, kw_only=True):
    """Where targets may be, beyond what no target may be anyway. An empty list allows all; ``deny`` wins."""

    allow: tuple[web.Network, ...] = ()
    deny: tuple[web.Network, ...] = ()
    ports: tuple[web.PortRange, ...] = ()


class Global(Block, frozen=True, kw_only=True):
    """Defaults of all scrape configs; a limit of 0 means none. ``self_metrics``: whether ours are sent."""

    scrape_interval: Span = Duration(60_000)
    scrape_timeout: Span = Duration()
    external_labels: tuple[tuple[ExternalLabelName, ExternalLabelValue], ...] = ()
    self_metrics: bool = True
    target_policy: TargetPolicy = TargetPolicy()
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
    oauth2: OAuth2 | None = None
    http_headers: tuple[tuple[web.HeaderName, HttpHeader], ...] = ()
    tls_config: TlsConfig = TlsConfig()
    proxy_url: web.ProxyUrl = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    body_size_limit: SizeBytes = 0
    sample_limit: Limit = 0
    label_limit: Limit = 0
    label_name_length_limit: Limit = 0
    label_value_length_limit: Limit = 0
    static_configs: tuple[StaticConfig, ...] = ()
    file_sd_configs: tuple[FileSdConfig, ...] = ()
    http_sd_configs: tuple[HttpSdConfig, ...] = ()
    dns_sd_configs: tuple[DnsSdConfig, ...] = ()
    relabel_configs: tuple[RelabelConfig, ...] = ()
    metric_relabel_configs: tuple[RelabelConfig, ...] = ()
