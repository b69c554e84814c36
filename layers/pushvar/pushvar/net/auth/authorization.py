"""An Authorization header with a type of its own, ``Bearer`` by default (RFC 6750)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.schema import Authorization
    from pushvar.config.values import SecretRef


def header(settings: Authorization, resolve: Callable[[SecretRef], str]) -> str:
    """The value of the Authorization header; raises ConfigError for what no header can carry."""
    credentials = resolve(settings.credentials)
    if not (credentials.isascii() and credentials.isprintable()):
        raise ConfigError(
            "",
            f"{settings.credentials} holds a line break or another character that no header can carry",
            hint="store the credentials alone, without a newline",
        )
    return f"{settings.type} {credentials}"
