"""The audit of a registry at work: all targets fetched once, as a cycle would, and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.app.engine import Engine
from pushvar.app.world import means_of
from pushvar.collect.fetch import Fetcher
from pushvar.collect.registry import open_registry
from pushvar.collect.targets import build_targets
from pushvar.convert.input_format import InputFormat
from pushvar.errors import FetchError
from pushvar.kit.audit.audit import Audit
from pushvar.kit.audit.finding import EXPVAR, TEXT, Answer, classify
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.app.world import World
    from pushvar.collect.fetch import Endpoint
    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.kit.audit.finding import Finding
    from pushvar.model import Fetched, Target


def snapshot_of(reference: str, world: World) -> Snapshot:
    """The registry's present content. Raises ConfigError."""
    return open_registry(reference, means_of(world)).load()


def audited(
    reference: str, snapshot: Snapshot, world: World, progress: Callable[[int, int], None] | None = None
) -> Audit:
    """Fetch every target of the snapshot once, and judge it; ``progress`` hears how many of all are done.

    A target whose job has no usable secret is a finding, not an error. Raises ConfigError for rules that do
    not compile.
    """
    built = build_targets(snapshot.config, snapshot.groups)
    secrets = Secrets(world.environment, world.read_file, world.monotonic_s)
    engine = Engine(snapshot.config, built.targets, secrets)
    time_ms = world.now_ms()
    found = _findings(engine, world, progress)
    return Audit(
        registry=reference,
        version=snapshot.version,
        time_ms=time_ms,
        targets=tuple(found[target.key] for target in built.targets),
        problems=tuple(str(one) for one in (*snapshot.problems, *built.refused)),
        dropped=len(built.dropped),
    )


def _findings(
    engine: Engine, world: World, progress: Callable[[int, int], None] | None
) -> dict[str, Finding]:
    """Target key -> what it is; of its document no more is kept than that."""
    jobs = {job.job_name: job for job in engine.config.scrape_configs}
    forms = {name: InputFormat(job.format, job.honor_timestamps) for name, job in jobs.items()}
    endpoints = engine.endpoints(jobs)
    found: dict[str, Finding] = {}

    def done(one: Endpoint, fetched: Fetched, error: FetchError | None) -> None:
        target = one.target
        answer = _answer(engine, target, fetched, forms[target.job]) if error is None else _failed(error)
        found[target.key] = classify(target, answer)
        if progress is not None:
            progress(len(found), len(endpoints))

    fetcher = Fetcher(world.now_ms, world.monotonic_s, until_s=world.until_s)
    try:
        fetcher.fetch_all(endpoints, done)
    finally:
        fetcher.close()
    return found


def _answer(engine: Engine, target: Target, fetched: Fetched, form: InputFormat) -> Answer:
    """What the document of a target has, or the error that a scrape of it would have."""
    try:
        plan = engine.convert(target, fetched.body, fetched.content_type).plan
    except FetchError as error:
        return _failed(error)
    except Exception as fault:  # noqa: BLE001 - whatever it is, the other targets are judged
        return Answer("internal", f"{type(fault).__name__}: {fault}")
    return Answer(
        format=TEXT if form.is_text(fetched.body, fetched.content_type) else EXPVAR,
        given=frozenset(family.name for family in plan.shape.families),
        sent=frozenset(family.name for family in plan.families),
    )


def _failed(error: FetchError) -> Answer:
    return Answer(error.reason, error.message)
