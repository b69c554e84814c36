"""An Authorization header with a type of its own, ``Bearer`` by default (RFC 6750)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.schema import Authorization
    from pushvar.config.values import SecretRef


def header(settings: Authorization, resolve: Callable[[SecretRef], str]) -> str:
    """The value of the Authorization header."""
    return f"{settings.type} {resolve(settings.credentials)}"
