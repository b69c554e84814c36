"""dns_sd_configs: names whose records are targets.

The rules are Prometheus' (discovery/dns/dns.go): each name is a list of its own; a name that does not
exist has no targets, while a server that fails changes nothing; the target of an SRV record loses its
final dot in the address and keeps it in the label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.collect.discovery._polled import KEPT, Polled, Question
from pushvar.config import web
from pushvar.config.schema import FileGroup
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.collect.discovery.protocol import Means, Source
    from pushvar.config.schema import DnsSdConfig, ScrapeConfig

MOST_RECORDS = 10_000
"""More records of one name are no list of targets."""


def source(means: Means) -> Source:
    """All dns_sd configs of a configuration."""

    def questions(job: ScrapeConfig) -> Iterator[Question]:
        for block in job.dns_sd_configs:
            for name in block.names:
                yield Question(
                    f"dns:{name}:{block.type}" + (f":{block.port}" if block.type != "SRV" else ""),
                    block.refresh_interval,
                    block.refresh_interval.s,
                    lambda _tenancy, name=name, block=block: _ask(name, block, means),  # type: ignore[misc]
                )

    return Polled(questions, means)


def _ask(name: str, block: DnsSdConfig, means: Means) -> tuple[FileGroup, ...]:
    records = _records(name, block.type, means)
    if len(records) > MOST_RECORDS:
        raise ConfigError("", f"{len(records):,} records, {MOST_RECORDS:,} are the most")
    return tuple(_group(name, block, record) for record in sorted(records, key=str))


def _records(name: str, kind: str, means: Means) -> list[Any]:
    """The records of a name, without those of other types on the way to them; none if it does not exist."""
    import dns.exception
    import dns.resolver

    try:
        resolver = _resolver(means)
        answer = resolver.resolve(
            name, kind, search=True, raise_on_no_answer=False, lifetime=means.timeout_s
        )  # fmt: skip
    except dns.resolver.NXDOMAIN:
        return []
    except dns.exception.DNSException as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError("", f"the DNS gave no answer: {text}", hint=KEPT) from None
    return list(answer.rrset or ())


def _resolver(means: Means) -> Any:
    from dns.resolver import Resolver

    resolver = Resolver(configure=not means.nameservers)
    if means.nameservers:
        resolver.nameservers = [host for host, _port in means.nameservers]
        resolver.nameserver_ports = dict(means.nameservers)
    return resolver


def _group(name: str, block: DnsSdConfig, record: Any) -> FileGroup:
    labels = {"__meta_dns_name": name}
    port = block.port
    if block.type == "SRV":
        host, port = str(record.target), record.port
        labels |= {"__meta_dns_srv_record_target": host, "__meta_dns_srv_record_port": str(port)}
    elif block.type == "MX":
        host = str(record.exchange)
        labels["__meta_dns_mx_record_target"] = host
    else:
        host = record.address
    host = f"[{host}]" if ":" in host else host.rstrip(".")
    return FileGroup(targets=(web.address(f"{host}:{port}"),), labels=tuple(sorted(labels.items())))
