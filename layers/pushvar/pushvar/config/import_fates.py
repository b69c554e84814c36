"""What becomes of the keys of a prometheus.yml that pushvar does not have: a table of their fates.

A key that is not named here takes the job or the backend in which it stands with it: whatever it does,
something else would be scraped or sent without it. What is wrong with a key says ``config.unsupported``.
Source: Prometheus' documentation, "Configuration"; defaults: config/config.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config.schema import Config, Global, QueueConfig, RemoteWrite, ScrapeConfig

if TYPE_CHECKING:
    from pushvar.config.values import Block

SKIPPED = "skipped"
"""Nothing that is scraped or sent depends on it."""

LEFT_OUT = "left out"
"""The rest is kept, and is not quite what it was: a finding."""

UNIT_LEFT_OUT = "the {unit} is left out"
"""The job or backend would be another one without the key: a finding."""

_SKIPPED: dict[type[Block], str] = {
    Config: "rule_files alerting remote_read storage tracing otlp runtime",
    Global: """evaluation_interval rule_query_offset query_log_file scrape_protocols keep_dropped_targets
        scrape_failure_log_file metric_name_validation_scheme metric_name_escaping_scheme
        fallback_scrape_protocol""",
    ScrapeConfig: """enable_http2 enable_compression scrape_protocols fallback_scrape_protocol
        keep_dropped_targets scrape_failure_log_file metric_name_validation_scheme
        metric_name_escaping_scheme track_timestamps_staleness""",
    RemoteWrite: "enable_http2 round_robin_dns follow_redirects",
    QueueConfig: "capacity min_shards batch_send_deadline retry_on_http_429",
}
_LEFT_OUT: dict[type[Block], str] = {
    ScrapeConfig: """target_limit extra_scrape_metrics follow_redirects scrape_native_histograms
        scrape_classic_histograms always_scrape_classic_histograms convert_classic_histograms_to_nhcb
        native_histogram_bucket_limit native_histogram_min_bucket_factor""",
    RemoteWrite: "send_exemplars send_native_histograms",
}

_WITHOUT_EFFECT: dict[str, frozenset[str]] = {
    "follow_redirects": frozenset({"true"}),
    "proxy_url": frozenset({""}),
    "no_proxy": frozenset({""}),
    "max_version": frozenset({""}),
    "proxy_from_environment": frozenset({"false"}),
    "extra_scrape_metrics": frozenset({"false"}),
    "scrape_native_histograms": frozenset({"false"}),
    "scrape_classic_histograms": frozenset({"false"}),
    "always_scrape_classic_histograms": frozenset({"false"}),
    "convert_classic_histograms_to_nhcb": frozenset({"false"}),
    "send_exemplars": frozenset({"false"}),
    "send_native_histograms": frozenset({"false"}),
    "target_limit": frozenset({"0"}),
    "native_histogram_bucket_limit": frozenset({"0"}),
    "native_histogram_min_bucket_factor": frozenset({"0"}),
    "profile": frozenset({""}),
    "role_arn": frozenset({""}),
    "external_id": frozenset({""}),
    "use_fips_sts_endpoint": frozenset({"false"}),
}
"""Key -> the values with which it says what is so without it."""


def fate_of(key: str, block: type[Block], value: str | None) -> str:
    """What becomes of a key of a block, given its value where that is a single one."""
    if value is not None and value in _WITHOUT_EFFECT.get(key, ()):
        return SKIPPED
    if key in _SKIPPED.get(block, "").split():
        return SKIPPED
    if key in _LEFT_OUT.get(block, "").split() or block in {Config, Global}:
        return LEFT_OUT
    return UNIT_LEFT_OUT
