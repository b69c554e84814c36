"""Auth schemes: one file each, found by its name in the configuration (``basic_auth``, ...)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.net.auth import authorization, basic

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.schema import Authorization, BasicAuth
    from pushvar.config.values import SecretRef


def auth_header(
    basic_auth: BasicAuth | None,
    bearer: Authorization | None,
    resolve: Callable[[SecretRef], str],
) -> str:
    """The Authorization header of a block that may hold either scheme; empty when it holds none."""
    if basic_auth is not None:
        return basic.header(basic_auth, resolve)
    if bearer is not None:
        return authorization.header(bearer, resolve)
    return ""
