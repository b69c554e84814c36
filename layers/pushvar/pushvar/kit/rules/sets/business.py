"""P3: orders fail, payments are slow, a pool is full. They go to the team that the target's label names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.service import ORDERS, PAYMENT_SECONDS
from pushvar.catalogue.thresholds import PAYMENT_SLOW_S, THRESHOLDS
from pushvar.kit.rule_files import RuleGroup
from pushvar.kit.rules.expressions import MINUTE_S, OWNER, Pieces, bound, number
from pushvar.kit.rules.words import COUNT, INSTANCE, JOB, PERCENT, RUNBOOKS, Row, RuleSet, alerts, head

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

__all__ = ["RUNBOOKS", "rule_set"]

_FEWEST = 20
"""Orders or payments in a window: with fewer of them a share says nothing."""


def rule_set(settings: KitSettings, runbooks: str) -> RuleSet:
    """The set."""
    pieces = Pieces(settings)
    rows = (_orders(pieces), _payments(pieces), _pool(pieces))
    about = "What services say of their business, under the names of pushvar/catalogue/service.py."
    group = RuleGroup("pushvar-business", "1m", alerts("business", runbooks, rows))
    return RuleSet("business", head("business", about), (group,))


def _share(part: str, whole: str, limit: float, window: str) -> str:
    """A share above a limit, where there is enough of the whole; sums on both sides."""
    parts, all_of_them = (f"sum by ({OWNER}) (rate({one}[{window}]))" for one in (part, whole))
    enough = f"sum by ({OWNER}) (increase({whole}[{window}])) >= {_FEWEST}"
    return f"{parts} / ({all_of_them} > 0) > {number(limit)}\nand\n{enough}\n"


def _orders(pieces: Pieces) -> Row:
    name, window = ORDERS.family.name, pieces.window(10 * MINUTE_S)
    expr = _share(f'{name}{{result="failed"}}', name, THRESHOLDS["order_failures"].bad, window)
    return Row("OrdersFail", expr, pieces.holds(5 * MINUTE_S), f"Orders of {JOB} fail",
               f"{PERCENT} of them. See the service's own log for the failed ones, and what it depends on:"
               " payments, stock, the database.")  # fmt: skip


def _payments(pieces: Pieces) -> Row:
    name, window = PAYMENT_SECONDS.family.name, pieces.window(10 * MINUTE_S)
    fast = f"sum by ({OWNER}) (rate({name}_bucket{{{bound(PAYMENT_SLOW_S)}}}[{window}]))"
    every = f"sum by ({OWNER}) (rate({name}_count[{window}]))"
    enough = f"sum by ({OWNER}) (increase({name}_count[{window}])) >= {_FEWEST}"
    limit = number(THRESHOLDS["payments_slow"].bad)
    expr = f"1 - {fast} / ({every} > 0) > {limit}\nand\n{enough}\n"
    return Row("PaymentsSlow", expr, pieces.holds(5 * MINUTE_S), f"Payments of {JOB} are slow",
               f"{PERCENT} of them take longer than {PAYMENT_SLOW_S:g} s. Look at the provider's latency"
               " first, then at the connections to it.")  # fmt: skip


def _pool(pieces: Pieces) -> Row:
    most = f"({pieces.now('go_sql_max_open_connections')} > 0)"
    limit = f"{number(THRESHOLDS['pool_saturation'].bad)} * {most}"
    expr = pieces.sustained("go_sql_in_use_connections", limit)
    return Row("PoolSaturated", expr, "0s", f"The database pool of {INSTANCE} is full",
               f"{COUNT} connections of {{{{ $labels.db_name }}}} are in use, hardly any is left: requests"
               " wait. See which queries hold them; a larger pool helps only if the database can.",
               )  # fmt: skip
