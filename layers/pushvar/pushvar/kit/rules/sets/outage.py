"""P0: the forwarder is silent, a tenant is dark, a backend gets nothing; and the switch that always fires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.thresholds import THRESHOLDS
from pushvar.kit.rule_files import RuleGroup
from pushvar.kit.rules.expressions import MINUTE_S, OWN, TARGETS, Pieces, number
from pushvar.kit.rules.words import RUNBOOKS, TIME, Row, RuleSet, alerts, head

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

__all__ = ["RUNBOOKS", "rule_set"]

_SILENT_S = 10 * MINUTE_S


def rule_set(settings: KitSettings, runbooks: str) -> RuleSet:
    """The set."""
    pieces = Pieces(settings)
    rows = (_silent(pieces), _tenant(pieces), _backend(pieces), _switch())
    about = "Outages: each wakes somebody at once, but for the dead man's switch, which fires all the time."
    group = RuleGroup("pushvar-outage", "1m", alerts("outage", runbooks, rows))
    return RuleSet("outage", head("outage", about), (group,))


def _silent(pieces: Pieces) -> Row:
    window = pieces.window(_SILENT_S)
    return Row(
        "Silent", f"absent_over_time(pushvar_cycles_total{{{OWN}}}[{window}])", "0s",
        "pushvar says nothing",
        f"No shard said anything for {window}: whatever it forwards is missing here, and alerts on it see"
        " nothing. Look whether the schedule wakes it and what the log of its last cycle says.",
    )  # fmt: skip


def _tenant(pieces: Pieces) -> Row:
    up = pieces.now(f"up{{{TARGETS}}}")
    expr = f"count by (customer_id) ({up} == 0) > 1\nunless\ncount by (customer_id) ({up} == 1)\n"
    return Row(
        "TenantDark", expr, pieces.holds(2 * MINUTE_S),
        "All targets of {{ $labels.customer_id }} are down",
        "None of its {{ $value }} targets answers. One cause is likelier than many: the network, a"
        " certificate, a firewall. Run pushvar triage on one of them.",
    )  # fmt: skip


def _backend(pieces: Pieces) -> Row:
    until = pieces.now(f"pushvar_delivered_until_timestamp_seconds{{{OWN}}}")
    limit = 2 * THRESHOLDS["data_age_s"].bad + pieces.settings.interval_s
    return Row(
        "BackendDark", f"time() - max by (backend) ({until}) > {number(limit)}\n", "5m",
        "Backend {{ $labels.backend }} gets nothing",
        f"What waits for it is {TIME} old in every shard. Data is kept until sample_age_limit, then lost."
        " Look at the backend and at the last error in pushvar's log.",
    )  # fmt: skip


def _switch() -> Row:
    return Row(
        "DeadMansSwitch", "vector(1)", "0s",
        "Alerts arrive",
        "Always fires. Whoever watches it from outside is to worry when it does NOT arrive: then rules,"
        " routing or the way there are broken.",
        priority="P3",
    )  # fmt: skip
