"""Coverage: which services have the numbers that alerts and dashboards are made of, by the last audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.audit import AUDIT_COVERAGE, AUDIT_LABELS, AUDIT_STATES, AUDIT_TARGETS, AUDIT_TIME
from pushvar.catalogue.thresholds import THRESHOLDS, Threshold
from pushvar.kit.dashboards.choices import variables
from pushvar.kit.dashboards.expressions import Scope
from pushvar.kit.dashboards.panels import lines, number, table, worst
from pushvar.kit.dashboards.words import Board, Column, Panel, Query, Row

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

_A = Scope(AUDIT_LABELS)
_TARGETS, _RATIO = AUDIT_TARGETS.family.name, AUDIT_COVERAGE.family.name
_EACH = "{{customer_id}} {{service_domain}} {{sla_tier}} {{team}}"
_OWNER = ", ".join(AUDIT_LABELS)
_DAY_S = 86_400
_OLD = Threshold(2 * _DAY_S, 7 * _DAY_S, "s", "what the last audit says may be over")
_NONE = Threshold(1, 10, "short", "services that no alert knows")
_COVERAGE = THRESHOLDS["coverage"]


def board(settings: KitSettings) -> Board:
    """The dashboard."""
    del settings  # an audit is as old as it is
    rows = (
        Row("At a glance", _glance()),
        Row("Owners", (_owners(), *_worst())),
        Row("Course", _course()),
    )
    return Board("coverage", "Coverage audit",
                 "Which targets have the core metrics, by customer, tier, team.",
                 variables(_TARGETS, AUDIT_LABELS), rows, since="now-30d")  # fmt: skip


def _counted(state: str, by: str = "") -> str:
    return f"sum{f' by ({by}) ' if by else ''}({_A(_TARGETS, f'state={chr(34)}{state}{chr(34)}')})"


def _share(by: str = "") -> str:
    """Covered targets of all targets: ratios of groups cannot be averaged."""
    every = f"sum{f' by ({by}) ' if by else ''}({_A(_TARGETS)})"
    return f"{_counted('covered', by)} / ({every} > 0)"


def _glance() -> tuple[Panel, ...]:
    return (
        number("Covered", "percentunit", _share(), threshold=_COVERAGE),
        number("Targets", "short", f"sum({_A(_TARGETS)})"),
        *(
            number(state.replace("_", " ").capitalize(), "short", _counted(state), threshold=_NONE,
                   text=f"{AUDIT_STATES[state].capitalize()}.", width=3)
            for state in AUDIT_STATES if state != "covered"
        ),
        number("Last audit", "s", f"time() - max({AUDIT_TIME.family.name})", threshold=_OLD,
               text="How long ago it was: pushvar audit makes a new one."),
    )  # fmt: skip


def _owners() -> Panel:
    counted = tuple((Query(_counted(state, _OWNER)), Column(state.replace("_", " ").capitalize(), "short"))
                    for state in AUDIT_STATES)  # fmt: skip
    columns = (
        (Query(f"max by ({_OWNER}) ({_A(_RATIO)})"), Column("Coverage", "percentunit", _COVERAGE)),
        *counted,
    )
    labels = (Column("customer_id", opens="tenants"), Column("service_domain", opens="tenants"),
              Column("sla_tier"), Column("team"))  # fmt: skip
    return table("Owners of targets", columns, labels=labels, size=(24, 9),
                 hidden=("Time",),
                 text="Each target is in exactly one state; pushvar audit names them.")  # fmt: skip


def _worst() -> tuple[Panel, ...]:
    def lowest(title: str, label: str) -> Panel:
        return worst(title, "percentunit", f"bottomk(10, {_share(label)})", f"{{{{{label}}}}}",
                     threshold=_COVERAGE, limits=(0, 1))  # fmt: skip

    return (
        lowest("Least covered customers", "customer_id"),
        lowest("Least covered domains", "service_domain"),
        lowest("Least covered teams", "team"),
    )


def _course() -> tuple[Panel, ...]:
    states = f"sum by (state) ({_A(_TARGETS)})"
    return (
        lines("Coverage", "percentunit", Query(_A(_RATIO), _EACH), threshold=_COVERAGE, limits=(0, 1),
              opens="tenants", size=(12, 8)),
        lines("Targets by state", "short", Query(states, "{{state}}"), size=(12, 8)),
    )  # fmt: skip
