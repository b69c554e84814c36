"""The budgets of customers: what all targets of one may have together, in one shard.

A shard sees its own targets only, so a customer with targets in several shards has its budget in each.
Once a customer's targets want more than it has, each of them may have the same share, and what the smaller
ones do not want goes to the larger: who floods pays for it. A target that was not fetched this time, or
failed, wants what it wanted last; so nothing that others send depends on it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pushvar.convert.budgets import fair_share
from pushvar.convert.plan import allowed, compile_plan
from pushvar.labels.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pushvar.config.schema import Budgets
    from pushvar.convert.plan import Stamp
    from pushvar.model import Plan, Scrape


class _Cut(NamedTuple):
    """A plan, and what an allowance makes of it."""

    plan: Plan
    allowance: int
    made: Plan
    select: Selection


class Ledger:
    """What each target of a shard wants, and what it may have; for one version of its targets."""

    def __init__(self, budgets: Budgets, stamps: Iterable[Stamp]) -> None:
        given = dict(budgets.customers)
        self._stamps: dict[str, Stamp] = {}
        self._budgets: dict[str, int] = {}
        self._targets: dict[str, list[str]] = {}
        for stamp in stamps:
            customer = dict(stamp.target.labels).get("customer_id", "")
            budget = given.get(customer, budgets.customer_series)
            if budget:
                self._stamps[stamp.target.key] = stamp
                self._budgets[customer] = budget
                self._targets.setdefault(customer, []).append(stamp.target.key)
        self._wanted = dict.fromkeys(self._stamps, 0)
        self._allowances: dict[str, int] = {}
        self._cuts: dict[str, _Cut] = {}

    def within(self, scrapes: list[Scrape]) -> list[Scrape]:
        """The scrapes of a cycle, those of customers over their budget cut; the same list where none is."""
        if not self._stamps:
            return scrapes
        changed = False
        for scrape in scrapes:
            key, wanted = scrape.plan.target.key, scrape.carried - scrape.plan.health
            if scrape.reason == "ok" and self._wanted.get(key, wanted) != wanted:
                self._wanted[key] = wanted
                changed = True
        if changed:
            self._allot()
        return [self._cut(scrape) for scrape in scrapes] if self._allowances else scrapes

    def apart(self, scrapes: list[Scrape], waiting: Collection[str]) -> list[Scrape]:
        """The scrapes that may go before the targets of these keys have come; the same list where all may.

        A customer with a budget goes as a whole: who comes later may want more than anybody knows.
        """
        if not self._stamps:
            return scrapes
        held = {key for keys in self._targets.values() if any(one in waiting for one in keys) for key in keys}
        return [scrape for scrape in scrapes if scrape.plan.target.key not in held]

    def _allot(self) -> None:
        """Say anew what each target may have that wants more than its share."""
        self._allowances = {}
        for customer, keys in self._targets.items():
            share = fair_share([self._wanted[key] for key in keys], self._budgets[customer])
            self._allowances.update({key: share for key in keys if self._wanted[key] > share})
        self._cuts = {key: cut for key, cut in self._cuts.items() if key in self._allowances}

    def _cut(self, scrape: Scrape) -> Scrape:
        key = scrape.plan.target.key
        allowance = self._allowances.get(key)
        if allowance is None or scrape.reason != "ok":
            return scrape
        known = self._cuts.get(key)
        if known is None or known.plan is not scrape.plan or known.allowance != allowance:
            known = self._cuts[key] = _cut(self._stamps[key], scrape.plan, allowance)
        values, times_ms = known.select(scrape.values, scrape.times_ms)
        return replace(scrape, plan=known.made, values=values, times_ms=times_ms)


def _cut(stamp: Stamp, plan: Plan, allowance: int) -> _Cut:
    """Compile a plan anew with an allowance, and find its series among those of the old one."""
    made = compile_plan(allowed(stamp, allowance), plan.shape)
    places = {row: place for place, row in enumerate(_kept(plan))}
    kept = tuple(places[row] for row in _kept(made))
    count = len(places) + plan.health
    return _Cut(plan, allowance, made, Selection((*kept, *range(len(places), count)), count))


def _kept(plan: Plan) -> Iterable[int]:
    return range(len(plan.shape.rows)) if plan.kept is None else plan.kept
