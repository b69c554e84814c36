"""What a document leaves open, filled in: inherited intervals and limits, names of backends, relative paths.

Prometheus' rules (config/config.go, Validate of each block): 0 or nothing takes the value of
``global``; a timeout that is not given is the global one, but never above the interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from pushvar.config.schema import DEFAULT_TIERS, Global
from pushvar.config.values import Duration, SecretRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushvar.config.schema import (
        Authorization,
        BasicAuth,
        Config,
        Gateway,
        HttpSdConfig,
        OAuth2,
        Pushgateway,
        RemoteWrite,
        ScrapeConfig,
        TlsConfig,
    )

_DEFAULT_TIMEOUT = Duration(10_000)
_LIMITS = (
    "body_size_limit",
    "sample_limit",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
)


def completed(config: Config, directory: str) -> Config:
    """The configuration with nothing left open; relative paths then begin with ``directory``."""
    defaults = _global(config.global_)
    tiers = {**dict(DEFAULT_TIERS), **dict(config.tenancy.tiers)}
    remotes = [_remote(remote, directory) for remote in config.remote_write]
    gateways = [replace(gateway, **_client(gateway, directory)) for gateway in config.pushgateways]
    names = _names((*remotes, *gateways))
    return replace(
        config,
        global_=defaults,
        scrape_configs=tuple(_scrape(job, defaults, directory) for job in config.scrape_configs),
        remote_write=tuple(replace(remote, name=next(names)) for remote in remotes),
        pushgateways=tuple(replace(gateway, name=next(names)) for gateway in gateways),
        tenancy=replace(config.tenancy, tiers=tuple(sorted(tiers.items()))),
        gateway=_gateway(config.gateway, defaults, directory),
    )


def _global(block: Global) -> Global:
    interval = block.scrape_interval or Global().scrape_interval
    timeout = block.scrape_timeout or min(_DEFAULT_TIMEOUT, interval)
    return replace(block, scrape_interval=interval, scrape_timeout=timeout)


def _gateway(block: Gateway, defaults: Global, directory: str) -> Gateway:
    credentials = tuple(
        replace(
            one,
            basic_auth=_basic(one.basic_auth, directory),
            authorization=_authorization(one.authorization, directory),
            ttl=one.ttl or block.ttl,
        )
        for one in block.credentials
    )
    return replace(block, credentials=credentials, interval=block.interval or defaults.scrape_interval)


def _scrape(job: ScrapeConfig, defaults: Global, directory: str) -> ScrapeConfig:
    interval = job.scrape_interval or defaults.scrape_interval
    files = tuple(
        replace(group, files=tuple(_joined(directory, pattern) for pattern in group.files))
        for group in job.file_sd_configs
    )
    return replace(
        job,
        scrape_interval=interval,
        scrape_timeout=job.scrape_timeout or min(defaults.scrape_timeout, interval),
        file_sd_configs=files,
        http_sd_configs=tuple(replace(one, **_client(one, directory)) for one in job.http_sd_configs),
        **{limit: getattr(job, limit) or getattr(defaults, limit) for limit in _LIMITS},
        **_client(job, directory),
    )


def _remote(remote: RemoteWrite, directory: str) -> RemoteWrite:
    sigv4 = remote.sigv4
    if sigv4 is not None and sigv4.secret_key is not None:
        sigv4 = replace(sigv4, secret_key=_secret(sigv4.secret_key, directory))
    return replace(remote, sigv4=sigv4, **_client(remote, directory))


def _client(block: ScrapeConfig | HttpSdConfig | RemoteWrite | Pushgateway, directory: str) -> dict[str, Any]:
    return {
        "basic_auth": _basic(block.basic_auth, directory),
        "authorization": _authorization(block.authorization, directory),
        "oauth2": _oauth2(block.oauth2, directory),
        "tls_config": _tls(block.tls_config, directory),
    }


def _basic(block: BasicAuth | None, directory: str) -> BasicAuth | None:
    if block is None or block.password is None:
        return block
    return replace(block, password=_secret(block.password, directory))


def _authorization(block: Authorization | None, directory: str) -> Authorization | None:
    return block and replace(block, credentials=_secret(block.credentials, directory))


def _oauth2(block: OAuth2 | None, directory: str) -> OAuth2 | None:
    if block is None:
        return None
    secret = block.client_secret and _secret(block.client_secret, directory)
    return replace(block, client_secret=secret, tls_config=_tls(block.tls_config, directory))


def _tls(block: TlsConfig, directory: str) -> TlsConfig:
    paths = {name: _joined(directory, getattr(block, name)) for name in ("ca_file", "cert_file", "key_file")}
    return replace(block, **paths)


def _secret(secret: SecretRef, directory: str) -> SecretRef:
    return SecretRef("file", _joined(directory, secret.name)) if secret.scheme == "file" else secret


def _joined(directory: str, path: str) -> str:
    """The path seen from where the process runs; absolute and empty ones stay."""
    stays = not path or path.startswith("/") or directory in {"", "."}
    return path if stays else f"{directory.rstrip('/')}/{path}"


def _names(backends: Sequence[RemoteWrite | Pushgateway]) -> Iterator[str]:
    """The name of each: one without a name gets its host's, with its index where that is taken."""
    taken = {backend.name for backend in backends if backend.name}
    for index, backend in enumerate(backends):
        name = backend.name or urlsplit(backend.url).hostname or "backend"
        if not backend.name and name in taken:
            name = f"{name}-{index}"
        taken.add(name)
        yield name
