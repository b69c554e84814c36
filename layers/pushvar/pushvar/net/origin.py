"""Where a connection goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushvar.net.policy import Policy
    from pushvar.net.proxy import Proxy
    from pushvar.net.tls import TlsSettings


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections go; ``tls`` is None for plain HTTP, ``policy`` where any address will do.

    With a ``proxy`` they go there, and on to the host from it.
    """

    host: str
    port: int
    tls: TlsSettings | None = None
    policy: Policy | None = None
    proxy: Proxy | None = None
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        # the pool looks it up at every fetch, and to hash the networks of a policy takes longer than to send
        object.__setattr__(self, "_hash", hash((self.host, self.port, self.tls, self.policy, self.proxy)))

    def __hash__(self) -> int:
        return self._hash
