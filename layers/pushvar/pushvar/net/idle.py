"""The connections that nobody uses at the moment, by where they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushvar.net.exchange import Exchange
    from pushvar.net.origin import Origin


class Idle:
    """At most ``limit`` of them, those with TLS at most ``secured_limit``; the longest idle go first."""

    def __init__(self, limit: int, secured_limit: int) -> None:
        self._limit = limit
        self._secured_limit = secured_limit
        self._by_origin: dict[Origin, list[Exchange]] = {}
        self._plain: dict[Exchange, Origin] = {}
        self._secured: dict[Exchange, Origin] = {}

    def __len__(self) -> int:
        return len(self._plain) + len(self._secured)

    def take(self, origin: Origin) -> Exchange | None:
        """The one to this origin that was used last; None when there is none."""
        there = self._by_origin.get(origin)
        if not there:
            return None
        connection = there.pop()
        if not there:
            del self._by_origin[origin]
        del self._order(origin)[connection]
        return connection

    def put(self, origin: Origin, connection: Exchange, now_s: float) -> None:
        """Keep one; if that is one too many, close another."""
        connection.idle_s = now_s
        self._by_origin.setdefault(origin, []).append(connection)
        order = self._order(origin)
        order[connection] = origin
        if len(self._secured) > self._secured_limit:
            self._drop(self._secured)
        if len(self) > self._limit:
            self.drop_oldest()

    def forget(self, connection: Exchange) -> None:
        """Take a connection out, if it is there."""
        for order in (self._plain, self._secured):
            origin = order.pop(connection, None)
            if origin is not None:
                there = self._by_origin[origin]
                there.remove(connection)
                if not there:
                    del self._by_origin[origin]

    def drop_oldest(self) -> None:
        """Close the longest idle of all."""
        heads = [order for order in (self._plain, self._secured) if order]
        self._drop(min(heads, key=lambda order: next(iter(order)).idle_s))

    def drop_before(self, moment_s: float) -> None:
        """Close those that have been idle since then or longer."""
        for order in (self._plain, self._secured):
            while order and next(iter(order)).idle_s <= moment_s:
                self._drop(order)

    def _drop(self, order: dict[Exchange, Origin]) -> None:
        connection = next(iter(order))
        self.forget(connection)
        connection.close()

    def _order(self, origin: Origin) -> dict[Exchange, Origin]:
        return self._plain if origin.tls is None else self._secured
