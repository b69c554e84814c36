"""Several lanes of one backend in one thread: while one waits out its backoff, the others go on."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.deliver.lane import Waits
    from pushvar.deliver.patience import Patience


def drive(lanes: Sequence[Waits], patience: Patience) -> None:
    """Run lanes to their ends, in the order given as long as none waits."""
    now_s = patience.monotonic_s()
    ready = [(now_s, order) for order in range(len(lanes))]
    heapify(ready)
    begun: set[int] = set()
    while ready:
        at_s, order = heappop(ready)
        waited = patience.wait_until(at_s)
        try:
            wait_s = lanes[order].send(waited) if order in begun else next(lanes[order])
        except StopIteration:
            continue
        begun.add(order)
        heappush(ready, (patience.monotonic_s() + wait_s, order))
