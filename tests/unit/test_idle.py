"""The pool of idle connections against a plain list: who is given, who has to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from pushvar.net.exchange import Exchange
from pushvar.net.idle import Idle
from pushvar.net.origin import Origin
from pushvar.net.tls import TlsSettings

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT, SECURED = 4, 2
ORIGINS = [Origin(host, port, tls) for host in "ab" for port in (1, 2) for tls in (None, TlsSettings())]


class Idling(Exchange):
    """A connection that only knows whether it is closed."""

    def __init__(self, ended: Callable[[Exchange], None]) -> None:
        super().__init__(ended)
        self.closed = False

    def close(self) -> None:
        """Be closed."""
        self.closed = True
        self._ended(self)


def test_origins_are_equal_by_what_they_say() -> None:
    """Two that were made apart share their connections; TLS, policy and proxy tell them apart."""
    assert Origin("a", 1, TlsSettings()) == Origin("a", 1, TlsSettings())
    assert hash(Origin("a", 1, TlsSettings())) == hash(Origin("a", 1, TlsSettings()))
    assert len({*ORIGINS, *ORIGINS}) == len(ORIGINS)
    assert Origin("a", 1, TlsSettings(server_name="x")) not in set(ORIGINS)


class Plain:
    """What the pool should hold: a list, the longest idle first."""

    def __init__(self) -> None:
        self.there: list[tuple[Origin, Idling]] = []

    def put(self, origin: Origin, one: Idling) -> None:
        """Keep it; those that are too many should be closed."""
        self.there.append((origin, one))
        secured = [pair for pair in self.there if pair[0].tls is not None]
        if len(secured) > SECURED:
            self._goes(secured[0])
        if len(self.there) > LIMIT:
            self._goes(self.there[0])

    def take(self, origin: Origin) -> Idling | None:
        """The one that was used last."""
        known = [pair for pair in self.there if pair[0] == origin]
        self.there = [pair for pair in self.there if pair not in known[-1:]]
        return known[-1][1] if known else None

    def expire(self, moment_s: float) -> None:
        """Those that are that old should be closed."""
        for pair in [pair for pair in self.there if pair[1].idle_s <= moment_s]:
            self._goes(pair)

    def drop(self) -> None:
        """The longest idle should be closed."""
        self._goes(self.there[0])

    def _goes(self, pair: tuple[Origin, Idling]) -> None:
        self.there.remove(pair)
        assert pair[1].closed


STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "take", "forget", "drop", "expire"]), st.integers(0, 7)), max_size=60
)


def step(idle: Idle, plain: Plain, word: str, number: int, now_s: float) -> None:
    """Do the same to both."""
    origin = ORIGINS[number]
    if word == "put":
        one = Idling(idle.forget)
        idle.put(origin, one, now_s)
        plain.put(origin, one)
    elif word == "take":
        assert idle.take(origin) is plain.take(origin)
    elif word == "expire":
        idle.drop_before(now_s - 5.0)
        plain.expire(now_s - 5.0)
    elif plain.there and word == "forget":
        idle.forget(plain.there.pop(number % len(plain.there))[1])
    elif plain.there:
        idle.drop_oldest()
        plain.drop()


@given(STEPS)
def test_the_pool_is_a_list_with_limits(steps: list[tuple[str, int]]) -> None:
    """The last used of an origin is taken; the longest idle goes, one with TLS when those are too many."""
    idle, plain = Idle(LIMIT, SECURED), Plain()
    for now, (word, number) in enumerate(steps):
        step(idle, plain, word, number, float(now))
        assert len(idle) == len(plain.there)
        assert not any(one.closed for _, one in plain.there)
    left = {id(idle.take(origin)) for origin in ORIGINS for _ in range(LIMIT)} - {id(None)}
    assert left == {id(one) for _, one in plain.there}
