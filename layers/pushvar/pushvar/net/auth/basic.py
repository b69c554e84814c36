"""HTTP basic authentication (RFC 7617)."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.schema import BasicAuth
    from pushvar.config.values import SecretRef


def header(settings: BasicAuth, resolve: Callable[[SecretRef], str]) -> str:
    """The value of the Authorization header."""
    password = resolve(settings.password) if settings.password is not None else ""
    return "Basic " + b64encode(f"{settings.username}:{password}".encode()).decode()
