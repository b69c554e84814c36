"""The facts of a triage, gathered: the target probed as a cycle would fetch it, other paths tried."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pushvar.app.engine import Engine
from pushvar.app.triage_backends import asked_backends
from pushvar.app.triage_past import history_of, shards_of
from pushvar.app.triage_subject import Subject, subject_of
from pushvar.collect.fetch import check_status
from pushvar.convert.plan import labelled
from pushvar.errors import ConfigError, FetchError
from pushvar.kit.triage.facts import Facts, History, Seen
from pushvar.net.probe import probe
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from pushvar.app.world import World
    from pushvar.collect.fetch import Endpoint
    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.kit.triage.facts import Backend, Shards
    from pushvar.model import Target
    from pushvar.net.probe import Probe

PATHS = ("/debug/vars", "/metrics")
"""Where metrics are served as a rule: tried when the path of the target has none."""

_NONE_THERE = frozenset({"not_found", "bad_format", "redirect"})
_ELSEWHERE_S = 3.0
_HTTPS_PORT = 443


class Triage:
    """Looks at one target, or one backend, of a snapshot; ``alone`` says that no configuration was named.

    ``fetches`` are made where there is no history; ``prometheus`` is the URL of a query API, ``state`` the
    state store's reference, "" for none. Raises ConfigError for what is no target, or several.
    """

    def __init__(
        self, snapshot: Snapshot, world: World, *, alone: bool, state: str = "", prometheus: str = "",
        fetches: int = 5,
    ) -> None:  # fmt: skip
        self._snapshot, self._world, self._alone = snapshot, world, alone
        self._state, self._prometheus, self._fetches = state, prometheus, fetches
        self._secrets = Secrets(world.environment, world.read_file, world.monotonic_s)
        self._engine = Engine(snapshot.config, (), self._secrets)

    def of_target(self, named: str, job: str | None) -> Facts:
        """Everything that can be learnt of a target; what lies behind a failed fetch is not looked at."""
        subject = subject_of(self._snapshot, named, job, alone=self._alone)
        facts = Facts(subject.asked, self._world.now_ms())
        if subject.target is None:
            return facts
        seen = self._seen(subject.target)
        facts = replace(facts, seen=seen)
        if seen.reason != "ok":
            return facts
        facts = replace(facts, history=self._history(subject))
        if self._alone:
            return facts
        shards = self._shards()
        return replace(facts, shards=shards, backends=self._backends(subject.target, None, shards))

    def of_backend(self, name: str) -> tuple[tuple[Backend, ...], Shards | None]:
        """One backend by its name, with what waits for it. Raises ConfigError when there is none."""
        config = self._snapshot.config
        names = [*(one.name for one in config.remote_write), *(one.name for one in config.pushgateways)]
        if name not in names:
            raise ConfigError("--backend", f"{name} is no backend of this configuration",
                              hint=f"it has {', '.join(names) or 'none'}")  # fmt: skip
        shards = self._shards()
        return self._backends(None, name, shards), shards

    def _seen(self, target: Target) -> Seen:
        try:
            one = self._engine.endpoint(target)
        except ConfigError as error:
            bare = self._engine.endpoint(target, ())
            return Seen(self._probe(bare), "auth", str(error), unready=True)
        looked = self._probe(one)
        if looked.reason != "ok":
            return Seen(looked, looked.reason, looked.message, plain=self._is_plain(target, looked))
        seen = self._read(target, looked)
        if seen.reason in _NONE_THERE:
            return replace(seen, elsewhere=self._elsewhere(target))
        return seen

    def _is_plain(self, target: Target, looked: Probe) -> bool:
        """Whether plain HTTP is spoken where TLS failed."""
        if not target.url.startswith("https:") or looked.stage != "tls":
            return False
        plain = replace(target, url="http" + target.url.removeprefix("https"))
        bare = self._engine.endpoint(plain, ())  # no credentials in the clear
        explicit = replace(bare, origin=replace(bare.origin, port=urlsplit(target.url).port or _HTTPS_PORT))
        return bool(self._probe(explicit, _ELSEWHERE_S).status)

    def _probe(self, one: Endpoint, timeout_s: float | None = None) -> Probe:
        return probe(
            one.target.url, one.origin, one.head, timeout_s=timeout_s or one.timeout_s,
            body_limit=one.body_limit, monotonic_s=self._world.monotonic_s,
        )  # fmt: skip

    def _read(self, target: Target, looked: Probe) -> Seen:
        """What a scrape would make of an answer."""
        size = len(looked.body)
        try:
            check_status(looked.status, looked.headers.get("location", ""))
            converted = self._engine.convert(target, looked.body, looked.headers.get("content-type", ""))
        except FetchError as error:
            return Seen(looked, error.reason, error.message, size_bytes=size)
        shape = converted.plan.shape
        kept = labelled(self._engine.stamp(target), shape).kept
        return Seen(
            looked, "ok", scraped=len(shape.rows), kept=len(kept), shed=len(shape.skipped), size_bytes=size
        )

    def _elsewhere(self, target: Target) -> str:
        """The first of the usual paths that has metrics, other than the target's own."""
        parts = urlsplit(target.url)
        for path in PATHS:
            if path == parts.path:
                continue
            other = replace(target, url=parts._replace(path=path, query="").geturl())
            looked = self._probe(self._engine.endpoint(other), _ELSEWHERE_S)
            if looked.reason == "ok":
                seen = self._read(other, looked)
                if seen.reason == "ok" and seen.scraped:
                    return path
        return ""

    def _history(self, subject: Subject) -> History:
        if self._prometheus:
            return history_of(self._prometheus, subject, self._world.now_ms())
        assert subject.target is not None
        one = self._engine.endpoint(subject.target)
        looked = [self._probe(one) for _ in range(self._fetches)]
        took = tuple(one.duration_s for one in looked if one.reason == "ok")
        return History(durations_s=took, measured=True, failed=len(looked) - len(took))

    def _shards(self) -> Shards | None:
        return shards_of(self._state) if self._state else None

    def _backends(
        self, target: Target | None, name: str | None, shards: Shards | None
    ) -> tuple[Backend, ...]:
        return asked_backends(self._snapshot, self._engine, self._secrets, self._world, target, name, shards)
