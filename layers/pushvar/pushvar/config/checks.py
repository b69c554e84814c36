"""Checks across values: what no single value shows. Each gives findings; none stops at the first.

They run on the completed configuration. A finding names the values it rests on, so that a value
that could not be read gives no second message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from pushvar.config.discovery_checks import discovery_findings, http_sources
from pushvar.config.gateway_checks import gateway_findings
from pushvar.config.grammar import quoted
from pushvar.config.mapping_checks import mapping_findings
from pushvar.config.problems import Finding, rendered
from pushvar.config.relabel import relabel_findings
from pushvar.config.schema import RemoteWrite
from pushvar.config.tenant_checks import tenancy_findings, tier_findings
from pushvar.config.values import Duration
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pushvar.config.problems import Path
    from pushvar.config.schema import (
        Config,
        FileGroup,
        HttpSdConfig,
        Pushgateway,
        ScrapeConfig,
        SigV4,
        StaticConfig,
        Tenancy,
        TlsConfig,
    )

SHORTEST_INTERVAL = Duration(1_000)
"""No target is scraped oftener; on AWS the shortest is 10s, which the plan checks."""

_SCHEMES = ("basic_auth", "authorization", "oauth2", "sigv4")
_GLOBAL_INTERVAL: Path = ("global", "scrape_interval")


def findings(config: Config) -> Iterator[Finding]:
    """Everything wrong across the values of a configuration, in no particular order."""
    for check in CHECKS:
        yield from check(config)


def group_findings(
    groups: Iterable[FileGroup | StaticConfig], tenancy: Tenancy, path: Path = ()
) -> Iterator[Finding]:
    """Everything wrong with the labels of target groups that stand as a list at ``path``."""
    for index, group in enumerate(groups):
        labels: Path = (*path, index, "labels")
        yield from tier_findings(group.labels, labels, tenancy)
        derived = any("customer_id" in dict(rule.labels) for rule in tenancy.rules)  # asked of each target
        if tenancy.strict and not derived and group.targets and not dict(group.labels).get("customer_id"):
            hint = "add the label customer_id, or set tenancy.strict to false"
            yield Finding((*labels, "customer_id"), "targets without a customer_id", hint, (("tenancy",),))


def _jobs(config: Config) -> Iterator[tuple[Path, ScrapeConfig]]:
    for index, job in enumerate(config.scrape_configs):
        yield ("scrape_configs", index), job


def _remotes(config: Config) -> Iterator[tuple[Path, RemoteWrite]]:
    for index, remote in enumerate(config.remote_write):
        yield ("remote_write", index), remote


def _backends(config: Config) -> Iterator[tuple[Path, RemoteWrite | Pushgateway]]:
    yield from _remotes(config)
    for index, gateway in enumerate(config.pushgateways):
        yield ("pushgateways", index), gateway


def _something_to_scrape(config: Config) -> Iterator[Finding]:
    if not (config.scrape_configs or config.gateway.is_open):
        yield Finding(("scrape_configs",), "no scrape config", "add one with job_name and static_configs")


def _unique_names(config: Config) -> Iterator[Finding]:
    jobs = [((*path, "job_name"), job.job_name) for path, job in _jobs(config)]
    backends = [((*path, "name"), backend.name) for path, backend in _backends(config)]
    for named in (jobs, backends):
        first: dict[str, Path] = {}
        for path, name in named:
            if first.setdefault(name, path) != path:
                problem = f"{quoted(name)} is the name of {rendered(first[name][:-1])} too"
                yield Finding(path, problem, "give each a name of its own")


def _intervals(config: Config) -> Iterator[Finding]:
    blocks: list[tuple[Path, Duration, Duration]] = [
        (("global",), config.global_.scrape_interval, config.global_.scrape_timeout),
        *((path, job.scrape_interval, job.scrape_timeout) for path, job in _jobs(config)),
    ]
    for path, interval, timeout in blocks:
        own: Path = (*path, "scrape_interval")
        if interval < SHORTEST_INTERVAL and (
            path == ("global",) or interval != config.global_.scrape_interval
        ):
            yield Finding(own, f"{interval} is too short", f"the shortest is {SHORTEST_INTERVAL}")
        if timeout > interval:
            problem = f"{timeout} is longer than the scrape_interval, {interval}"
            hint = f"write {interval} or less"
            yield Finding((*path, "scrape_timeout"), problem, hint, (own, _GLOBAL_INTERVAL))


def _authentication(config: Config) -> Iterator[Finding]:
    blocks: list[tuple[Path, ScrapeConfig | HttpSdConfig | RemoteWrite | Pushgateway]]
    blocks = [*_jobs(config), *http_sources(config), *_backends(config)]
    for path, block in blocks:
        given = [scheme for scheme in _SCHEMES if getattr(block, scheme, None) is not None]
        for scheme in given[1:]:
            yield Finding((*path, scheme), f"given together with {given[0]}", "keep one")
        if isinstance(block, RemoteWrite) and block.sigv4 is not None:
            yield from _sigv4((*path, "sigv4"), block.sigv4)
        yield from _tls((*path, "tls_config"), block.tls_config)
        if block.oauth2 is not None:
            yield from _tls((*path, "oauth2", "tls_config"), block.oauth2.tls_config)


def _tls(path: Path, block: TlsConfig) -> Iterator[Finding]:
    if bool(block.cert_file) != bool(block.key_file):
        missing = "key_file" if block.cert_file else "cert_file"
        yield Finding((*path, missing), "required", "cert_file and key_file belong together")


def _sigv4(path: Path, sigv4: SigV4) -> Iterator[Finding]:
    if bool(sigv4.access_key) != (sigv4.secret_key is not None):
        missing = "secret_key" if sigv4.access_key else "access_key"
        yield Finding((*path, missing), "required", "access_key and secret_key belong together")


def _proxies(config: Config) -> Iterator[Finding]:
    blocks: list[tuple[Path, ScrapeConfig | HttpSdConfig | RemoteWrite | Pushgateway]]
    blocks = [*_jobs(config), *http_sources(config), *_backends(config)]
    for path, block in blocks:
        both = "given together with proxy_from_environment"
        if block.proxy_from_environment and block.proxy_url:
            yield Finding((*path, "proxy_url"), both, "keep one")
        if block.proxy_from_environment and block.no_proxy:
            yield Finding((*path, "no_proxy"), both, "remove it; the environment's NO_PROXY is what counts")
        elif block.no_proxy and not block.proxy_url:
            yield Finding((*path, "proxy_url"), "required", "no_proxy says for whom it is not used")


def _headers(config: Config) -> Iterator[Finding]:
    blocks: list[tuple[Path, ScrapeConfig | HttpSdConfig]] = [*_jobs(config), *http_sources(config)]
    for path, block in blocks:
        yield from _same_header((*path, "http_headers"), [name for name, _header in block.http_headers])
    for path, backend in _backends(config):
        yield from _same_header((*path, "headers"), [name for name, _value in backend.headers])


def _same_header(path: Path, names: list[str]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name in names:
        if seen.setdefault(name.lower(), name) != name:
            yield Finding((*path, name), f"the same header as {seen[name.lower()]}", "keep one")


def _queues(config: Config) -> Iterator[Finding]:
    for path, remote in _remotes(config):
        queue = remote.queue_config
        if queue.min_backoff > queue.max_backoff:
            own: Path = (*path, "queue_config", "min_backoff")
            problem = f"{queue.min_backoff} is longer than max_backoff, {queue.max_backoff}"
            yield Finding(own, problem, f"write {queue.max_backoff} or less", ((*own[:-1], "max_backoff"),))


def _targets(config: Config) -> Iterator[Finding]:
    yield from tenancy_findings(config.tenancy)
    yield from tier_findings(config.global_.external_labels, ("global", "external_labels"), config.tenancy)
    for path, job in _jobs(config):
        # what steps may still say of a target is checked when they have run
        tenancy = replace(config.tenancy, strict=False) if job.relabel_configs else config.tenancy
        yield from group_findings(job.static_configs, tenancy, (*path, "static_configs"))


def _relabelling(config: Config) -> Iterator[Finding]:
    for path, job in _jobs(config):
        yield from relabel_findings(job.relabel_configs, (*path, "relabel_configs"))
        yield from relabel_findings(job.metric_relabel_configs, (*path, "metric_relabel_configs"))
    for path, remote in _remotes(config):
        yield from relabel_findings(remote.write_relabel_configs, (*path, "write_relabel_configs"))


CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    _something_to_scrape,
    _unique_names,
    _intervals,
    _authentication,
    _proxies,
    _headers,
    _queues,
    discovery_findings,
    _targets,
    gateway_findings,
    mapping_findings,
    _relabelling,
)


def demand_backend(config: Config) -> None:
    """Raise ConfigError for a configuration that sends nothing anywhere: it may be shown, not run."""
    if not (config.remote_write or config.pushgateways):
        hint = "add a remote_write or a pushgateways block with a url"
        raise ConfigError("remote_write", "no backend to send to", hint=hint)
