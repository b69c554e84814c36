"""Secrets are references, resolved when they are used and never kept longer than a while.

``env:NAME`` is an environment variable, ``file:PATH`` the content of a file without the newline at
its end. The environment and the files come in as functions: only the composition root owns them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.config.values import SecretRef

TTL_S = 60.0
"""How long a resolved secret is used before its source is read again: a rotated file is seen."""


class Secrets:
    """Resolves references, each at most once in ``TTL_S`` seconds."""

    def __init__(
        self,
        environment: Mapping[str, str],
        read_file: Callable[[str], str],
        clock: Callable[[], float],
    ) -> None:
        self._environment = environment
        self._read_file = read_file
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, str]] = {}

    def resolve(self, reference: SecretRef) -> str:
        """The secret itself. Raises ConfigError that names the reference, never its value."""
        key = (reference.scheme, reference.name)
        known = self._known.get(key)
        now = self._clock()
        if known is None or now - known[0] > TTL_S:
            known = self._known[key] = (now, self._read(*key))
        return known[1]

    def _read(self, scheme: str, name: str) -> str:
        if scheme == "env":
            value = self._environment.get(name)
            if value is None:
                raise ConfigError("", f"env:{name} is not set", hint=f"export {name} before starting")
            return value
        if scheme == "file":
            try:
                return self._read_file(name).rstrip("\r\n")
            except OSError as error:
                raise ConfigError("", f"file:{name} cannot be read: {error.strerror}") from None
            except UnicodeError:
                raise ConfigError("", f"file:{name} is not UTF-8 text") from None
        raise ConfigError("", f"{scheme}:{name} names a secret store that pushvar does not know")
