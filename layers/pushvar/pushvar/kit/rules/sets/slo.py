"""Service levels: recorded ratios, error budgets, and alerts on how fast a budget is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.service import DEPLOYED, REQUEST_SECONDS
from pushvar.catalogue.thresholds import THRESHOLDS
from pushvar.kit.rule_files import Recording, RuleGroup
from pushvar.kit.rules.burn import burns_for, windows_of
from pushvar.kit.rules.expressions import HOUR_S, MINUTE_S, OWNER, Pieces, number
from pushvar.kit.rules.indicators import ERRORS, LATENCY_BUDGET, every_request, good_requests, slow
from pushvar.kit.rules.words import JOB, PERCENT, RUNBOOKS, Row, RuleSet, alerts, head

if TYPE_CHECKING:
    from pushvar.kit.rule_files import Alert
    from pushvar.kit.rules.burn import Burn
    from pushvar.kit.rules.indicators import Indicator
    from pushvar.kit.settings import KitSettings

__all__ = ["RUNBOOKS", "rule_set"]

OBJECTIVE, BUDGET = "sla:objective:ratio", "sla:error_budget:ratio"
LEFT = "tenant:error_budget:remaining_ratio"

_FEWEST_EVENTS = 5
"""Bad requests in the long window: one that fails in a quiet night spends a budget, and is no incident."""
_WORSE_BY = 0.005  # of the error ratio, against an hour before
_DEPLOYED_WITHIN_S = 15 * MINUTE_S


def rule_set(settings: KitSettings, runbooks: str) -> RuleSet:
    """The set."""
    pieces = Pieces(settings)
    burns, latency = burns_for(settings), slow(settings.objectives)
    recorded = (*_objectives(settings), *_levels(pieces), *_ratios(ERRORS, burns), *_ratios(latency, burns))
    rows = (*_burns(settings, burns, latency), _regression(pieces))
    groups = (
        RuleGroup("pushvar-slo", "1m", (*recorded, *alerts("business", runbooks, rows))),
        RuleGroup("pushvar-slo-budget", "5m", _budget(pieces, runbooks)),
    )
    about = ("Service levels by (customer_id, service_domain, sla_tier, job, team); objectives are those of",
             "tenancy.tiers, and stand in sla:objective:ratio: alerts compare with it.")  # fmt: skip
    return RuleSet("slo", head("slo", *about), groups)


def _objectives(settings: KitSettings) -> tuple[Recording, ...]:
    given = "\nor\n".join(
        f'label_replace(vector({number(one.availability)}), "sla_tier", "{one.tier}", "", "")'
        for one in settings.objectives
    )
    return Recording(OBJECTIVE, f"{given}\n"), Recording(BUDGET, f"1 - {OBJECTIVE}")


def _levels(pieces: Pieces) -> tuple[Recording, ...]:
    short, success = pieces.window(5 * MINUTE_S), pieces.window(10 * MINUTE_S)
    name = REQUEST_SECONDS.family.name
    buckets = f"sum by ({OWNER}, le) (rate({name}_bucket[{short}]))"
    good, every = good_requests("rate", success), every_request("rate", success)
    levels = (
        Recording(f"tenant:http_requests:rate{short}", every_request("rate", short)),
        Recording(f"tenant:http_requests:success_ratio_rate{success}", f"({good})\n/\n({every} > 0)\n"),
        Recording(f"tenant:{name}:p95_rate{short}", f"histogram_quantile(0.95, {buckets})"),
        Recording(f"instance:go_gc_pause_seconds:rate{short}", f"rate(go_gc_duration_seconds_sum[{short}])"),
    )
    if short in windows_of(burns_for(pieces.settings)):
        return levels
    return (*levels, ERRORS.recorded_ratio(short))


def _ratios(indicator: Indicator, burns: tuple[Burn, ...]) -> tuple[Recording, ...]:
    ratios = (indicator.recorded_ratio(window) for window in windows_of(burns))
    return (*ratios, *(indicator.recorded_events(burn.long) for burn in burns))


def _burns(settings: KitSettings, burns: tuple[Burn, ...], latency: Indicator) -> tuple[Row, ...]:
    rows = []
    for page, words, holds in ((True, "Page", "2m"), (False, "Ticket", "15m")):
        chosen = tuple(burn for burn in burns if burn.page is page)
        if not chosen:
            continue
        fast = "within hours" if page else "within days"
        priority = "P1" if page else "P2"
        rows += [
            Row(f"ErrorBudget{words}", _either(ERRORS, chosen, settings, BUDGET), holds,
                f"{JOB} fails too many requests",
                f"{PERCENT} of its requests end in 5xx: what {{{{ $labels.sla_tier }}}} allows is used up"
                f" {fast}. Look at what was deployed last, then at its dependencies.", priority=priority),
            Row(f"LatencyBudget{words}", _either(latency, chosen, settings, ""), holds,
                f"{JOB} answers too slowly",
                f"{PERCENT} of its requests take longer than {{{{ $labels.sla_tier }}}} promises. Look at the"
                " collector, at pools and at dependencies, in that order.", priority=priority),
        ]  # fmt: skip
    return tuple(rows)


def _either(indicator: Indicator, burns: tuple[Burn, ...], settings: KitSettings, budget: str) -> str:
    """One pair of windows or another; ``budget`` is the series with that of the tier, if there is one."""
    return "\nor\n".join(_pair(indicator, burn, settings.period_days, budget) for burn in burns) + "\n"


def _pair(indicator: Indicator, burn: Burn, period_days: int, budget: str) -> str:
    factor = burn.factor(period_days)
    if budget:
        above = f"> on (sla_tier) group_left () ({number(factor)} * {budget})"
    else:
        above = f"> {number(min(factor * LATENCY_BUDGET, 0.99))}"
    return (
        f"(\n  {indicator.ratio}_rate{burn.short} {above}\n  and\n"
        f"  {indicator.ratio}_rate{burn.long} {above}\n  and\n"
        f"  {indicator.events}_increase{burn.long} >= {_FEWEST_EVENTS}\n)"
    )


def _regression(pieces: Pieces) -> Row:
    window_s = pieces.settings.window_s(5 * MINUTE_S)
    ratio = f"{ERRORS.ratio}_rate{pieces.window(5 * MINUTE_S)}"
    within_s = _DEPLOYED_WITHIN_S + window_s
    marker = f"max by ({OWNER}) (last_over_time({DEPLOYED.family.name}[{pieces.window(2 * within_s)}]))"
    expr = (
        f"{ratio} - {ratio} offset 1h > {number(_WORSE_BY)}\nand\ntime() - {marker} < {within_s}\nand\n"
        f"{every_request('increase', pieces.window(5 * MINUTE_S))} >= 100\n"
    )
    return Row("DeployRegression", expr, "2m", f"{JOB} fails more since it was deployed",
               f"Its share of 5xx is {PERCENT} higher than an hour ago, and there was a deployment minutes"
               " ago. Roll back first, look afterwards.")  # fmt: skip


def _budget(pieces: Pieces, runbooks: str) -> tuple[Recording | Alert, ...]:
    """What is left of a period's budget: requests are counted by the hour, so quiet hours weigh little."""
    hour, days = pieces.window(HOUR_S), f"{pieces.settings.period_days}d"
    every, bad = f"tenant:http_requests:increase{hour}", f"{ERRORS.events}_increase{hour}"
    spent = f"sum_over_time({bad}[{days}:{hour}]) / (sum_over_time({every}[{days}:{hour}]) > 0)"
    left = Recording(LEFT, f"1 - ({spent}) / on (sla_tier) group_left () ({BUDGET} > 0)")
    row = Row("BudgetSpent", f"{LEFT} < {number(THRESHOLDS['budget_left'].bad)}\n", "1h",
              f"{JOB} has no error budget left",
              f"{PERCENT} of the budget of {days} is left. Let changes that can wait wait, and mend what"
              " fails most.")  # fmt: skip
    counted = [Recording(every, every_request("increase", hour))]
    if hour not in {burn.long for burn in burns_for(pieces.settings)}:
        counted.append(ERRORS.recorded_events(hour))
    return (*counted, left, *alerts("business", runbooks, (row,)))
