"""The tree of routes, and what mutes what, as plain data; each flavour writes it in its own words.

Routes look at the labels ``tier``, ``priority``, ``severity`` and ``team`` and never at names of alerts, but
for the switch that always fires. The first route that matches is taken, unless it says ``onwards``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushvar.kit.rules.words import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP_BY = ("alertname", "customer_id", "service_domain", "team")
DEFAULT, PAGER, HEARTBEAT = "sre-default", "pager", "heartbeat"
INFRA, INFRA_TICKETS, GO, TEAMS = "infra-oncall", "infra-tickets", "go-sre", "teams"

RECEIVERS = (DEFAULT, PAGER, HEARTBEAT, INFRA, INFRA_TICKETS, GO, TEAMS)
"""All of them, but for teams that have one of their own."""

Matcher = tuple[str, str, str]
"""A label, ``=``, ``!=`` or ``=~``, and a value."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who gets what matches; a time that is empty is that of the root."""

    receiver: str
    matchers: tuple[Matcher, ...]
    wait: str = ""
    interval: str = ""
    repeat: str = ""
    onwards: bool = False


ROOT = Route(DEFAULT, (), wait="30s", interval="5m", repeat="4h")

_BUSINESS: Matcher = ("tier", "=", "business")
_MACHINES: Matcher = ("tier", "=~", "outage|infra")


def team_receiver(team: str) -> str:
    """The receiver of a team that has one of its own."""
    return f"{team}-team"


def receivers(teams: Sequence[str]) -> tuple[str, ...]:
    """The names of all receivers."""
    return (*RECEIVERS, *map(team_receiver, teams))


def routes(teams: Sequence[str]) -> tuple[Route, ...]:
    """The routes under the root, in their order."""
    switch: Matcher = ("alertname", "=", f"{PREFIX}DeadMansSwitch")
    return (
        Route(HEARTBEAT, (switch,), wait="0s", interval="1m", repeat="5m"),
        Route(PAGER, (("priority", "=", "P0"),), wait="0s", repeat="15m", onwards=True),
        Route(PAGER, (_BUSINESS, ("priority", "=", "P1")), repeat="1h", onwards=True),
        Route(INFRA_TICKETS, (_MACHINES, ("severity", "=~", "warning|info")), repeat="12h"),
        Route(INFRA, (_MACHINES,), wait="0s", repeat="1h"),
        Route(GO, (("tier", "=", "runtime"),), repeat="12h"),
        *(Route(team_receiver(team), (_BUSINESS, ("team", "=", team))) for team in teams),
        Route(TEAMS, (_BUSINESS,)),
    )


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While ``source`` fires, ``target`` is muted where the labels ``equal`` are equal, or both absent."""

    why: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


def _named(*names: str) -> Matcher:
    return ("alertname", "=~", "|".join(PREFIX + name for name in names))


_CONSEQUENCES: Matcher = ("tier", "=~", "runtime|business")
_NO_JOB: Matcher = ("alertname", "!~", f"{PREFIX}BatchJob.*")  # jobs are pushed, they do not need a target
_SAME = ("tier", "customer_id", "service_domain", "job", "instance", "backend")

INHIBITIONS = (
    Inhibition("pushvar is silent: what is missing follows from it", (_named("Silent"),),
               (_named("TenantDark", "BackendDark", "JobVanished", "TargetSilent", "DataLate"),)),
    Inhibition("a backend gets nothing: so do its shards", (_named("BackendDark"),),
               (_named("DataLate", "SpoolGrows"),), ("backend",)),
    Inhibition("a tenant is dark: so is each of its jobs and targets", (_named("TenantDark"),),
               (_named("JobDown", "TargetDown"),), ("customer_id",)),
    Inhibition("a job is down or gone: its targets are, and its numbers say nothing",
               (_named("JobDown", "JobVanished"),), (_named("TargetSilent"),), ("customer_id", "job")),
    Inhibition("a job is down or gone: its numbers say nothing", (_named("JobDown", "JobVanished"),),
               (_CONSEQUENCES, _NO_JOB), ("customer_id", "job")),
    Inhibition("a target is down: its numbers say nothing", (_named("TargetDown"),),
               (_CONSEQUENCES, _NO_JOB), ("customer_id", "instance")),
    Inhibition("what is critical mutes lesser alerts of the same thing", (("severity", "=", "critical"),),
               (("severity", "=~", "warning|info"), ("tier", "=~", "infra|runtime|business")), _SAME),
)  # fmt: skip


def written(matchers: tuple[Matcher, ...]) -> list[str]:
    """Matchers as Alertmanager writes them."""
    return [f'{label}{sign}"{value}"' for label, sign, value in matchers]


def as_route(route: Route) -> dict[str, Any]:
    """A route in Alertmanager's words."""
    times = {"group_wait": route.wait, "group_interval": route.interval, "repeat_interval": route.repeat}
    return {
        "receiver": route.receiver,
        **({"matchers": written(route.matchers)} if route.matchers else {}),
        **{name: time for name, time in times.items() if time},
        **({"continue": True} if route.onwards else {}),
    }


def as_tree(teams: Sequence[str]) -> dict[str, Any]:
    """The keys ``route`` and ``inhibit_rules`` of a configuration."""
    root = {**as_route(ROOT), "group_by": list(GROUP_BY), "routes": [as_route(one) for one in routes(teams)]}
    muted = [
        {
            "source_matchers": written(one.source),
            "target_matchers": written(one.target),
            **({"equal": list(one.equal)} if one.equal else {}),
        }
        for one in INHIBITIONS
    ]
    return {"route": root, "inhibit_rules": muted}
