"""The steps of a cycle with a span around each that touches the world: what a trace shows of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from pushvar.collect.fetch import Endpoint
    from pushvar.cycle import Steps
    from pushvar.cycle.steps import Done
    from pushvar.deliver.spool import Spool
    from pushvar.model import Delivery, Load
    from pushvar.state.protocol import StateStore

    Span = Callable[..., AbstractContextManager[dict[str, str | float]]]

_STORED = {"acquire": "lease", "spool_append": "spool", "commit": "commit"}
"""Methods of the state store that have a span -> its name."""


def timed(steps: Steps, span: Span) -> Steps:
    """The same steps, each inside a span with what it had to do."""

    def fetch_all(
        endpoints: Sequence[Endpoint], done: Done, deadline_s: float, look: Callable[[], None]
    ) -> None:
        with span("fetch", targets=len(endpoints)):
            steps.fetch_all(endpoints, done, deadline_s, look)

    def deliver(load: Load, deadline_s: float, spool: Spool) -> tuple[Delivery, ...]:
        with span("deliver", scrapes=len(load.fresh)):
            return steps.deliver(load, deadline_s, spool)

    state = cast("StateStore", _TimedStore(steps.state, span))
    return replace(steps, fetch_all=fetch_all, deliver=deliver, state=state)


class _TimedStore:
    """A state store of which some methods have a span."""

    def __init__(self, state: StateStore, span: Span) -> None:
        self._state = state
        self._span = span

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._state, name)
        known = _STORED.get(name)
        if known is None:
            return method

        def timed_method(*given: Any, **more: Any) -> Any:
            with self._span(known):
                return method(*given, **more)

        return timed_method
