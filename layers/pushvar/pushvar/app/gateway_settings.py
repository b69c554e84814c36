"""The gateway's own block, read alone: a function that takes pushes has no use for ten thousand targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushvar.collect.registry.parameters import ParameterTree
from pushvar.config.load import load_gateway
from pushvar.config.schema import Gateway
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.state.protocol import StateStore

POINTER: Final = "config/gateway"
"""Where the state store remembers the last good value of the parameter."""

_ITEM = "gateway"
_SCHEME = "ssm:"


class GatewayParameter:
    """The parameter ``<location>/config/gateway``; the last good one serves while it is wrong."""

    def __init__(self, registry: str, state: StateStore) -> None:
        if not registry.startswith(_SCHEME):
            raise ConfigError(
                "PUSHVAR_REGISTRY", f"{registry} is not in Parameter Store", hint="write ssm:/PATH"
            )
        self._tree = ParameterTree(registry.removeprefix(_SCHEME))
        self._state = state
        self._good: tuple[str, Gateway] | None = None

    def load(self) -> tuple[Gateway, tuple[ConfigError, ...]]:
        """The block in use, closed where there is none, and what is wrong with the present value.

        Raises ConfigError when it may not be used and no earlier one is known, StateError for the store.
        """
        try:
            text = self._tree.value(_ITEM)
            if self._good is None or self._good[0] != text:
                self._good = (text, _block(text, f"{self._tree.prefix}/{_ITEM}"))
                self._remember(text)
        except ConfigError as error:
            self._good = self._good or self._remembered()
            if self._good is None:
                raise
            return self._good[1], (error,)
        return self._good[1], ()

    def _remember(self, text: str) -> None:
        digest = self._state.put_document(text.encode())
        if self._state.get_pointer(POINTER) != digest:
            self._state.set_pointer(POINTER, digest)

    def _remembered(self) -> tuple[str, Gateway] | None:
        digest = self._state.get_pointer(POINTER)
        body = self._state.get_document(digest) if digest else None
        if body is None:
            return None
        return body.decode(), _block(body.decode(), POINTER)


def _block(text: str, source: str) -> Gateway:
    return load_gateway(text, source=source) if text else Gateway()
