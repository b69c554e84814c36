"""The gate's eyes: asks a URL until it answers, reads what it says, and looks once more.

A service that is being started refuses, resets, or answers 404 or 503 for a while: it is asked again. What
will not get better by waiting (a redirect, a certificate, credentials) ends the asking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pushvar.app.engine import Engine
from pushvar.app.preview import target_of
from pushvar.collect.fetch import Fetcher
from pushvar.convert.expvar.decode import unguarded
from pushvar.convert.input_format import InputFormat
from pushvar.errors import ConfigError, FetchError
from pushvar.kit.gate.facts import Document, Facts
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pushvar.app.world import World
    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.kit.gate.facts import Limits
    from pushvar.model import Fetched, Target

POLL_S = 0.2
LOOK_AGAIN_S = 1.0
"""How long after the first look the second comes."""

_NOT_YET = frozenset({"refused", "connection", "timeout", "dns", "not_found", "server", "rate_limited"})
"""Failures of a service that is still starting, or of a network that is."""
_NO_ANSWER = frozenset({"refused", "connection", "timeout", "dns", "tls", "blocked"})
_TYPE = b"# TYPE "


class Gate:
    """Looks at URLs with the TLS settings, credentials and rules of one job."""

    def __init__(self, snapshot: Snapshot, job: str | None, limits: Limits, world: World) -> None:
        self._snapshot, self._job, self._limits, self._world = snapshot, job, limits, world
        secrets = Secrets(world.environment, world.read_file, world.monotonic_s)
        self._engine = Engine(snapshot.config, (), secrets)
        self._fetcher = Fetcher(world.now_ms, world.monotonic_s)

    def look(self, urls: Iterable[str]) -> Iterator[Facts]:
        """Each URL in turn, its clock beginning with its first try. Raises ConfigError for what is no URL."""
        targets = [self._target(url) for url in urls]
        try:
            for target in targets:
                yield self._look(target)
        finally:
            self._fetcher.close()

    def await_ready(self, url: str) -> str:
        """Ask a URL until it answers with success; gives "" or, when the time is over, what it says."""
        target, until_s = self._target(url), self._world.monotonic_s() + self._limits.timeout_s
        while True:
            _, error = self._fetch(target, until_s)
            if error is None:
                return ""
            if self._world.monotonic_s() >= until_s:
                return f"{error.reason}: {error.message}"
            self._world.sleep(POLL_S)

    def _target(self, url: str) -> Target:
        if not urlsplit(url).scheme.startswith("http"):
            raise ConfigError(
                "URL", f"{url}: only http and https can be fetched", hint="write http://host:port/path"
            )
        return target_of(self._snapshot, self._job, url)

    def _look(self, target: Target) -> Facts:
        begun_s, tries = self._world.monotonic_s(), 0
        until_s = begun_s + self._limits.timeout_s
        while True:
            tries += 1
            fetched, error = self._fetch(target, until_s)
            now_s = self._world.monotonic_s()
            if error is None or error.reason not in _NOT_YET or now_s >= until_s:
                break
            self._world.sleep(POLL_S)
        reason, detail = ("ok", "") if error is None else (error.reason, error.message)
        waited_s = None if reason in _NO_ANSWER else now_s - begun_s
        if error is not None:
            return Facts(target.url, waited_s, tries, reason, detail, fetched.duration_s)
        document, unreadable = self._read(target, fetched)
        later = None
        if document is not None:
            self._world.sleep(LOOK_AGAIN_S)
            again, failed = self._fetch(target, self._world.monotonic_s() + self._limits.timeout_s)
            later = self._read(target, again)[0] if failed is None else None
        return Facts(
            target.url, waited_s, tries, latency_s=fetched.duration_s, content_type=fetched.content_type,
            size_bytes=len(fetched.body), document=document, unreadable=unreadable, later=later,
        )  # fmt: skip

    def _fetch(self, target: Target, until_s: float) -> tuple[Fetched, FetchError | None]:
        results: list[tuple[Fetched, FetchError | None]] = []
        self._fetcher.fetch_all(
            [self._engine.endpoint(target)],
            lambda _, fetched, error: results.append((fetched, error)),
            max(until_s, self._world.monotonic_s() + POLL_S),
        )
        return results[0]

    def _read(self, target: Target, fetched: Fetched) -> tuple[Document | None, str]:
        try:
            shape = self._engine.convert(target, fetched.body, fetched.content_type).plan.shape
        except FetchError as error:
            return None, f"{error.reason}: {error.message}"
        text = InputFormat("auto").is_text(fetched.body, fetched.content_type)
        types = {family.name: family.type.value for family in shape.families}
        declared = {line.split()[2].decode("utf-8", "replace") for line in _declarations(fetched.body)}
        return Document(
            text=text,
            series=frozenset((row.name, row.labels) for row in shape.rows),
            types=types,
            declared=frozenset(types) & _with_totals(declared) if text else frozenset(),
            repairs=shape.repairs,
            raw=None if text else unguarded(fetched.body),
        ), ""


def _declarations(body: bytes) -> Iterator[bytes]:
    return (line for line in body.splitlines() if line.startswith(_TYPE) and len(line.split()) > 3)  # noqa: PLR2004


def _with_totals(names: set[str]) -> set[str]:
    """OpenMetrics declares a counter without the ending of its samples."""
    return names | {f"{name}_total" for name in names}
