"""Which samples go to a backend, under which labels, in which request. Pure.

One request never mixes tenants where the backend tells them apart by header or URL, and a target that
lacks the label which would say whose it is is not sent at all. What is decided about a plan is decided
once: a warm target costs a look-up, and nothing where nothing depends on the target.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushvar.config.schema import RemoteWrite
from pushvar.deliver.destination import Destination, Route
from pushvar.deliver.rewriting import Rewritten, rewritten
from pushvar.deliver.uniqueness import Uniqueness
from pushvar.errors import EncodeError
from pushvar.labels.matching import all_match, label_matcher
from pushvar.labels.relabel import compile_relabelling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.config.schema import Pushgateway
    from pushvar.model import Family, Labels, Plan, Scrape, Target

REMEMBERED = 10_000
"""Plans whose decisions are kept: of the last so many seen, at least, and at most twice as many."""


@dataclass(frozen=True, slots=True)
class Routed:
    """What one backend is sent of some scrapes; counts are samples.

    ``lanes`` stand in the order of their keys, the scrapes of each in the order in which they came.
    ``unmatched`` are those of targets that ``match`` keeps away; ``unrouted`` those of targets whose labels
    do not say where they go, ``reason`` says it of the first. ``relabelled`` counts by reason what
    write_relabel_configs did not send (``dropped``, ``duplicate``, ``illegal``) and what they might not
    change (``guarded``, which is sent). All other samples are in the lanes.
    """

    lanes: Mapping[Route, Sequence[Scrape]]
    unmatched: int = 0
    unrouted: int = 0
    reason: str = ""
    relabelled: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Decision:
    """About the scrapes of one plan: ``route`` is None when they are not sent, for a reason or unmatched."""

    plan: Plan
    route: Route | None = None
    reason: str = ""
    rewritten: Rewritten | None = None


@dataclass(slots=True)
class _Sorting:
    """The scrapes of one call, sorted so far."""

    lanes: dict[str, tuple[Route, list[Scrape]]] = field(default_factory=dict)
    unmatched: int = 0
    unrouted: int = 0
    reason: str = ""
    relabelled: Counter[str] = field(default_factory=Counter)

    def take(self, scrape: Scrape, decision: _Decision) -> None:
        """Put one scrape where it belongs."""
        route, made = decision.route, decision.rewritten
        if route is None:
            if decision.reason:
                self.unrouted += scrape.carried
                self.reason = self.reason or decision.reason
            else:
                self.unmatched += scrape.carried
            return
        if made is not None:
            for reason, count in made.outcomes:
                self.relabelled[reason] += count
            if not made.plan.template.count:
                return
            scrape = made.scrape(scrape)
        lane = self.lanes.get(route.key)
        if lane is None:
            lane = self.lanes[route.key] = (route, [])
        lane[1].append(scrape)

    def routed(self, uniqueness: Uniqueness | None) -> Routed:
        """All of it, for good; ``uniqueness`` sees to it that no lane has a series twice."""
        lanes: dict[Route, list[Scrape]] = {}
        for _, (route, scrapes) in sorted(self.lanes.items()):
            lanes[route] = scrapes
            if uniqueness is not None:
                lanes[route], repeated = uniqueness.unique(scrapes)
                self.relabelled["duplicate"] += repeated
        return Routed(
            lanes, self.unmatched, self.unrouted, self.reason, tuple(sorted((+self.relabelled).items()))
        )


class Router:
    """Decides for one backend block; ``external`` are the configuration's external labels.

    Threads may share it. ``families`` are those of rewritten plans, by their names at this backend; the
    first of a name stays.
    """

    def __init__(self, block: RemoteWrite | Pushgateway, external: Labels = ()) -> None:
        relabel = block.write_relabel_configs if isinstance(block, RemoteWrite) else ()
        # a Pushgateway's texts are fixed, and braces in them are braces
        fixed = None if isinstance(block, RemoteWrite) else Route("", block.headers, block.url)
        self._destination = None if fixed else Destination(block.url, block.headers)
        self._only = fixed or Destination(block.url, block.headers).only
        self._match = label_matcher(block.match)
        self._steps = compile_relabelling(relabel)
        self._uniqueness = Uniqueness() if self._steps else None
        self._external = external
        self.families: dict[str, Family] = {}
        self._recent: dict[int, _Decision] = {}
        self._before: dict[int, _Decision] = {}

    def route(self, scrapes: Sequence[Scrape]) -> Routed:
        """Sort the scrapes into lanes; a backend that takes all of them as they are gets what was given."""
        if self._only is not None and not self._match and self._steps is None:
            return Routed({self._only: scrapes} if scrapes else {})
        sorting = _Sorting()
        for scrape in scrapes:
            decision = self._recent.get(id(scrape.plan)) or self._decision(scrape.plan)
            sorting.take(scrape, decision)
        return sorting.routed(self._uniqueness)

    def at(self, key: str) -> Route | None:
        """The route of a lane that has samples waiting; None when the configuration has it no more."""
        if self._destination is not None:
            return self._destination.at(key)
        return None if key else self._only

    def _decision(self, plan: Plan) -> _Decision:
        """Decide about a plan, or remember it from before. A kept plan's id is no other plan's."""
        decision = self._before.get(id(plan)) or self._decide(plan)
        if len(self._recent) >= REMEMBERED:
            self._before, self._recent = self._recent, {}
        self._recent[id(plan)] = decision
        return decision

    def _decide(self, plan: Plan) -> _Decision:
        labels = {**dict(self._external), **dict(plan.target.labels)}
        if not all_match(self._match, labels):
            return _Decision(plan)
        route = self._only
        if route is None and self._destination is not None:
            try:
                route = self._destination.route(labels)
            except EncodeError as error:
                return _Decision(plan, reason=f"{_named(plan.target)}: {error.message}")
        made = rewritten(self._steps, plan) if self._steps else None
        if made is not None and made.plan is not plan:
            for family in made.plan.families:
                self.families.setdefault(family.name, family)
        return _Decision(plan, route, rewritten=made)


def _named(target: Target) -> str:
    return f"{target.job} {dict(target.labels).get('instance', '')}".rstrip()
