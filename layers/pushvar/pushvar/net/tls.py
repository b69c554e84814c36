"""One TLS context for each set of settings, shared by all connections.

Loading the CA bundle costs about 16 ms of CPU; libraries that do it for each host pay it for each.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pushvar.errors import ConfigError, FetchError

if TYPE_CHECKING:
    from pushvar.config.schema import TlsConfig

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """What a ``tls_config`` block says; empty strings mean the platform's default."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: str = "TLS12"


def tls_settings(block: TlsConfig) -> TlsSettings:
    """A ``tls_config`` block as the network understands it."""
    return TlsSettings(
        block.ca_file,
        block.cert_file,
        block.key_file,
        block.server_name,
        block.insecure_skip_verify,
        block.min_version,
    )


def context_for(settings: TlsSettings) -> ssl.SSLContext:
    """The client context of these settings; a new one when a file of theirs has changed since.

    Raises ConfigError for a file that cannot be used.
    """
    files = (settings.ca_file, settings.cert_file, settings.key_file)
    return _context(settings, tuple(_changed_ns(file) for file in files if file))


def context_and_name(settings: TlsSettings, host: str) -> tuple[ssl.SSLContext, str]:
    """The context for a connection to a host, and the name that its certificate must have.

    Raises FetchError ``tls`` when a file of the settings or the name cannot be used.
    """
    name = settings.server_name or host.rstrip(".")
    try:
        name.encode("idna")  # asyncio does this too late, with a socket open that it then forgets
        return context_for(settings), name
    except ConfigError as error:
        raise FetchError("tls", str(error)) from None
    except UnicodeError as error:
        raise FetchError("tls", f"{name} is no server name: {error}") from None


def _changed_ns(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns
    except OSError:
        return 0  # loading it says what is wrong


@lru_cache(maxsize=256)
def _context(settings: TlsSettings, _changed: tuple[int, ...]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file or None)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(filter(None, (settings.ca_file, settings.cert_file, settings.key_file)))
        raise ConfigError(
            "tls_config", f"{files} cannot be loaded: {error}", hint="check the paths and the PEM format"
        ) from None
    # Python 3.13 refuses private CAs without a key usage extension; Prometheus, and Python before, take them
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.minimum_version = _VERSIONS[settings.min_version]
    if settings.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
