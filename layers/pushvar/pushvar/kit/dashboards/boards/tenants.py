"""Tenants: who is served how well, what is left of each error budget, and what customers notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.audit import AUDIT_TARGETS
from pushvar.catalogue.service import ORDERS, PAYMENT_SECONDS, REQUEST_SECONDS
from pushvar.catalogue.thresholds import PAYMENT_SLOW_S, THRESHOLDS, Threshold
from pushvar.kit.dashboards.choices import JOB_SCOPE, TENANT, TENANT_SCOPE, variables
from pushvar.kit.dashboards.expressions import OWNER
from pushvar.kit.dashboards.panels import heat, history, lines, number, table
from pushvar.kit.dashboards.words import Board, Column, Panel, Query, Row
from pushvar.kit.rules.expressions import TARGETS
from pushvar.kit.rules.sets.slo import LEFT

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

_S, _T = JOB_SCOPE, TENANT_SCOPE
_UP = _S("up", TARGETS)
_EACH = "{{customer_id}} {{service_domain}} {{sla_tier}}"
_HOUR_S, _FIVE_MINUTES_S, _DAY_S = 3600, 300, 86_400
_RECORDED = "Recorded by the rules of pushvar kit rules slo, and empty without them. Promised availability: "
_FAILED = 'result="failed"'
_BURN = Threshold(1.0, 14.4, "short", "at 14.4 a fiftieth of a month's budget is gone in an hour")
_ERROR_RATIO = Threshold(0.001, 0.01, "percentunit", "one request of a hundred fails")
_SLOW = Threshold(0.02, 0.05, "percentunit", "the 95th percentile is above what the tier promises")


def board(settings: KitSettings) -> Board:
    """The dashboard."""
    rows = (
        Row("At a glance", _glance(settings)),
        Row("Customers, domains, tiers", (_overview(settings),)),
        Row("Service levels", _levels(settings)),
        Row("Requests", _requests(settings)),
        Row("Business", _business()),
        Row("Reachability", _reachability()),
    )
    return Board(
        "tenants", "Tenants and service levels", "Targets, coverage, errors and budgets of each customer.",
        variables("up", (*TENANT, "job")), rows, since="now-24h", deploys=True,
    )  # fmt: skip


def _covered(by: str) -> str:
    name = AUDIT_TARGETS.family.name
    good, every = _T(name, 'state="covered"'), _T(name)
    sums = (
        (f"sum by ({by}) ({good})", f"sum by ({by}) ({every})") if by else (f"sum({good})", f"sum({every})")
    )
    return f"{sums[0]} / ({sums[1]} > 0)"


def _left(settings: KitSettings) -> str:
    """What is left of the budget of a day, of each tenant."""
    spent = _S.budget_share(OWNER, settings.objectives, settings.window(_DAY_S))
    return f"1 - (\n{spent}\n)"


def _left_of_period() -> str:
    """The same of the whole period: a recorded series, for so many days are too much to read each time."""
    return f"min by ({OWNER}) ({_S(LEFT)})"


def _glance(settings: KitSettings) -> tuple[Panel, ...]:
    burnt = _S.budget_share(OWNER, settings.objectives, settings.window(_HOUR_S))
    return (
        number("Customers", "short", f"count(count by (customer_id) ({_UP}))"),
        number("Targets", "short", f"count({_UP})"),
        number("Answering", "percentunit", f"avg({_UP})", threshold=THRESHOLDS["scrape_success"]),
        number("Covered", "percentunit", _covered(""), threshold=THRESHOLDS["coverage"],
               text="Share of targets with the whole core set, by the last audit."),
        number("Least budget left of a day", "percentunit", f"min({_left(settings)})",
               threshold=THRESHOLDS["budget_left"]),
        number("Fastest burn, one hour", "short", f"max(\n{burnt}\n)", threshold=_BURN,
               text="1 spends the budget of a period in just that period."),
    )  # fmt: skip


def _overview(settings: KitSettings) -> Panel:
    """The table by which the night begins: trouble stands out, a click goes to the processes."""
    window, ratio = settings.window(_FIVE_MINUTES_S), "percentunit"
    every = _S.rate("http_requests_total", window=window)
    columns = (
        (Query(f"count by ({OWNER}) ({_UP})"), Column("Targets", "short")),
        (Query(f"avg by ({OWNER}) ({_UP})"), Column("Up", ratio, THRESHOLDS["scrape_success"])),
        (Query(_covered(OWNER)), Column("Covered", ratio, THRESHOLDS["coverage"])),
        (Query(f"sum by ({OWNER}) ({every})"), Column("Requests", "reqps")),
        (Query(_S.error_ratio(OWNER, window=window)), Column("Errors", ratio, _ERROR_RATIO)),
        (Query(_left(settings)), Column("Budget left of a day", ratio, THRESHOLDS["budget_left"])),
        (
            Query(_left_of_period()),
            Column(f"Budget left of {settings.period_days} days", ratio, THRESHOLDS["budget_left"]),
        ),
    )
    labels = (Column("customer_id", opens="go-runtime"), Column("service_domain", opens="go-runtime"),
              Column("sla_tier"))  # fmt: skip
    return table(
        "Tenants", columns, labels=labels, size=(24, 9), hidden=("Time",),
        text="Up and coverage below 100 % are targets that alerts do not see. Where a service counts no"
        " requests under http_requests_total, errors and budgets are empty. The budget of the whole period"
        " needs the rules of pushvar kit rules slo.",
    )  # fmt: skip


def _levels(settings: KitSettings) -> tuple[Panel, ...]:
    goals = settings.objectives
    promised = ", ".join(f"{one.tier} {one.availability:.6g}" for one in goals)
    latency = ", ".join(f"{one.tier} {one.latency_s:g} s" for one in goals)
    hour = settings.window(_HOUR_S)
    burnt = Query(_S.budget_share(OWNER, goals, hour), _EACH)
    left = Query(_left(settings), _EACH)
    slow = Query(_S.slow_by_tier(OWNER, goals), _EACH)
    period = Query(_left_of_period(), _EACH)
    return (
        lines(f"Budget left of {settings.period_days} days", "percentunit", period, opens="go-runtime",
              threshold=THRESHOLDS["budget_left"], size=(12, 8), text=f"{_RECORDED}{promised}."),
        lines("Budget left of a day", "percentunit", left, threshold=THRESHOLDS["budget_left"],
              opens="go-runtime", size=(12, 8),
              text=f"Promised availability: {promised}. Below 0 a day spent more than a day has."),
        lines(f"Burn of the budget, {hour}", "short", burnt, threshold=_BURN, opens="go-runtime",
              size=(12, 8),
              text="Errors in parts of what the tier allows: at 1 the budget lasts for just its period."),
        lines("Slower than promised", "percentunit", slow, threshold=_SLOW, opens="go-runtime",
              size=(12, 8),
              text=f"Promised for 95 % of requests: {latency}. The histogram needs these very bounds."),
    )  # fmt: skip


def _requests(settings: KitSettings) -> tuple[Panel, ...]:
    window = settings.window(_FIVE_MINUTES_S)
    name = REQUEST_SECONDS.family.name
    by_domain = _S.error_ratio("service_domain", window=window)
    return (
        lines("Requests", "reqps", Query(f"sum by (job, code) ({_S.rate('http_requests_total')})",
                                         "{{job}} {{code}}")),
        lines("Errors", "percentunit", Query(_S.error_ratio(OWNER), _EACH), threshold=_ERROR_RATIO,
              opens="go-runtime"),
        lines("Latency, 95th percentile", "s", Query(_S.percentile(name, 0.95, OWNER), _EACH),
              threshold=THRESHOLDS["request_latency_s"], opens="go-runtime"),
        history("Errors by domain", "percentunit", by_domain, "{{service_domain}}", size=(12, 8),
                threshold=_ERROR_RATIO, text="Errors of a domain among all its requests."),
        heat("Latency of requests", "s", f"sum by (le) ({_S.rate(f'{name}_bucket')})", size=(12, 8)),
    )  # fmt: skip


def _business() -> tuple[Panel, ...]:
    orders, payments = ORDERS.family.name, PAYMENT_SECONDS.family.name
    failed = f"sum by ({OWNER}) ({_S.rate(orders, _FAILED)})"
    every = f"sum by ({OWNER}) ({_S.rate(orders)})"
    slow = _S.slow_share(payments, PAYMENT_SLOW_S, OWNER)
    return (
        lines("Orders", "ops", Query(f"sum by (job, result) ({_S.rate(orders)})", "{{job}} {{result}}")),
        lines("Orders that fail", "percentunit", Query(f"({failed} or 0 * {every}) / ({every} > 0)", _EACH),
              threshold=THRESHOLDS["order_failures"]),
        lines(f"Payments slower than {PAYMENT_SLOW_S:g} s", "percentunit", Query(slow, _EACH),
              threshold=THRESHOLDS["payments_slow"]),
    )  # fmt: skip


def _reachability() -> tuple[Panel, ...]:
    up = Query(f"avg by ({OWNER}) ({_UP})", _EACH)
    down = Query(f"count by ({OWNER}) ({_UP} == 0) or 0 * count by ({OWNER}) ({_UP})", _EACH)
    return (
        lines("Answering", "percentunit", up, threshold=THRESHOLDS["scrape_success"], size=(12, 8),
              opens="go-runtime"),
        lines("Targets that are down", "short", down, size=(12, 8), opens="go-runtime"),
    )  # fmt: skip
