"""The Pushgateway API: a request in, a reply out, whichever door it came by.

Who asks comes first, then where, then what. A push that is refused changes nothing but the failure time of
its group, and makes none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pushvar.errors import StateError
from pushvar.jobs import api_listing, listing
from pushvar.jobs.credentials import Callers, Customer, customer_of
from pushvar.jobs.effects import Effects
from pushvar.jobs.encodings import opened
from pushvar.jobs.events import families_of_event, read_event
from pushvar.jobs.exchange import PushReply
from pushvar.jobs.grouping import CUSTOMER, is_push, labels_of, place_of, segments
from pushvar.jobs.groups import Groups, Push
from pushvar.jobs.intake import admitted
from pushvar.jobs.lifetime import TTL_HEADER, lifetime_ms
from pushvar.jobs.media import families_of
from pushvar.jobs.refusals import Refusal, malformed, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pushvar.config.schema import Gateway
    from pushvar.jobs.exchange import PushRequest
    from pushvar.jobs.grouping import Place
    from pushvar.model import Group
    from pushvar.wire.exposition import FamilySamples

__all__ = ["Effects", "PushApi"]

_CHANGES: Final = ("DELETE", "POST", "PUT")
_LOOKS: Final = ("GET", "HEAD")
_OPTIONS: Final = "OPTIONS"
_CUSTOMER_HEADER: Final = "x-customer-id"
_OURS: Final = 500


class _Change(NamedTuple):
    """What somebody wants done to a group, whichever way it was said; ``families`` may raise Refusal."""

    labels: Mapping[str, str]
    method: str
    families: Callable[[], tuple[FamilySamples, ...]]
    ttl: str
    ttl_place: str


class PushApi:
    """The front door by one configuration. Threads may share it."""

    def __init__(self, settings: Gateway, effects: Effects) -> None:
        self._settings = settings
        self._effects = effects
        self._callers = Callers(settings, effects.secret)
        self._groups = Groups(settings, effects)
        self._start_ms = effects.now_ms()
        self._pages: dict[str, Callable[[PushRequest], PushReply]] = {
            "/metrics": self._metrics,
            "/api/v1/metrics": self._api_metrics,
            "/api/v1/status": self._api_status,
            "/-/healthy": lambda _request: PushReply(200, b"OK", outcome="shown"),
            "/-/ready": self._ready,
        }

    def handle(self, request: PushRequest) -> PushReply:
        """Answer a request, whatever it holds; 503 while the store cannot be read or written."""
        return _answered(lambda: self._routed(request))

    def push_event(self, event: object, principal: str = "") -> PushReply:
        """Take an event that was handed over by direct invocation, which IAM has allowed.

        ``principal`` is the ARN of who invoked, where that is known.
        """
        return _answered(lambda: self._event(event, principal))

    def _routed(self, request: PushRequest) -> PushReply:
        path = request.target.partition("?")[0].partition("#")[0]
        page = self._pages.get(path)
        if page is not None:
            return _allowed(request, _LOOKS) or page(request)
        parts = segments(path)
        if not is_push(parts):
            raise Refusal(404, "not_found", "404 page not found")
        return _allowed(request, _CHANGES) or self._request(request, parts, path)

    def _request(self, request: PushRequest, parts: list[str], path: str) -> PushReply:
        """A push or a deletion over HTTP."""
        headers = request.headers
        customers = self._callers.of(headers, request.principal)
        labels = labels_of(parts, path)
        customer = customer_of(customers, headers.get(_CUSTOMER_HEADER, ""), labels.get(CUSTOMER, ""))
        ttl = headers.get(TTL_HEADER.lower(), "")
        return self._change(
            customer, _Change(labels, request.method, lambda: self._body(request), ttl, TTL_HEADER)
        )

    def _body(self, request: PushRequest) -> tuple[FamilySamples, ...]:
        """The families of a request's body."""
        headers = request.headers
        body = opened(request.body, headers.get("content-encoding", ""), self._settings.body_size_limit)
        return families_of(body, headers.get("content-type", ""), self._effects.expvar)

    def _event(self, event: object, principal: str) -> PushReply:
        """A push or a deletion as an event."""
        read = read_event(event)
        customers = self._callers.signed(principal) if principal else self._callers.everybody()
        if not (read.customer_id or principal or self._callers.nameless()):
            raise malformed("event: customer_id is missing: the gateway has no anonymous customer")
        customer = customer_of(customers, read.customer_id)
        return self._change(
            customer,
            _Change(
                read.labels, read.method, lambda: families_of_event(read.metrics), str(read.ttl), "event: ttl"
            ),
        )

    def _change(self, customer: Customer, change: _Change) -> PushReply:
        """Do it, for this customer. Raises Refusal, which then knows the customer."""
        try:
            place = place_of(customer.customer_id, change.labels)
            if change.method == "DELETE":
                self._groups.delete(place)
                return PushReply(202, outcome="deleted", customer_id=customer.customer_id)
            self._push(place, customer, change)
            return PushReply(200, outcome="stored", customer_id=customer.customer_id)
        except StateError as error:
            raise unavailable(error, customer.customer_id) from error
        except Refusal as refusal:
            refusal.customer_id = customer.customer_id
            raise

    def _push(self, place: Place, customer: Customer, change: _Change) -> None:
        try:
            families = admitted(change.families(), place.grouping, self._settings)
            ttl_ms = lifetime_ms(change.ttl, customer, self._settings, change.ttl_place)
            self._groups.push(place, Push(families, change.method == "PUT", ttl_ms))
        except Refusal as refusal:
            if refusal.status < _OURS:
                self._groups.refused(place)
            raise

    def _reader(self, request: PushRequest) -> str:
        """Whose groups a caller is shown."""
        customers = self._callers.of(request.headers, request.principal)
        return customer_of(customers, request.headers.get(_CUSTOMER_HEADER, "")).customer_id

    def _living(self, customer_id: str) -> Iterator[Group]:
        return listing.living(self._effects.store, customer_id, self._effects.now_ms())

    def _metrics(self, request: PushRequest) -> PushReply:
        customer_id = self._reader(request)
        as_openmetrics = listing.wants_openmetrics(request.headers.get("accept", ""))
        body, kind = listing.document(self._living(customer_id), as_openmetrics=as_openmetrics)
        return PushReply(200, body, kind, outcome="shown", customer_id=customer_id)

    def _api_metrics(self, request: PushRequest) -> PushReply:
        customer_id = self._reader(request)
        body = api_listing.metrics(self._living(customer_id))
        return PushReply(200, body, api_listing.CONTENT_TYPE, outcome="shown", customer_id=customer_id)

    def _api_status(self, request: PushRequest) -> PushReply:
        customer_id = self._reader(request)
        body = api_listing.status(self._settings, self._start_ms)
        return PushReply(200, body, api_listing.CONTENT_TYPE, outcome="shown", customer_id=customer_id)

    def _ready(self, _request: PushRequest) -> PushReply:
        self._effects.store.group_shapes("")
        return PushReply(200, b"OK", outcome="shown")


def _answered(answer: Callable[[], PushReply]) -> PushReply:
    try:
        return answer()
    except Refusal as refusal:
        return refusal.reply()
    except StateError as error:
        return unavailable(error).reply()


def _allowed(request: PushRequest, methods: tuple[str, ...]) -> PushReply | None:
    """The answer to somebody who asks for the methods of a path. Raises Refusal for one that it has not."""
    allow = (("Allow", ", ".join(sorted((*methods, _OPTIONS)))),)
    if request.method == _OPTIONS:
        return PushReply(200, headers=allow, outcome="shown")
    if request.method not in methods:
        raise Refusal(405, "not_found", "Method Not Allowed", headers=allow)
    return None
