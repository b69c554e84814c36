"""What a wave and the end of a cycle have in common: here an error becomes a field of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.deliver.staleness import Ending
from pushvar.errors import LeaseLost, StateError
from pushvar.model import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.cycle.steps import Steps
    from pushvar.deliver.spool import Spool
    from pushvar.deliver.staleness import Roll
    from pushvar.model import Lease, Load, Scrape


def remembered(
    steps: Steps, lease: Lease, scrapes: Sequence[Scrape], roll: Roll, now_ms: int,
    found: Ending | None, *, partly: bool = False,
) -> Ending:  # fmt: skip
    """The series that end with this cycle, ``found`` among them; see ``SeriesMemory.begin``.

    No series end when the memory cannot be read: the samples matter more. Raises LeaseLost.
    """
    if found is not None and found.unknown:
        return found
    try:
        return steps.memory.begin(lease, scrapes, roll, now_ms, found, partly=partly)
    except LeaseLost:
        raise
    except StateError:
        return Ending(unknown=True)


def delivered(steps: Steps, load: Load, deadline_s: float, spool: Spool) -> tuple[Delivery, ...]:
    """What became of a load; a fault of our own counts its samples as dropped."""
    try:
        return steps.deliver(load, deadline_s, spool)
    except Exception as fault:  # noqa: BLE001 - whatever happened, the report of the scrapes must not be lost
        samples = sum(scrape.carried for scrape in load.fresh)
        return (Delivery("all backends", error=f"{type(fault).__name__}: {fault}").drop("fault", samples),)


def joined(before: Iterable[Delivery], later: Iterable[Delivery]) -> tuple[Delivery, ...]:
    """One delivery for each backend, of those that came one after the other in a cycle."""
    found: dict[str, Delivery] = {}
    for one in (*before, *later):
        found[one.backend] = found[one.backend].then(one) if one.backend in found else one
    return tuple(found.values())
