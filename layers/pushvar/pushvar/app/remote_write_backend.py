"""A ``remote_write`` block at work: its lanes, what waits in them first, then the metadata that is due."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from pushvar.app.http_backend import NOT_MATCHED, Answered, HttpBackend
from pushvar.deliver import metadata
from pushvar.deliver.batches import cut
from pushvar.deliver.dialect import V2_MESSAGE, Dialect, Negotiation
from pushvar.deliver.lane import Keeping, Lane, aged
from pushvar.deliver.lane_families import LaneFamilies
from pushvar.deliver.lanes import drive
from pushvar.deliver.queue import send_in_order
from pushvar.deliver.routes import Router
from pushvar.deliver.sinks.remote_write import RemoteWriteSink, RequestBodies
from pushvar.deliver.spool import lane_key, route_of
from pushvar.model import Batch, Delivery, Family

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pushvar.app.world import World
    from pushvar.config.schema import RemoteWrite
    from pushvar.deliver.destination import Route
    from pushvar.deliver.patience import Patience
    from pushvar.deliver.queue import Push
    from pushvar.deliver.routes import Routed
    from pushvar.deliver.spool import Spool
    from pushvar.model import Labels, Scrape
    from pushvar.net.secrets import Secrets


class _Trip(NamedTuple):
    """One lane in one cycle, and what is fresh in it: ``batches``, the oldest sample of ``time_ms``.

    ``families`` are those that its receiver is told of.
    """

    lane: Lane
    spoken: Negotiation
    batches: Iterator[Batch]
    time_ms: int
    families: Mapping[str, Family]


class RemoteWriteBackend(HttpBackend):
    """Sends every sample of every scrape, and keeps what is not taken."""

    def __init__(self, settings: RemoteWrite, external: Labels, secrets: Secrets, world: World) -> None:
        super().__init__(settings, secrets, world)
        self._settings = settings
        self._router = Router(settings, external)
        self.takes_parts = not settings.write_relabel_configs  # they may make series of several targets one
        self._metadata = metadata.MetadataSchedule()
        queue = settings.queue_config
        self._keeping = Keeping(queue.sample_age_limit.ms, queue.spool_size_limit)
        self._seen: Mapping[str, Family] = {}
        self._families: Mapping[str, Family] = {}
        self._bodies = RequestBodies(lambda: self._families)
        self._lane_families = LaneFamilies()
        self._lane_bodies: dict[str, RequestBodies] = {}
        self._seams: dict[str, set[str]] = {}

    def check(self) -> None:
        """Raise ConfigError also when there is nothing to sign with."""
        super().check()
        self._signed(self._settings.url, {}, b"")

    def ask(self, scrapes: Sequence[Scrape], timeout_s: float) -> list[Answered]:
        """Send a valid request without a series by every route of the scrapes; nothing is stored by it."""
        routed = self._router.route(scrapes)
        nothing = Batch((), 0, 0)
        first = Dialect.V2 if self._settings.protobuf_message == V2_MESSAGE else Dialect.V1
        timeout_s = min(timeout_s, self._settings.remote_timeout.s)
        answers = []
        for route in routed.lanes:
            sink = self._sink(route, RequestBodies())
            begun_s = self._world.monotonic_s()
            error = self._refusal(partial(sink.push_as, first, nothing, 0, timeout_s))
            answers.append(Answered(route.url, error, self._world.monotonic_s() - begun_s))
        return answers or [Answered(self._settings.url, None, 0.0, routed.reason or NOT_MATCHED)]

    def _sink(self, route: Route, bodies: RequestBodies) -> RemoteWriteSink:
        return RemoteWriteSink(
            route.url, self._request("POST"), lambda: self._with_credentials(route.headers), self._now_s,
            self._signed, bodies,
        )  # fmt: skip

    def _deliver(
        self, scrapes: Sequence[Scrape], families: Mapping[str, Family], deadline_s: float, spool: Spool
    ) -> Delivery:
        """What waits and what is fresh, in order, then the metadata: it must not use up their time."""
        self._know(families)
        routed = self._router.route(scrapes)
        trips, left = self._trips(routed, spool)
        end_s = self._requests_until(deadline_s, len(trips))
        patience = self._patience(end_s, self._settings.queue_config)
        trips.sort(key=lambda trip: trip.lane.down)  # a probe may hang: those that are well go first
        drive([trip.lane.run(trip.batches, trip.time_ms, patience) for trip in trips], patience)
        done = Delivery(self.name)
        for trip in trips:
            spool.remember(trip.lane.key, spool.record(trip.lane.key) | trip.spoken.memory())
            done = done.add(trip.lane.delivery)
        for delivery in left:
            done = done.add(delivery)
        for reason, count in (("unrouted", routed.unrouted), *_lost(routed)):
            done = done.drop(reason, count)
        if routed.reason:
            done = replace(done, notes=(*done.notes, f"unrouted: {routed.reason}"))
        return self._with_metadata(done, trips, patience)

    def _know(self, families: Mapping[str, Family]) -> None:
        """Use these families, and those of relabelled series; the mapping stays the same as theirs does."""
        if self._seen is not families:
            self._seen = self._families = families
            if self._settings.write_relabel_configs:
                self._families = ChainMap(self._router.families, cast("dict[str, Family]", families))

    def _trips(self, routed: Routed, spool: Spool) -> tuple[list[_Trip], list[Delivery]]:
        """A lane for each route with something to send, and what became of lanes whose route is gone."""
        fresh = {lane_key(self.name, route.key): (route, own) for route, own in routed.lanes.items()}
        trips = [self._trip(key, route, own, spool) for key, (route, own) in fresh.items()]
        left: list[Delivery] = []
        for key in spool.lanes_of(self.name):
            if key not in fresh:
                route = self._router.at(route_of(key))
                if route is None:
                    left.append(aged(key, spool, self._world.now_ms()))
                else:
                    trips.append(self._trip(key, route, (), spool))
        return trips, left

    def _trip(self, key: str, route: Route, scrapes: Sequence[Scrape], spool: Spool) -> _Trip:
        families, bodies = self._told_to(key, route, scrapes)
        sink = self._sink(route, bodies)
        spoken = Negotiation(
            self._settings.protobuf_message, sink.push_as, spool.record(key),
            now_ms=self._world.now_ms, monotonic_s=self._world.monotonic_s,
        )  # fmt: skip
        lane = Lane(
            self.name, key, spool, self._guarded(spoken.push), self._keeping, self._world.now_ms(),
            renewed=self._renewed,
        )  # fmt: skip
        seams = self._seams.setdefault(key, set()) if spoken.speaks_2 else None
        batches = cut(scrapes, max_samples=self._settings.queue_config.max_samples_per_send, seams=seams)
        return _Trip(lane, spoken, batches, min((scrape.time_ms for scrape in scrapes), default=0), families)

    def _told_to(
        self, key: str, route: Route, scrapes: Sequence[Scrape]
    ) -> tuple[Mapping[str, Family], RequestBodies]:
        """The families that a lane's receiver may hear of, and what makes its bodies with them.

        Where each tenant has a route of its own, it hears of its own series only.
        """
        if not route.key:
            return self._families, self._bodies
        families = self._lane_families.of(key, scrapes)
        bodies = self._lane_bodies.setdefault(key, RequestBodies(lambda: families))
        return families, bodies

    def _with_metadata(self, done: Delivery, trips: Sequence[_Trip], patience: Patience) -> Delivery:
        """The delivery with the metadata that is due, by each route that is open and speaks 1.0."""
        for trip in trips:
            if trip.spoken.speaks_2 or trip.lane.delivery.waiting:  # not needed, or not heard
                continue
            told = self._tell(trip, patience, self._guarded(trip.spoken.push))
            done = done if told is None else told.add(done)
        return done

    def _samples(self, scrape: Scrape) -> int:
        return scrape.carried

    def _tell(self, trip: _Trip, patience: Patience, push: Push[Batch]) -> Delivery | None:
        block, families, lane = self._settings.metadata_config, trip.families, trip.lane.key
        count = len(families)  # there may be more in a moment: other targets are converted meanwhile
        now_ms = int(self._world.monotonic_s() * 1000)
        interval_ms = block.send_interval.ms
        due = self._metadata.due(lane, families, now_ms, interval_ms) if block.send else ()
        if not due:
            return None
        requests = metadata.cut(due, max_per_request=block.max_samples_per_send)
        told, untold = send_in_order(self.name, requests, push, patience)
        if not told.error and not untold:
            self._metadata.told(lane, count, now_ms, interval_ms)
        return told

    def _signed(self, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """The headers as they are sent: signed for AWS when the configuration says so."""
        if self._settings.sigv4 is None:
            return headers
        from pushvar.net.auth.sigv4 import region_and_credentials, signed

        region, credentials = region_and_credentials(
            self._settings.sigv4, self._secrets.resolve, self._world.environment
        )
        return signed(url, headers, body, region=region, credentials=credentials, now_s=self._now_s())


def _lost(routed: Routed) -> Iterator[tuple[str, int]]:
    """What write_relabel_configs did not mean to leave out."""
    return ((reason, count) for reason, count in routed.relabelled if reason in ("duplicate", "illegal"))
