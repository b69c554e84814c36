"""What would be sent, without sending it: the same steps as a cycle, up to the encoder."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from pushvar.app.engine import Engine
from pushvar.catalogue import FAILURE_CLASSES
from pushvar.collect.fetch import Fetcher
from pushvar.collect.targets import build_target
from pushvar.convert.health import health_values
from pushvar.convert.plan import Labelled, labelled
from pushvar.errors import ConfigError, FetchError
from pushvar.model import Fetched
from pushvar.net.secrets import Secrets
from pushvar.wire.exposition import FamilySamples, PrintedSample

if TYPE_CHECKING:
    from pushvar.app.world import World
    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.model import Family, Labels, Repair, Row, Skipped, Target


@dataclass(frozen=True, slots=True)
class Shown:
    """One series as it would be sent, and where it comes from: path and rule are those of its row."""

    row: Row
    family: Family
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Preview:
    """The series of one document by family name, what became of the rest, and rules that took nothing."""

    series: tuple[Shown, ...]
    skipped: tuple[Skipped, ...]
    repairs: tuple[Repair, ...]
    time_ms: int
    dead_rules: tuple[str, ...] = ()

    @property
    def families(self) -> tuple[FamilySamples, ...]:
        """The series as exposition formats group them."""
        grouped = groupby(self.series, key=lambda shown: shown.family)
        return tuple(
            FamilySamples(family, tuple(PrintedSample(one.row.name, one.labels, one.value) for one in shown))
            for family, shown in grouped
        )


def preview(snapshot: Snapshot, job: str | None, source: str, body: bytes | None, world: World) -> Preview:
    """Convert one document as a target of ``job`` (by default the job that has it, or the first).

    ``source`` is a URL, which is fetched when ``body`` is None, or the name of where the body came from.
    Raises FetchError for what cannot be fetched or read, ConfigError for a job that does not exist.
    """
    engine = Engine(snapshot.config, (), Secrets(world.environment, world.read_file, world.monotonic_s))
    target = target_of(snapshot, job, source)
    fetched = Fetched(body, world.now_ms(), 0.0) if body is not None else _fetch(engine, target, world)
    try:
        converted = engine.convert(target, fetched.body, fetched.content_type)
    except FetchError as error:
        raise _explained(error, source) from None
    shape = converted.plan.shape
    sent = labelled(engine.stamp(target), shape)
    scraped, kept = len(shape.rows), len(sent.kept)
    health = health_values(
        up=True, duration_s=fetched.duration_s, scraped=scraped, kept=kept, added=converted.added
    )
    series = _series(sent, converted.values + health)
    skipped = (*shape.skipped, *sent.skipped)
    return Preview(series, skipped, converted.repairs, fetched.time_ms, shape.dead_rules)


def target_of(snapshot: Snapshot, job: str | None, source: str) -> Target:
    """The target that the source is in this configuration, or would be if it were added."""
    config = snapshot.config
    is_url = "://" in source
    parts = _parts(source if is_url else "")
    groups = [
        group for group in snapshot.groups if parts.netloc in group.addresses and job in (None, group.job)
    ]
    name = groups[0].job if groups else job or next((one.job_name for one in config.scrape_configs), "")
    scrape = next((one for one in config.scrape_configs if one.job_name == name), None)
    if scrape is None:
        names = ", ".join(one.job_name for one in config.scrape_configs)
        raise ConfigError("--job", f"{name} is no job of this configuration", hint=f"it has {names}")
    labels = dict(groups[0].labels) if groups else {}
    if not is_url:
        return build_target(config, scrape, "localhost:0", {"instance": source, **labels})
    target = build_target(config, scrape, parts.netloc, labels)
    return replace(target, url=source) if parts.path not in ("", "/") else target


def _parts(url: str) -> SplitResult:
    """The parts of a URL that can be fetched, or of none."""
    try:
        parts = urlsplit(url)
        usable = not url or (bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            "SOURCE",
            "not a URL that can be fetched",
            hint="write http://host:port/path; credentials belong to a scrape config",
        )
    return parts


def _fetch(engine: Engine, target: Target, world: World) -> Fetched:
    results: list[tuple[Fetched, FetchError | None]] = []
    fetcher = Fetcher(world.now_ms, world.monotonic_s)
    try:
        fetcher.fetch_all(
            [engine.endpoint(target)], lambda _, fetched, error: results.append((fetched, error))
        )
    finally:
        fetcher.close()
    fetched, error = results[0]
    if error is not None:
        raise _explained(error, target.url)
    return fetched


def _explained(error: FetchError, source: str) -> FetchError:
    return FetchError(error.reason, f"{source}: {error.message}", hint=FAILURE_CLASSES[error.reason][1])


def _series(sent: Labelled, values: bytes) -> tuple[Shown, ...]:
    numbers = struct.unpack(f"<{len(values) // 8}d", values)
    series = (
        Shown(row, sent.families[row.family], labels, value)
        for (row, labels), value in zip(sent.rows, numbers, strict=True)
    )
    return tuple(sorted(series, key=lambda shown: shown.family.name))
