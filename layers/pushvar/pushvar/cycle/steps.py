"""What a cycle is made of, and whose turn it is: everything that touches the world is handed in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pushvar.collect.fetch import Endpoint
    from pushvar.convert.converter import Converted
    from pushvar.deliver.spool import Spool
    from pushvar.deliver.staleness import SeriesMemory
    from pushvar.errors import FetchError
    from pushvar.model import Delivery, Fetched, Load, Plan, Scrape, Target
    from pushvar.state.protocol import StateStore

LEASE_MARGIN_MS = 15_000
"""How much longer than its deadline a cycle may hold the shard; a crash costs others this much."""

Done = Callable[["Endpoint", "Fetched", "FetchError | None"], None]
"""What a fetch calls with each endpoint as it ends."""


class Pushed(Protocol):
    """The groups that batch jobs pushed to a shard, in one cycle."""

    def groups(self, now_ms: int) -> Sequence[tuple[Target, Callable[[], Converted]]]:
        """Those that are sent now, and what makes values of each. Raises StateError when none can be read."""

    @property
    def live(self) -> int:
        """How many have not ended, sent now or not."""

    def __contains__(self, key: object) -> bool:
        """Whether a target is one of them that has not ended; any is, as long as they could not be read."""

    def distinct(self, scrapes: list[Scrape], gone: Sequence[Scrape]) -> tuple[list[Scrape], int]:
        """The scrapes without series that another one has too, and how many samples that leaves out.

        Those that have ``gone`` keep all of theirs.
        """

    @property
    def ended(self) -> Collection[str]:
        """The keys of those that have ended and are not forgotten yet."""

    def settle(self) -> Mapping[str, int]:
        """Forget those that have ended, now that their series are marked; how many, by reason."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One shard's turn in one cycle: who takes it, and the time there is.

    ``cycle`` is what names the cycle, in Unix ms. The cycle may take ``budget_s``; the fetches end
    ``reserve_s`` earlier, and a target that has had no turn by then counts as timed out. The lease
    outlives the budget by ``margin_ms``. A ``planned`` turn was given out by a plan, perhaps more
    than once: it is taken only if the shard has not finished that cycle or a later one. A turn that is
    ``late`` (and says how) fetches nothing, the past cannot be scraped: it only delivers what waits.
    ``layout`` numbers the layout of shards that it belongs to: an older one's turn is not taken any more,
    and what waits from an older one is given up, since others have sent newer samples of its series.
    """

    shard: str
    owner: str
    cycle: int
    budget_s: float
    reserve_s: float = 0.0
    margin_ms: int = LEASE_MARGIN_MS
    planned: bool = False
    late: str = ""
    layout: int = 0


@dataclass(frozen=True, slots=True)
class Steps:
    """What a cycle is made of; the composition root joins them.

    ``convert`` takes the body and its Content-Type. ``fetch_all`` and ``deliver`` have a deadline on the
    clock of ``monotonic_s``; what cannot be delivered by then goes to the spool. ``fetch_all`` also takes
    what it is to call now and then meanwhile. ``memory`` knows the series of earlier cycles; ``own`` makes
    scrapes of what the shard has counted so far, for a time in ms. ``within`` cuts scrapes to the
    budgets of customers, ``apart`` gives those that may go before the targets of some keys have come.
    ``pushed`` are the groups of batch jobs.
    """

    fetch_all: Callable[[Sequence[Endpoint], Done, float, Callable[[], None]], None]
    convert: Callable[[Target, bytes, str], Converted]
    failed: Callable[[Target], Plan]
    deliver: Callable[[Load, float, Spool], tuple[Delivery, ...]]
    memory: SeriesMemory
    own: Callable[[Mapping[str, float], int], Sequence[Scrape]]
    state: StateStore
    now_ms: Callable[[], int]
    monotonic_s: Callable[[], float]
    within: Callable[[list[Scrape]], list[Scrape]] = lambda scrapes: scrapes
    apart: Callable[[list[Scrape], Collection[str]], list[Scrape]] = lambda scrapes, _waiting: scrapes
    pushed: Pushed | None = None
