"""Endpoints and pushed groups to scrapes: here an error becomes a field of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.convert.health import health_values
from pushvar.errors import FetchError, PushvarError, StateError
from pushvar.model import PATTERN_BYTES, Fetched, Scrape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushvar.collect.fetch import Endpoint
    from pushvar.convert.converter import Converted
    from pushvar.cycle.steps import Steps
    from pushvar.cycle.waves import Waves
    from pushvar.model import Target


def scrape_all(steps: Steps, endpoints: Sequence[Endpoint], deadline_s: float, waves: Waves) -> list[Scrape]:
    """Fetch and convert every endpoint: one scrape for each, up or down, all before the deadline.

    Those that ``waves`` took have gone; gives the others. Raises LeaseLost when a wave met it.
    """

    def done(endpoint: Endpoint, fetched: Fetched, error: FetchError | None) -> None:
        waves.arrived(_scrape(steps, endpoint.target, fetched, error))

    waves.expect(endpoints)
    try:
        steps.fetch_all(endpoints, done, deadline_s, waves.look)
    finally:  # whatever happened, nobody uses the lease any more when this is over
        left = waves.end()
    return left


def scrape_pushed(steps: Steps, now_ms: int) -> tuple[list[Scrape], str]:
    """A scrape of each group that is sent now; and why there is none, when they cannot be read."""
    try:
        groups = steps.pushed.groups(now_ms) if steps.pushed is not None else ()
    except StateError as error:
        return [], f"groups are not sent in this cycle: {error}"
    return [_made(steps, target, Fetched(b"", now_ms, 0.0), convert) for target, convert in groups], ""


def _scrape(steps: Steps, target: Target, fetched: Fetched, error: FetchError | None) -> Scrape:
    if error is not None:
        return _failure(steps, target, fetched, error)
    return _made(steps, target, fetched, lambda: steps.convert(target, fetched.body, fetched.content_type))


def _made(steps: Steps, target: Target, fetched: Fetched, convert: Callable[[], Converted]) -> Scrape:
    try:
        return _success(convert(), fetched)
    except FetchError as refused:
        error = refused
    except PushvarError as refused:
        error = FetchError("internal", str(refused))
    except Exception as fault:  # noqa: BLE001 - a fault in one target's document is that target's only
        error = FetchError("internal", f"{type(fault).__name__}: {fault}")
    return _failure(steps, target, fetched, error)


def _failure(steps: Steps, target: Target, fetched: Fetched, error: FetchError) -> Scrape:
    values = health_values(up=False, duration_s=fetched.duration_s, scraped=0, kept=0, added=0)
    return Scrape(
        steps.failed(target), b"" if target.pushed else values, fetched.time_ms, error.reason, error.message,
        duration_s=fetched.duration_s, body_bytes=len(fetched.body),
    )  # fmt: skip


def _success(converted: Converted, fetched: Fetched) -> Scrape:
    target = converted.plan.target
    samples, kept = len(converted.plan.shape.rows), len(converted.values) // PATTERN_BYTES
    health = health_values(
        up=True, duration_s=fetched.duration_s, scraped=samples, kept=kept, added=converted.added
    )
    return Scrape(
        converted.plan, converted.values + (b"" if target.pushed else health), fetched.time_ms,
        duration_s=fetched.duration_s, body_bytes=len(fetched.body),
        samples=samples, repairs=converted.repairs, times_ms=converted.times_ms,
    )  # fmt: skip
