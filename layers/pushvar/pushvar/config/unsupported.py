"""Keys and values that Prometheus or our design knows and this version does not: named, never ignored.

A table of block -> key -> (problem, hint). The reader looks here before it calls a key unknown, so
nobody is told that ``http_sd_configs`` is a typing error.
Source: Prometheus' documentation, "Configuration"; prometheus config/config.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config.schema import (
    Authorization,
    BasicAuth,
    Config,
    Global,
    HttpHeader,
    HttpSdConfig,
    OAuth2,
    Pushgateway,
    QueueConfig,
    RemoteWrite,
    ScrapeConfig,
    SigV4,
    Tenancy,
    TlsConfig,
)

if TYPE_CHECKING:
    from pushvar.config.values import Block

Instead = tuple[str, str]

_LATER = "not supported yet"
_NEVER = "not supported by pushvar"


def _later(keys: str, hint: str = "") -> dict[str, Instead]:
    return dict.fromkeys(keys.split(), (_LATER, hint))


def _never(keys: str, hint: str) -> dict[str, Instead]:
    return dict.fromkeys(keys.split(), (_NEVER, hint))


_PROXY = _later("proxy_url no_proxy proxy_from_environment proxy_connect_header", "remove it")
_HTTP_CLIENT = {
    **_never("proxy_connect_header", "a proxy is told nothing but where to connect; remove it"),
    **_never("bearer_token", "use authorization: {credentials: env:NAME}"),
    **_never("bearer_token_file", "use authorization: {credentials_file: PATH}"),
    **_never("follow_redirects", "redirects are never followed to another host; remove it"),
    **_later("enable_http2", "remove it"),
}

_SERVICES = """azure consul digitalocean docker dockerswarm ec2 eureka gce hetzner ionos kubernetes kuma
    lightsail linode marathon nerve nomad openstack ovhcloud puppetdb scaleway serverset stackit triton uyuni
    vultr"""
_DISCOVERY = " ".join(f"{name}_sd_configs" for name in _SERVICES.split())

_NATIVE_HISTOGRAMS = """scrape_native_histograms scrape_classic_histograms always_scrape_classic_histograms
    convert_classic_histograms_to_nhcb native_histogram_bucket_limit native_histogram_min_bucket_factor"""

_SCRAPING = {
    **_never(_NATIVE_HISTOGRAMS, "expvar has no native histograms; remove it"),
    **_never("scrape_protocols fallback_scrape_protocol", "use format"),
    **_never("metric_name_validation_scheme metric_name_escaping_scheme", "every name is legal; remove it"),
    **_never("keep_dropped_targets scrape_failure_log_file extra_scrape_metrics", "remove it"),
    **_later("target_limit", "remove it"),
}

UNSUPPORTED: dict[type[Block], dict[str, Instead]] = {
    Config: {
        **_never("rule_files alerting", "rules and alerts belong to the backend; remove it"),
        **_never("remote_read storage tracing otlp runtime", "pushvar stores nothing; remove it"),
        **_never("scrape_config_files", "use file_sd_configs for targets in other files"),
    },
    Global: {
        **_SCRAPING,
        **_never("evaluation_interval rule_query_offset query_log_file", "no rules are evaluated; remove it"),
    },
    ScrapeConfig: {
        **_HTTP_CLIENT,
        **_SCRAPING,
        **_never(_DISCOVERY, "use static_configs or file_sd_configs"),
        **_never("track_timestamps_staleness", "every series that vanishes is marked stale; remove it"),
        **_later("enable_compression", "remove it"),
    },
    HttpSdConfig: _HTTP_CLIENT,
    RemoteWrite: {
        **_HTTP_CLIENT,
        **_later("azuread google_iam", "use authorization, basic_auth or sigv4"),
        **_never("http_headers", "use headers: {NAME: VALUE}"),
        **_never("send_exemplars send_native_histograms", "expvar has none; remove it"),
        **_never("round_robin_dns", "remove it"),
    },
    Pushgateway: {
        **_HTTP_CLIENT,
        **_never(
            "write_relabel_configs", "a gateway has one type for a name; use metric_relabel_configs or match"
        ),
        **_never("http_headers", "use headers: {NAME: VALUE}"),
        **_never("timeout", "use remote_timeout"),
        **_never("sigv4", "use authorization or basic_auth"),
        **_never("queue_config metadata_config", "each group of targets is one request; remove it"),
        **_never("protobuf_message", "a Pushgateway is sent text; remove it"),
    },
    QueueConfig: {
        **_never("capacity min_shards", "what is undelivered waits in the spool; remove it"),
        **_never("batch_send_deadline", "a batch is sent when its cycle is done; remove it"),
        **_never("retry_on_http_429", "429 is always retried; remove it"),
    },
    TlsConfig: {
        **_never("ca", "write the certificate to a file and give ca_file"),
        **_never("cert", "write the certificate to a file and give cert_file"),
        **_never("key", "write the key to a file and give key_file"),
        **_never("ca_ref cert_ref key_ref", "use ca_file, cert_file and key_file"),
        **_later("max_version", "remove it"),
    },
    BasicAuth: {
        **_later("username_file username_ref", "write username"),
        **_never("password_ref", "use password: env:NAME or file:PATH"),
    },
    Authorization: _never("credentials_ref", "use credentials: env:NAME or file:PATH"),
    OAuth2: {
        **_PROXY,
        **_never("client_secret_ref", "use client_secret: env:NAME or file:PATH"),
        **_later(
            """grant_type client_certificate_key client_certificate_key_file client_certificate_key_ref
            client_certificate_key_id signature_algorithm iss audience claims""",
            "use client_secret, and endpoint_params for what else the token server wants",
        ),
    },
    SigV4: _later("profile role_arn external_id use_fips_sts_endpoint", "give the credentials of the role"),
    HttpHeader: _later("secrets files", "use authorization for keys, values for the rest"),
    Tenancy: _never("templates", "use labels: {NAME: TEMPLATE}"),
}
"""Block -> key -> what is wrong and what to do instead."""

LATER_VALUES: dict[tuple[str, str], Instead] = {
    ("min_version", "TLS10"): ("TLS10 is too old to be safe", "write TLS12 or TLS13"),
    ("min_version", "TLS11"): ("TLS11 is too old to be safe", "write TLS12 or TLS13"),
}
"""(key, value) of a closed set that is known but not taken."""
