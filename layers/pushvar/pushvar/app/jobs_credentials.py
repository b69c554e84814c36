"""How pushes of jobs show who they are: never by what stands on a command line.

User, password and token come from the environment, as they are or as references to where they are kept.
What AWS itself guards by IAM is signed with the credentials of the environment when there is nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pushvar.config import grammar
from pushvar.config.schema import Authorization, BasicAuth, Pushgateway, SigV4
from pushvar.config.values import SecretRef
from pushvar.errors import ConfigError
from pushvar.net.auth import auth_header
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.app.world import World

USERNAME, PASSWORD, TOKEN = "PUSHVAR_PUSH_USERNAME", "PUSHVAR_PUSH_PASSWORD", "PUSHVAR_PUSH_TOKEN"
_ACCESS_KEY = "AWS_ACCESS_KEY_ID"
_REFERENCES = ("env:", "file:", "ssm:", "secretsmanager:")

_GUARDED_BY_AWS = (
    (re.compile(r"[a-z0-9]+\.lambda-url\.([a-z0-9-]+)\.on\.aws"), "lambda"),
    (re.compile(r"aps-workspaces(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"), "aps"),
)
"""Hosts, with their region, and the service that their requests are signed for."""


class JobCredentials:
    """The credentials of this environment; secrets are resolved when a request needs them."""

    def __init__(self, world: World) -> None:
        self._environment = world.environment
        self._now_ms = world.now_ms
        self._secrets = Secrets(world.environment, world.read_file, world.monotonic_s)

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """The headers of a request, with its credentials. Raises ConfigError for a missing secret."""
        shown = auth_header(self._block(), self._secrets.resolve, self._secrets.token)
        if shown:
            return {**headers, "Authorization": shown}
        service, region = _guard(url)
        if not service or not self._environment.get(_ACCESS_KEY):
            return headers
        from pushvar.net.auth.sigv4 import region_and_credentials, signed

        region, credentials = region_and_credentials(
            SigV4(region=region), self._secrets.resolve, self._environment
        )
        return signed(
            url, headers, body, region=region, credentials=credentials, now_s=self._now_ms() / 1000,
            service=service, method=method,
        )  # fmt: skip

    def _block(self) -> Pushgateway:
        """The credentials as a configuration would have them."""
        user, password, token = (self._reference(name) for name in (USERNAME, PASSWORD, TOKEN))
        if token is not None and (user is not None or password is not None):
            raise ConfigError(TOKEN, f"given together with {USERNAME if user else PASSWORD}", hint="keep one")
        if token is not None:
            return Pushgateway(url="", authorization=Authorization(credentials=token))
        if user is None and password is None:
            return Pushgateway(url="")
        username = self._secrets.resolve(user) if user is not None else ""
        return Pushgateway(url="", basic_auth=BasicAuth(username=username, password=password))

    def _reference(self, name: str) -> SecretRef | None:
        """Where a variable's secret is: elsewhere, when it says so, or in the variable itself."""
        value = self._environment.get(name)
        if not value:
            return None
        if not value.startswith(_REFERENCES):
            return SecretRef("env", name)
        try:
            return grammar.secret(value)
        except ConfigError as error:
            raise ConfigError(name, error.problem, hint=error.hint) from None


def _guard(url: str) -> tuple[str, str]:
    """Service and region of a host whose requests AWS wants signed."""
    host = urlsplit(url).hostname or ""
    for pattern, service in _GUARDED_BY_AWS:
        if match := pattern.fullmatch(host):
            return service, match[1]
    return "", ""
