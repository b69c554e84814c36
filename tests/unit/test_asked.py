"""One timer for all deadlines: nothing ends early, nothing ends more than a moment late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from hypothesis import given
from hypothesis import strategies as st
from pushvar.net.asked import COMPANY_S, Asked, Deadlines
from pushvar.net.origin import Origin

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

PRECISION_S = 0.25


class Timer:
    """One call that is to come."""

    def __init__(self, at_s: float, call: Callable[[], None]) -> None:
        self.at_s, self.call = at_s, call
        self.cancelled = False

    def cancel(self) -> None:
        """Do not call."""
        self.cancelled = True


class Loop:
    """An event loop whose time passes when it is told so."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        """Now."""
        return self.now_s

    def call_at(self, at_s: float, function: Callable[..., None], *arguments: Any) -> Timer:
        """Call it then."""
        self.timers.append(Timer(at_s, lambda: function(*arguments)))
        return self.timers[-1]

    @property
    def pending(self) -> list[Timer]:
        """What will be called."""
        return [timer for timer in self.timers if not timer.cancelled]

    def run_until(self, end_s: float) -> None:
        """Let time pass and call what is due."""
        while due := sorted((t for t in self.pending if t.at_s <= end_s), key=lambda t: t.at_s):
            self.now_s = max(self.now_s, due[0].at_s)
            due[0].cancelled = True
            due[0].call()
        self.now_s = end_s


def asked(deadline_s: float) -> Asked:
    """A request that has to be over by then."""
    one = Asked(Origin("a", 1), b"", 1.0, 1)
    one.deadline_s = deadline_s
    return one


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.001, 5), st.booleans()), max_size=30))
def test_each_ends_at_its_own_deadline(begun: list[tuple[float, float, bool]]) -> None:
    """However they are mixed, and whatever was answered before."""
    loop, late = Loop(), dict[Asked, float]()
    deadlines = Deadlines(lambda one: late.__setitem__(one, loop.now_s))
    ones = []
    for begin_s, timeout_s, answered in sorted(begun):
        loop.run_until(begin_s)
        one = asked(begin_s + timeout_s)
        deadlines.add(one, cast("asyncio.AbstractEventLoop", loop))
        assert len(loop.pending) == 1
        if answered:
            assert deadlines.end(one)
        else:
            ones.append(one)
    loop.run_until(20.0)
    assert set(late) == set(ones)
    assert all(one.deadline_s <= at_s <= one.deadline_s + PRECISION_S for one, at_s in late.items())
    assert not deadlines
    assert not loop.pending


def test_those_that_began_together_end_together() -> None:
    """In one turn of the loop."""
    loop, late = Loop(), list[float]()
    deadlines = Deadlines(lambda _: late.append(loop.now_s))
    for number in range(50):
        deadlines.add(asked(1.0 + number * COMPANY_S / 100), cast("asyncio.AbstractEventLoop", loop))
    loop.run_until(2.0)
    assert late == [1.0 + COMPANY_S] * 50


def test_what_one_end_begins_has_its_own_time() -> None:
    """A request that is added while others end is not forgotten, and one that is ended by it is."""
    loop, ends = Loop(), list[float]()
    first, second, third = asked(1.0), asked(1.0), asked(1.5)

    def late(one: Asked) -> None:
        ends.append(loop.now_s)
        if one is first:
            assert deadlines.end(second)
            deadlines.add(third, cast("asyncio.AbstractEventLoop", loop))

    deadlines = Deadlines(late)
    for one in (first, second):
        deadlines.add(one, cast("asyncio.AbstractEventLoop", loop))
    loop.run_until(5.0)
    assert ends == [1.0 + COMPANY_S, 1.5 + COMPANY_S]
    assert not deadlines.end(third)
