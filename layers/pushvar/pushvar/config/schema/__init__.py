"""The words of a configuration: the names, meanings and defaults of prometheus.yml, plus blocks of our own.

Two defaults differ from Prometheus on purpose: ``metrics_path`` is ``/debug/vars`` and bodies are
limited. Everything here is frozen and hashable: a list is a tuple, a mapping is a tuple of
(key, value) pairs sorted by key. ``Meta(extra={"grammar": ...})`` names the function of
``config.grammar`` that reads a text. Nothing here reads or checks a document.

Source of the words: Prometheus' documentation, "Configuration". ``pushgateways``, ``tenancy`` and
``gateway`` are our own.
"""

from __future__ import annotations

import hashlib

import msgspec

from pushvar.config.mappings import MappingName, Rules
from pushvar.config.schema.delivery import (
    MetadataConfig,
    ProtobufMessage,
    Pushgateway,
    QueueConfig,
    RemoteWrite,
)
from pushvar.config.schema.discovery import DnsSdConfig, FileGroup, FileSdConfig, HttpSdConfig
from pushvar.config.schema.gateway import Gateway, GatewayCredential
from pushvar.config.schema.http import Authorization, BasicAuth, HttpHeader, OAuth2, SigV4, TlsConfig
from pushvar.config.schema.scrape import Global, ScrapeConfig, StaticConfig, TargetPolicy
from pushvar.config.schema.tenancy import DEFAULT_TIERS, Budgets, Tenancy, TenantRule, Tier
from pushvar.config.schema.words import (
    MIB,
    Count,
    CustomerId,
    ExternalLabelName,
    ExternalLabelValue,
    FileLabelName,
    Fraction,
    LabelName,
    LabelTemplate,
    Limit,
    Path,
    Port,
    PositiveSpan,
    SdPattern,
    Secret,
    SizeBytes,
    Span,
    Text,
)
from pushvar.config.values import Block

__all__ = [
    "DEFAULT_TIERS",
    "MIB",
    "VERSION_CHARS",
    "Authorization",
    "BasicAuth",
    "Budgets",
    "Config",
    "Count",
    "CustomerId",
    "DnsSdConfig",
    "ExternalLabelName",
    "ExternalLabelValue",
    "FileGroup",
    "FileLabelName",
    "FileSdConfig",
    "Fraction",
    "Gateway",
    "GatewayCredential",
    "Global",
    "HttpHeader",
    "HttpSdConfig",
    "LabelName",
    "LabelTemplate",
    "Limit",
    "MetadataConfig",
    "OAuth2",
    "Path",
    "Port",
    "PositiveSpan",
    "ProtobufMessage",
    "Pushgateway",
    "QueueConfig",
    "RemoteWrite",
    "ScrapeConfig",
    "SdPattern",
    "Secret",
    "SigV4",
    "SizeBytes",
    "Span",
    "StaticConfig",
    "TargetPolicy",
    "Tenancy",
    "TenantRule",
    "Text",
    "Tier",
    "TlsConfig",
]

VERSION_CHARS = 16
"""Length of a configuration's version: this many hex digits of a sha256."""


class Config(Block, frozen=True, kw_only=True, rename={"global_": "global"}):
    """A whole configuration, checked and complete. Never changed: a reload makes a new one."""

    global_: Global = Global()
    scrape_configs: tuple[ScrapeConfig, ...] = ()
    remote_write: tuple[RemoteWrite, ...] = ()
    pushgateways: tuple[Pushgateway, ...] = ()
    mappings: tuple[tuple[MappingName, Rules], ...] = ()
    tenancy: Tenancy = Tenancy()
    gateway: Gateway = Gateway()

    @property
    def version(self) -> str:
        """A hash of all values, defaults included; comments, key order and spelling do not change it."""
        document = msgspec.json.encode(self, order="sorted")
        return hashlib.sha256(document).hexdigest()[:VERSION_CHARS]
