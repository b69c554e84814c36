"""The discovery protocol: what a kind of discovery gives, and what it is given to work with.

A source that fails keeps the last list that it gave, and says in words what is wrong. Nothing is asked
more often than its refresh_interval.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pushvar.errors import ConfigError
from pushvar.net.address import is_allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.config.schema import Config, FileGroup, OAuth2, ScrapeConfig
    from pushvar.config.values import SecretRef


def _no_secrets(reference: SecretRef) -> str:
    raise ConfigError("", f"{reference} cannot be looked up here")


def _no_tokens(settings: OAuth2) -> str:
    raise ConfigError("", f"{settings.token_url} cannot be asked here")


@dataclass(frozen=True, slots=True)
class Means:
    """What discovery takes from outside.

    ``monotonic`` gives seconds. ``secret`` resolves a reference, ``token`` gives the header of an oauth2
    block, or they raise ConfigError. ``allowed`` says whether a service may be asked at an address.
    ``timeout_s`` is what one question may take, and what a load waits where nothing is known yet;
    ``patience_s`` is what it waits where a list is: a later answer is taken by the load after it.
    ``nameservers`` are asked instead of the system's (host, port).
    """

    monotonic: Callable[[], float] = time.monotonic
    secret: Callable[[SecretRef], str] = _no_secrets
    token: Callable[[OAuth2], str] = _no_tokens
    allowed: Callable[[str], bool] = is_allowed
    timeout_s: float = 10.0
    patience_s: float = 10.0
    nameservers: tuple[tuple[str, int], ...] = ()


class Source(Protocol):
    """One kind of discovery, for all jobs of a configuration. One thread at a time uses it."""

    def refresh(self, config: Config) -> bool:
        """Look where the time has come; says whether any group or problem changed. Never raises."""

    def of(self, job: ScrapeConfig) -> Iterator[tuple[str, FileGroup]]:
        """The groups of a job as of the last refresh, each with the place that it came from."""

    def problems(self) -> tuple[ConfigError, ...]:
        """What is wrong as of the last refresh."""

    def unheard(self) -> tuple[str, ...]:
        """The places that have given nothing yet, as the groups of theirs would begin.

        A process that has just begun may remember what they gave to another one.
        """
