"""Batch jobs in Python: a context manager, a decorator, a line around a Lambda handler.

    with batch_job("nightly", every="24h", to="http://gateway:9091") as job:
        with job.stage("load"):
            job.set(rows=load())

    @batch_job("nightly", every="24h")
    def main(): ...

    handler = lambda_job("nightly", handler)

They push the metrics of ``pushvar job run`` (``catalogue.BATCH_METRICS``). The job always wins: its result
or exception passes unchanged, and what goes wrong with a push is logged by the logger ``pushvar.batch``.
Where to and by whom, when nothing says so here, the environment says: ``PUSHVAR_PUSH_URL``,
``PUSHVAR_PUSH_TOKEN`` and so on.
"""

from __future__ import annotations

import functools
import inspect
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, overload

from pushvar.app.jobs import HEARTBEAT_S, PATIENCE_S, SLACK_S
from pushvar.app.jobs_inside import InsideRun, Telling, logger
from pushvar.app.world import real_world
from pushvar.config.grammar import duration
from pushvar.errors import ConfigError
from pushvar.jobs.records import Records
from pushvar.jobs.run import Declared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

__all__ = ["BatchJob", "Job", "Span", "batch_job", "current_job", "lambda_job"]

Span = str | float | timedelta
"""A time: ``"24h"``, seconds, or a timedelta."""

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Handler = TypeVar("_Handler", bound="Callable[..., Any]")

_RESERVE_S = 0.5  # of a Lambda function's time: for its answer


@dataclass(frozen=True, slots=True)
class Job:
    """What a job says of itself while it runs; any thread may. It never raises: what cannot be is logged."""

    name: str
    _records: Records = field(default_factory=Records, repr=False)

    def set(self, **numbers: float) -> None:
        """Set numbers: ``rows`` becomes the metric ``batch_job_rows``; the last one counts."""
        self._each(self._records.set, numbers)

    def add(self, **numbers: float) -> None:
        """Add to numbers, which begin at 0."""
        self._each(self._records.add, numbers)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; the times of one that comes again are added."""
        began_s = time.monotonic()
        try:
            yield
        finally:
            self._records.stage(name, time.monotonic() - began_s)

    def _each(self, put: Callable[[str, float], None], numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            try:
                put(name, float(value))
            except (ConfigError, TypeError, ValueError, OverflowError) as error:
                logger.warning("job %s: %s is left out: %s", self.name, name, error)


_CURRENT: ContextVar[Job] = ContextVar("pushvar_job")


def current_job() -> Job:
    """The job that this code is part of; outside of any, one that nobody is told of."""
    return _CURRENT.get(None) or Job("")


class BatchJob:
    """A job to run: in a ``with`` or ``async with`` block, or as the decorator of a function."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._entered: list[tuple[InsideRun | None, Token[Job]]] = []

    def __enter__(self) -> Job:
        name, run = self._telling.declared.name, None
        with _spared(name):
            run = InsideRun(self._telling, real_world())
        job = Job(name, run.records) if run is not None else Job(name)
        self._entered.append((run, _CURRENT.set(job)))
        return job

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(error)()

    async def __aenter__(self) -> Job:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio  # late: most jobs never wait, and would pay for it at every start

        await asyncio.to_thread(self._end(error))

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """The function as a job: each call is a run."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("a generator is no job: decorate the function that uses it")
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def waited(*args: _P.args, **kwargs: _P.kwargs) -> Any:
                async with BatchJob(self._telling):
                    return await function(*args, **kwargs)

            return cast("Callable[_P, _R]", waited)

        @functools.wraps(function)
        def called(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with BatchJob(self._telling):
                return function(*args, **kwargs)

        return called

    def for_lambda(self, handler: _Handler) -> _Handler:
        """The handler as a job: each invocation is a run, pushed before it returns and within its time."""

        @functools.wraps(handler)
        def handle(event: Any, context: Any) -> Any:
            invocation, error = BatchJob(self._telling), None
            invocation.__enter__()
            try:
                return handler(event, context)
            except BaseException as raised:
                error = raised
                raise
            finally:
                invocation._end(error, _time_left_s(context))()

        return cast("_Handler", handle)

    def _end(self, error: BaseException | None, most_s: float | None = None) -> Callable[[], None]:
        """End the run that was entered last; gives what waits for its push."""
        run, token = self._entered.pop()
        with suppress(ValueError):  # left by another task than entered
            _CURRENT.reset(token)
        if run is None:
            return lambda: None
        ended, name = run, self._telling.declared.name
        with _spared(name):
            ended.end(error, most_s)

        def wait() -> None:
            with _spared(name):
                ended.wait()

        return wait


@contextmanager
def _spared(name: str) -> Iterator[None]:
    """Whatever goes wrong with the metrics is logged, for the job is to go on."""
    try:
        yield
    except Exception as fault:  # noqa: BLE001 - the job is worth more than any of them
        logger.warning("job %s: %s: %s", name, type(fault).__name__, fault)


def batch_job(  # noqa: PLR0913 - what a job can declare
    name: str,
    *,
    every: Span | None = None,
    timeout: Span | None = None,
    to: str | None = None,
    remote_write: str | None = None,
    labels: Mapping[str, str] | None = None,
    version: str = "",
    schedule: str = "",
    ttl: Span | None = None,
    heartbeat: Span = HEARTBEAT_S,
    patience: Span = PATIENCE_S,
) -> BatchJob:
    """A job of this name, which is to run ``every`` so often; see ``pushvar job run`` for the rest.

    ``timeout`` is told and not enforced. Raises ConfigError for what is no time.
    """
    pairs = tuple((str(label), str(value)) for label, value in (labels or {}).items())
    declared = Declared(
        str(name), pairs, _seconds(every), _seconds(timeout), _seconds(ttl), str(version), str(schedule)
    )
    if to and remote_write:
        raise ConfigError("to", "given together with remote_write", hint="keep one")
    return BatchJob(Telling(declared, to, remote_write, _seconds(heartbeat), _seconds(patience)))


@overload
def lambda_job(name: str, handler: _Handler, **options: Any) -> _Handler: ...
@overload
def lambda_job(name: str, handler: None = None, **options: Any) -> Callable[[_Handler], _Handler]: ...
def lambda_job(name: str, handler: Any = None, **options: Any) -> Any:
    """A Lambda handler as a job, or a decorator that makes one; ``options`` are those of ``batch_job``.

    What is pushed is pushed before the handler returns, as nothing runs in a function after that.
    """
    job = batch_job(name, **options)
    return job.for_lambda if handler is None else job.for_lambda(handler)


def _time_left_s(context: Any) -> float | None:
    """What is left of an invocation for its push; None where nobody knows."""
    try:
        left_s = float(context.get_remaining_time_in_millis()) / 1000
    except Exception:  # noqa: BLE001 - a context of anybody's making
        return None
    return left_s - _RESERVE_S - SLACK_S


def _seconds(span: Span | None) -> float:
    if span is None:
        return 0.0
    if isinstance(span, timedelta):
        return span.total_seconds()
    return duration(span).s if isinstance(span, str) else float(span)
