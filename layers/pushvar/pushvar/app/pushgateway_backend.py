"""A ``pushgateways`` block at work: every group of targets replaced or deleted, one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushvar.app.http_backend import NOT_MATCHED, Answered, HttpBackend
from pushvar.convert.plan import allowed, labelled
from pushvar.deliver.bodies import Bodies, Series
from pushvar.deliver.conflicts import explained, held_groups
from pushvar.deliver.group_lane import GroupLane
from pushvar.deliver.groups import grouped, pushed_samples
from pushvar.deliver.outages import Outages
from pushvar.deliver.routes import Router
from pushvar.deliver.sinks import pushgateway as sinks
from pushvar.deliver.spool import lane_key
from pushvar.errors import ConfigError, PushError
from pushvar.model import MetricType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pushvar.app.world import World
    from pushvar.config.schema import Pushgateway
    from pushvar.convert.plan import Stamp
    from pushvar.deliver.conflicts import Held
    from pushvar.deliver.group_states import GroupState
    from pushvar.deliver.groups import Group
    from pushvar.deliver.spool import Spool
    from pushvar.model import Delivery, Family, Labels, Plan, Scrape, Target
    from pushvar.net.secrets import Secrets
    from pushvar.net.session import Answer

_METRICS_BYTES = 4 * 1024 * 1024
"""What is read of a gateway's metrics: its own stand among all that was pushed, in the order of names."""

_GROUPS_BYTES = 16 * 1024 * 1024
"""What is read of all groups when one is refused: some 800 of 60 series, and 0.2 s of work."""

_QUESTION_TIMEOUT_S = 5.0
_OK, _BAD_REQUEST = 200, 400
_OF_ONE_VALUE = {MetricType.COUNTER, MetricType.GAUGE, MetricType.UNKNOWN}

_METRICS_SHARE = 0.25
"""The share of a delivery's time that the question may take: the samples need the rest."""


class PushgatewayBackend(HttpBackend):
    """Sends the document's samples of each target, or the health series of one whose fetch failed."""

    def __init__(
        self, settings: Pushgateway, external: Labels, stamp: Callable[[Target], Stamp], secrets: Secrets,
        world: World,
    ) -> None:  # fmt: skip
        super().__init__(settings, secrets, world)
        self._router = Router(settings, external)
        self._settings = settings
        self._stamp = stamp
        self._families: Mapping[str, Family] = {}
        self._bodies = self._rendering({})
        self._own_types: Mapping[str, str] = {}
        self._asked = False
        self._held: list[Held] | None = None
        put, delete = self._request("PUT"), self._request("DELETE")
        self._sink = sinks.PushgatewaySink(settings.url, put, delete, self._headers, self._now_s)
        self._push = self._guarded(self._explaining)

    def wanted(self, scrapes: Sequence[Scrape]) -> Sequence[Scrape]:
        """Those whose targets its ``match`` takes."""
        return [scrape for own in self._router.route(scrapes).lanes.values() for scrape in own]

    def ask(self, scrapes: Sequence[Scrape], timeout_s: float) -> list[Answered]:
        """Look at its own page of metrics, with the credentials of a push."""
        url, begun_s = sinks.metrics_url(self._block.url), self._world.monotonic_s()
        if not self.wanted(scrapes):
            return [Answered(url, None, 0.0, NOT_MATCHED)]

        def look() -> None:
            answer = self._question(url, timeout_s, _METRICS_BYTES)
            if answer.status != _OK:
                raise sinks.refusal(url, answer, self._now_s())

        return [Answered(url, self._refusal(look), self._world.monotonic_s() - begun_s)]

    def _deliver(
        self, scrapes: Sequence[Scrape], families: Mapping[str, Family], deadline_s: float, spool: Spool
    ) -> Delivery:
        """One request for each group that is to be another; types and help stand in it."""
        self._families, self._held = families, None
        key, now_ms = lane_key(self.name), self._world.now_ms()
        down = spool.record(key).get("down", {})
        outages = Outages(down, self._settings.delete_down_after.ms, now_ms)
        lane = GroupLane(self.name, key, spool, self._push, self._body, now_ms, renewed=self._renewed)
        wanted = outages.wanted(grouped(scrapes))
        left_s = deadline_s - self._world.monotonic_s()
        if (wanted or lane.waits) and left_s > 0 and not self._asked:
            silent = self._ask(left_s * _METRICS_SHARE)
            self._asked = silent is None
            if silent is not None and lane.waits:  # it was down, and is
                lane.block(silent)
        lane.run(wanted, self._patience(deadline_s))
        down = outages.remembered(lane.settled)
        spool.remember(key, lane.record() | ({"down": down} if down else {}))
        result = lane.delivery
        self._asked |= result.sent > 0
        return result

    def _body(self, group: Group) -> bytes:
        return self._bodies.body(group)

    def _samples(self, scrape: Scrape) -> int:
        return pushed_samples(scrape)

    def _ask(self, most_s: float) -> PushError | None:
        """Learn the gateway's own help texts; gives why it gave no answer, and may be asked again."""
        url = sinks.metrics_url(self._block.url)
        try:
            answer = self._question(url, most_s, _METRICS_BYTES)
        except ConfigError as error:
            return PushError(str(error), retryable=True)
        if answer.status == _OK:
            self._own_types = sinks.own_types(answer.text)
            if known := sinks.own_help(answer.text):
                self._bodies = self._rendering(known)
        return None if answer.status else sinks.refusal(url, answer, self._now_s())

    def _explaining(self, state: GroupState, attempt: int, timeout_s: float) -> int:
        """Push a group; when the gateway finds it inconsistent, the error says with what."""
        try:
            return self._sink.push(state, attempt, timeout_s)
        except PushError as error:
            if error.status != _BAD_REQUEST or state.text is None:
                raise
            if self._held is None:
                url = sinks.groups_url(self._block.url)
                answer = self._question(url, timeout_s, _GROUPS_BYTES)
                self._held = held_groups(answer.text) if answer.status == _OK else []
            words = error.message.partition(f"HTTP {_BAD_REQUEST}")[2]
            why = explained(words, state.text.decode(), state.key, self._held, self._own_types)
            message = f"{error.message}; {why}" if why else error.message
            raise PushError(message, status=error.status, hint=error.hint) from None

    def _question(self, url: str, most_s: float, answer_limit: int) -> Answer:
        timeout_s = min(most_s, self._block.remote_timeout.s, _QUESTION_TIMEOUT_S)
        return self._session.send(
            "GET", url, b"", self._headers(), timeout_s=timeout_s, answer_limit=answer_limit
        )

    def _rendering(self, known: Mapping[str, str]) -> Bodies:
        return Bodies(lambda plan: _series(self._stamp(plan.target), plan, known, self._families))


def _series(stamp: Stamp, plan: Plan, known: Mapping[str, str], first: Mapping[str, Family]) -> list[Series]:
    """The series of a plan, their families with the help texts that are ``known`` to the gateway.

    Among the types of one value, a family has the one that its name was given ``first``: in a gateway a
    name has one type, or the later group is refused (README.md, "About metric inconsistencies").
    """
    sent = labelled(allowed(stamp, plan.allowance), plan.shape)
    families = [
        replace(family, type=_settled(family, first), help=known.get(family.name, family.help))
        for family in sent.families
    ]
    return [Series(row.name, families[row.family], labels) for row, labels in sent.rows]


def _settled(family: Family, first: Mapping[str, Family]) -> MetricType:
    given = first.get(family.name, family).type
    return given if {given, family.type} <= _OF_ONE_VALUE else family.type
