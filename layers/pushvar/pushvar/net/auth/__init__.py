"""Auth schemes: one file each, found by its name in the configuration (``basic_auth``, ...)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pushvar.net.auth import authorization, basic
from pushvar.net.tls import context_for, tls_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.schema import Authorization, BasicAuth, OAuth2
    from pushvar.config.values import SecretRef


class Authenticated(Protocol):
    """A block that may hold one of the schemes which end in an Authorization header."""

    @property
    def basic_auth(self) -> BasicAuth | None: ...  # noqa: D102 - the keys of the configuration
    @property
    def authorization(self) -> Authorization | None: ...  # noqa: D102
    @property
    def oauth2(self) -> OAuth2 | None: ...  # noqa: D102


def auth_header(
    block: Authenticated, resolve: Callable[[SecretRef], str], token: Callable[[OAuth2], str]
) -> str:
    """The Authorization header of a block; empty when it holds none of the schemes.

    ``resolve`` gives a secret, ``token`` the header of an oauth2 block; both may raise ConfigError.
    """
    if block.basic_auth is not None:
        return basic.header(block.basic_auth, resolve)
    if block.authorization is not None:
        return authorization.header(block.authorization, resolve)
    if block.oauth2 is not None:
        return token(block.oauth2)
    return ""


def check_auth(block: Authenticated, resolve: Callable[[SecretRef], str]) -> None:
    """Raise ConfigError when a secret of the block, or a TLS file for its token, is not there.

    No token server is asked: one that is away for a while makes no configuration wrong.
    """

    def prepared(settings: OAuth2) -> str:
        if settings.token_url.startswith("https:"):
            context_for(tls_settings(settings.tls_config))
        return resolve(settings.client_secret) if settings.client_secret is not None else ""

    auth_header(block, resolve, prepared)
