"""Groups of a gateway by hand: a document pushed, a group removed, all of them listed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pushvar.app.jobs_courier import patiently
from pushvar.app.jobs_destinations import Door, Gateway, where_of
from pushvar.errors import BodyRefused, ConfigError, EncodeError
from pushvar.jobs.batch_groups import held_groups
from pushvar.jobs.transport import Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.app.world import World
    from pushvar.jobs.batch_groups import HeldGroup
    from pushvar.jobs.run import Declared
    from pushvar.wire.exposition import FamilySamples

FORMATS = ("auto", "text", "openmetrics", "expvar")


class Groups:
    """The groups of one gateway; each call goes on trying for ``patience_s``."""

    def __init__(self, to: str | None, world: World, patience_s: float) -> None:
        self._where = where_of(to, None, world.environment)
        self._world = world
        self._patience_s = patience_s

    def push(self, declared: Declared, method: str, said: Said) -> tuple[str, str]:
        """Push to the job's group; gives its address and what the gateway said. Raises PushError."""
        declared.check()
        body = said.as_text()
        with self._gateway() as gateway:
            answer = patiently(
                lambda _, timeout_s: gateway.push(method, declared, body, timeout_s),
                self._world,
                self._deadline_s,
            )
            return gateway.address(declared), answer

    def delete(self, declared: Declared) -> tuple[str, str]:
        """Remove the job's group; gives its address and what the gateway said. Raises PushError."""
        declared.check()
        with self._gateway() as gateway:
            answer = patiently(
                lambda _, timeout_s: gateway.delete(declared, timeout_s), self._world, self._deadline_s
            )
            return gateway.address(declared), answer

    def held(self) -> list[HeldGroup]:
        """All groups. Raises PushError."""
        with self._gateway() as gateway:
            return held_groups(
                patiently(lambda _, timeout_s: gateway.groups(timeout_s), self._world, self._deadline_s)
            )

    @property
    def _deadline_s(self) -> float:
        return self._world.monotonic_s() + self._patience_s

    @contextmanager
    def _gateway(self) -> Iterator[Gateway]:
        gateway = Gateway(Door(self._where, self._world))
        try:
            yield gateway
        finally:
            gateway.close()


def document(name: str, body: bytes, form: str) -> Said:
    """A document as it is pushed, read as the gateway reads it. Raises ConfigError for a bad one.

    ``form`` is one of FORMATS. Line ends of another system are no fault of what stands between them.
    """
    if form == "auto":
        form = _form_of(body)
    try:
        said = Said(_READERS[form](body), 0)
        _check(said)
        said.as_text()
    except (BodyRefused, EncodeError) as error:
        raise ConfigError("FILE", f"{name}: {error.message}", hint=error.hint) from None
    return said


def _form_of(body: bytes) -> str:
    """What the content says: a JSON object, a text that ends as OpenMetrics does, or any other."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "expvar"
    return "openmetrics" if body.rstrip().endswith(b"\n# EOF") else "text"


def _expvar(body: bytes) -> tuple[FamilySamples, ...]:
    from pushvar.jobs.expvar import read_expvar

    return read_expvar(body)


def _openmetrics(body: bytes) -> tuple[FamilySamples, ...]:
    from pushvar.jobs.openmetrics import read_openmetrics

    return read_openmetrics(body)


def _text(body: bytes) -> tuple[FamilySamples, ...]:
    from pushvar.wire.exposition.pushed_text import read_text

    return read_text(body.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n")


_READERS = {"text": _text, "openmetrics": _openmetrics, "expvar": _expvar}


def _check(said: Said) -> None:
    """Raise BodyRefused for what no gateway takes: nothing, a time, a series twice."""
    seen = set()
    for sample in (one for family in said.families for one in family.samples):
        if sample.timestamp_ms is not None:
            raise BodyRefused(f"{sample.name} has a timestamp: pushed metrics must not have any")
        if (sample.name, sample.labels) in seen:
            raise BodyRefused(f"{sample.name} stands there twice with the same labels")
        seen.add((sample.name, sample.labels))
    if not seen:
        raise BodyRefused("it holds no samples")
