"""What backends of every kind share: a session, credentials, patience, and that a fault stays their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pushvar.config.schema import QueueConfig
from pushvar.deliver.patience import Patience
from pushvar.deliver.queue import Sendable
from pushvar.errors import ConfigError, PushError
from pushvar.model import Delivery
from pushvar.net.auth import auth_header, check_auth
from pushvar.net.proxy import proxies_of
from pushvar.net.session import Session
from pushvar.net.tls import context_for, tls_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pushvar.app.world import World
    from pushvar.config.schema import Pushgateway, RemoteWrite
    from pushvar.deliver.queue import Push
    from pushvar.deliver.sinks._http import Request
    from pushvar.deliver.spool import Spool
    from pushvar.model import Family, Scrape
    from pushvar.net.secrets import Secrets

_Sent = TypeVar("_Sent", bound=Sendable)


NOT_MATCHED = "its match block does not take the target"


class Answered(NamedTuple):
    """What a backend said to a request that stores nothing; ``unrouted`` is why it was not asked at all."""

    url: str
    error: PushError | None
    duration_s: float
    unrouted: str = ""


class HttpBackend(ABC):
    """One backend block at work. Whatever goes wrong in it is its own delivery's error."""

    overrun_s = 0.0
    """How much longer than the deadline a request may take that was begun before."""

    takes_parts = False
    """Whether the scrapes of a cycle may come in several deliveries."""

    lane_s = 0.0
    """What it takes to keep what a lane could not deliver, in seconds: there may be hundreds."""

    def __init__(self, block: RemoteWrite | Pushgateway, secrets: Secrets, world: World) -> None:
        self._block = block
        self._secrets = secrets
        self._world = world
        self._auth = ""
        self._session = Session(tls_settings(block.tls_config), world.until_s, proxies_of(block))

    def deliver(
        self, scrapes: Sequence[Scrape], families: Mapping[str, Family], deadline_s: float, spool: Spool
    ) -> Delivery:
        """Send the samples before the deadline. Raises nothing: a fault of our own is its error too."""
        try:
            with self._world.span(f"backend {self.name}") as notes:
                done = self._deliver(scrapes, families, deadline_s, spool)
                notes.update(_notes(done))
                return done
        except Exception as fault:  # noqa: BLE001 - the other backends' deliveries must be told
            samples = sum(map(self._samples, scrapes))
            return Delivery(self._block.name, error=f"{type(fault).__name__}: {fault}").drop("fault", samples)

    @abstractmethod
    def _deliver(
        self, scrapes: Sequence[Scrape], families: Mapping[str, Family], deadline_s: float, spool: Spool
    ) -> Delivery:
        """What this kind of backend does."""

    @abstractmethod
    def ask(self, scrapes: Sequence[Scrape], timeout_s: float) -> list[Answered]:
        """Ask it, by every route of the scrapes, whether it would take something; nothing is stored."""

    @staticmethod
    def _refusal(send: Callable[[], object]) -> PushError | None:
        """The error of a request; a secret or a certificate that is not there is one too."""
        try:
            send()
        except PushError as error:
            return error
        except ConfigError as error:
            return PushError(error.message, hint=error.hint)
        return None

    @abstractmethod
    def _samples(self, scrape: Scrape) -> int:
        """How many samples of a scrape it sends."""

    @property
    def name(self) -> str:
        """What its block is called."""
        return self._block.name

    def wanted(self, scrapes: Sequence[Scrape]) -> Sequence[Scrape]:
        """Those of the scrapes that concern it."""
        return scrapes

    def check(self) -> None:
        """Raise ConfigError when a secret, a TLS file or the proxy of this backend cannot be used."""
        check_auth(self._block, self._secrets.resolve)
        if self._block.url.startswith("https:"):
            context_for(tls_settings(self._block.tls_config))
        if (proxies := proxies_of(self._block)) is not None:
            proxies.check()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _request(self, method: str) -> Request:
        """The network, as a sink wants it."""
        return lambda url, body, headers, timeout_s: self._session.send(
            method, url, body, headers, timeout_s=timeout_s
        )

    def _headers(self) -> dict[str, str]:
        """What the configuration adds, with the credentials of this moment. Raises ConfigError."""
        return self._with_credentials(self._block.headers)

    def _with_credentials(self, fixed: Iterable[tuple[str, str]]) -> dict[str, str]:
        headers = dict(fixed)
        self._auth = auth_header(self._block, self._secrets.resolve, self._secrets.token)
        if self._auth:
            headers["Authorization"] = self._auth
        return headers

    def _renewed(self) -> bool:
        """Whether its secrets are others than a moment ago, after a look at their source."""
        if self._block.oauth2 is not None:
            return self._secrets.renew_token(self._block.oauth2, self._auth)
        basic, bearer = self._block.basic_auth, self._block.authorization
        return self._secrets.renew(basic.password if basic else None, bearer.credentials if bearer else None)

    def _now_s(self) -> float:
        return self._world.now_ms() / 1000

    def _requests_until(self, deadline_s: float, lanes: int) -> float:
        """When requests end, so that each lane can still be kept; half of the time is for requests anyway."""
        left_s = deadline_s - self._world.monotonic_s()
        return deadline_s - min(max(lanes - 1, 0) * self.lane_s, max(left_s, 0.0) / 2)

    def _patience(self, deadline_s: float, queue: QueueConfig = QueueConfig()) -> Patience:  # noqa: B008 - frozen
        return Patience(
            queue.min_backoff.s,
            queue.max_backoff.s,
            self._block.remote_timeout.s,
            deadline_s,
            self._world.monotonic_s,
            self._world.sleep,
            self._world.random,
            self._world.until_s,
            self.overrun_s,
        )

    @staticmethod
    def _guarded(push: Push[_Sent]) -> Push[_Sent]:
        """The push that also fails when a secret or a certificate went away while we run."""

        def guarded(sent: _Sent, attempt: int, timeout_s: float) -> int:
            try:
                return push(sent, attempt, timeout_s)
            except ConfigError as error:  # somebody may mend it before the samples are too old
                raise PushError(str(error), retryable=True) from None

        return guarded


def _notes(done: Delivery) -> dict[str, str | float]:
    """What a trace is told of a delivery."""
    kept = {"samples": done.sent, "replayed": done.replayed, "spooled": done.spooled, "lost": done.lost}
    return {**kept, "requests": done.requests, **({"error": done.error} if done.error else {})}
