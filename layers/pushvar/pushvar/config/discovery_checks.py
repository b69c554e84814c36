"""Checks of the blocks by which jobs find their targets: what no single value of them shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config.grammar import quoted
from pushvar.config.problems import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.config.problems import Path
    from pushvar.config.schema import Config, DnsSdConfig, HttpSdConfig


def http_sources(config: Config) -> Iterator[tuple[Path, HttpSdConfig]]:
    """Every http_sd config and where it stands."""
    for index, job in enumerate(config.scrape_configs):
        for position, block in enumerate(job.http_sd_configs):
            yield ("scrape_configs", index, "http_sd_configs", position), block


def discovery_findings(config: Config) -> Iterator[Finding]:
    """Everything wrong across the values of the file_sd and dns_sd configs."""
    for index, job in enumerate(config.scrape_configs):
        path: Path = ("scrape_configs", index)
        for position, group in enumerate(job.file_sd_configs):
            if not group.files:
                where: Path = (*path, "file_sd_configs", position, "files")
                yield Finding(where, "no file", 'write ["targets/*.yml"]')
        for position, block in enumerate(job.dns_sd_configs):
            yield from _dns((*path, "dns_sd_configs", position), block)


def _dns(path: Path, block: DnsSdConfig) -> Iterator[Finding]:
    if not block.names:
        yield Finding((*path, "names"), "no name", "write [_metrics._tcp.example.com]")
    for index, name in enumerate(block.names):
        if not all(0 < len(label.encode()) <= 63 for label in name.removesuffix(".").split(".")):  # noqa: PLR2004 - RFC 1035, 2.3.4
            yield Finding((*path, "names", index), f"{quoted(name)} is not a name of the DNS")
    if block.type != "SRV" and not block.port:
        problem = f"required: {block.type} records say no port"
        yield Finding((*path, "port"), problem, "write the port of the targets", ((*path, "type"),))
