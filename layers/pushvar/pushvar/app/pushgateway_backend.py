"""A ``pushgateways`` block at work: every group of targets replaced, one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushvar.app.http_backend import HttpBackend
from pushvar.convert.plan import labelled
from pushvar.deliver.bodies import Bodies, Series
from pushvar.deliver.groups import grouped, pushed_samples
from pushvar.deliver.queue import send_in_order
from pushvar.deliver.sinks.pushgateway import PushgatewaySink, metrics_url, own_help
from pushvar.errors import ConfigError
from pushvar.model import MetricType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pushvar.app.world import World
    from pushvar.config.schema import Pushgateway
    from pushvar.convert.plan import Stamp
    from pushvar.deliver.groups import Group
    from pushvar.model import Delivery, Family, Plan, Scrape, Target
    from pushvar.net.secrets import Secrets

_METRICS_BYTES = 4 * 1024 * 1024
"""What is read of a gateway's metrics: its own stand among all that was pushed, in the order of names."""

_METRICS_TIMEOUT_S = 5.0
_OF_ONE_VALUE = {MetricType.COUNTER, MetricType.GAUGE, MetricType.UNKNOWN}

_METRICS_SHARE = 0.25
"""The share of a delivery's time that the question may take: the samples need the rest."""


class PushgatewayBackend(HttpBackend):
    """Sends the document's samples of each target, or the health series of one whose fetch failed."""

    def __init__(
        self, settings: Pushgateway, stamp: Callable[[Target], Stamp], secrets: Secrets, world: World
    ) -> None:
        super().__init__(settings, secrets, world)
        self._stamp = stamp
        self._families: Mapping[str, Family] = {}
        self._bodies = self._rendering({})
        self._asked = False
        put = self._request("PUT")
        sink = PushgatewaySink(settings.url, put, self._headers, self._body, self._now_s)
        self._push = self._guarded(sink.push)

    def _deliver(
        self, scrapes: Sequence[Scrape], families: Mapping[str, Family], deadline_s: float
    ) -> Delivery:
        """One request for each group; types and help stand in it."""
        self._families = families
        groups = grouped(scrapes)
        left_s = deadline_s - self._world.monotonic_s()
        if groups and left_s > 0 and not self._asked:
            self._asked = self._ask(left_s * _METRICS_SHARE)
        result = send_in_order(self._block.name, groups, self._push, self._patience(deadline_s))
        self._asked |= result.sent > 0
        return result

    def _body(self, group: Group) -> bytes:
        return self._bodies.body(group)

    def _samples(self, scrape: Scrape) -> int:
        return pushed_samples(scrape)

    def _ask(self, most_s: float) -> bool:
        """Learn the gateway's own help texts; False when it gave no answer and may be asked again."""
        timeout_s = min(most_s, self._block.remote_timeout.s, _METRICS_TIMEOUT_S)
        try:
            answer = self._session.send(
                "GET", metrics_url(self._block.url), b"", self._headers(),
                timeout_s=timeout_s, answer_limit=_METRICS_BYTES,
            )  # fmt: skip
        except ConfigError:  # the pushes tell it
            return False
        known = own_help(answer.text) if answer.status == 200 else {}  # noqa: PLR2004 - OK
        if known:
            self._bodies = self._rendering(known)
        return bool(answer.status)

    def _rendering(self, known: Mapping[str, str]) -> Bodies:
        return Bodies(lambda plan: _series(self._stamp(plan.target), plan, known, self._families))


def _series(stamp: Stamp, plan: Plan, known: Mapping[str, str], first: Mapping[str, Family]) -> list[Series]:
    """The series of a plan, their families with the help texts that are ``known`` to the gateway.

    Among the types of one value, a family has the one that its name was given ``first``: in a gateway a
    name has one type, or the later group is refused (README.md, "About metric inconsistencies").
    """
    sent = labelled(stamp, plan.shape)
    families = [
        replace(family, type=_settled(family, first), help=known.get(family.name, family.help))
        for family in sent.families
    ]
    return [Series(row.name, families[row.family], labels) for row, labels in sent.rows]


def _settled(family: Family, first: Mapping[str, Family]) -> MetricType:
    given = first.get(family.name, family).type
    return given if {given, family.type} <= _OF_ONE_VALUE else family.type
