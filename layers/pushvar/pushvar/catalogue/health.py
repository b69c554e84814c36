"""What every target yields, up or down, and why a scrape may fail."""

from __future__ import annotations

from pushvar.model import Family, MetricType

_GAUGE = MetricType.GAUGE

HEALTH: tuple[Family, ...] = (
    Family("up", _GAUGE, "1 when the target answered with a usable document, 0 when not."),
    Family("scrape_duration_seconds", _GAUGE, "How long the fetch took.", "seconds"),
    Family("scrape_samples_scraped", _GAUGE, "Samples that the target's document gave."),
    Family("scrape_samples_post_metric_relabeling", _GAUGE, "Samples left after metric relabelling."),
    Family("scrape_series_added", _GAUGE, "Series that the previous scrape of the target did not have."),
)
"""What every target yields, up or down: the spelling of Prometheus' own synthetic series."""

HEALTH_ANOMALIES: dict[str, str] = {
    "up": "0: the fetch failed; pushvar_scrapes_total has the reason, pushvar triage finds the cause",
    "scrape_duration_seconds": "above 80 % of the timeout: soon the target looks down although it lives",
    "scrape_samples_scraped": "half as many again as yesterday: a release puts ids into keys or labels",
    "scrape_samples_post_metric_relabeling": "0 while samples were scraped: a rule drops everything",
    "scrape_series_added": "high in every scrape: series come and go, each costs the backend memory",
}
"""Health series -> the movement that deserves a look."""

FAILURE_CLASSES: dict[str, tuple[str, str]] = {
    "ok": ("", ""),
    "dns": ("the name does not resolve", "check the target's host name"),
    "refused": ("nothing listens there", "check the port, and that the program runs"),
    "timeout": ("no complete answer in time", "look at the program's load, or raise scrape_timeout"),
    "tls": ("TLS handshake or certificate failed", "check scheme and tls_config"),
    "blocked": ("the address is not allowed", "targets may not be link-local or metadata addresses"),
    "redirect": ("the target redirects", "register the final address; redirects are not followed"),
    "auth": ("401 or 403", "check the credentials of the scrape config"),
    "not_found": ("404", "check metrics_path; is expvar imported and served there?"),
    "rate_limited": ("429", "fetch less often"),
    "client": ("another 4xx", "look at the target's answer"),
    "server": ("5xx", "look at the target's own log"),
    "connection": ("the connection broke off", "look at the target's own log, and at proxies between"),
    "too_large": ("the body is over body_size_limit", "raise body_size_limit or publish less"),
    "too_many_samples": (
        "more samples than sample_limit, or more than 500,000 values",
        "raise sample_limit or publish less",
    ),
    "label_limit": ("a series over a label limit", "raise the label limit or shorten the labels"),
    "bad_json": ("not JSON, and not repairable", "look at the variable that is named"),
    "bad_format": (
        "neither an expvar document nor Prometheus text",
        "check metrics_path and format: expvar serves /debug/vars, text mostly /metrics",
    ),
    "internal": ("pushvar's own fault", "please report it with the message"),
}
"""Failure class -> (what it means, what to do next); the class is the ``reason`` of a failed scrape."""
