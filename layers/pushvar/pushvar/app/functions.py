"""What the Lambda functions are made of, joined from their environment; each loads its own parts only."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pushvar.app.log_lines import log_share
from pushvar.errors import ConfigError
from pushvar.net.aws import aws_client
from pushvar.state import open_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pushvar.app.planner import Planner
    from pushvar.app.worker import Worker
    from pushvar.app.world import World

TRACING = "PUSHVAR_TRACING"
"""Set to 1, spans of an invocation that is sampled go to X-Ray's daemon."""

_Made = TypeVar("_Made")

REGISTRY, STATE, QUEUE_URL, SHARDS = (
    "PUSHVAR_REGISTRY", "PUSHVAR_STATE", "PUSHVAR_QUEUE_URL", "PUSHVAR_SHARDS",
)  # fmt: skip
"""The variables of the environment that the template sets."""

MOST_SHARDS = 10_000

_ON_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"


def prepared(make: Callable[[World], _Made], world: World, services: Iterable[str]) -> list[_Made]:
    """What a function is made of, made while Lambda initialises it: then it has a whole core to itself.

    Clients of the services are made once and thrown away: what botocore reads for them stays with the
    session. Gives an empty list elsewhere, and when anything is wrong: the first event tries again,
    and tells.
    """
    if _ON_LAMBDA not in world.environment:
        return []
    try:
        with _nothing_collected():
            made = make(world)
            for service in services:
                aws_client(service)
    except Exception:  # noqa: BLE001 - an init that fails is started over and over, and says nothing
        return []
    return [made]


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep Python's collector from looking, over and over, through what an init makes and what stays anyway.

    Afterwards it is exempt from every later look as well, for as long as the process lives.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def function_world() -> World:
    """The world of a Lambda function: this machine's, with spans where tracing is on."""
    from pushvar.app.world import real_world

    world = real_world()
    if world.environment.get(TRACING, "") in {"", "0"}:
        return world
    from pushvar.net.xray import XRay

    return replace(world, span=XRay(world.environment).span)


def planner_of(world: World) -> Planner:
    """The planner that the environment describes. Raises ConfigError for a variable that is not usable."""
    from pushvar.app.dispatch import Dispatch
    from pushvar.app.last_good import LastGood
    from pushvar.app.planner import Planner
    from pushvar.app.world import means_of
    from pushvar.collect.registry import open_registry

    environment = world.environment
    log_share(environment)
    state = open_state(demand(environment, STATE, "aws:TABLE/BUCKET"))
    means = means_of(world, allowed=_allowed(environment))
    registry = open_registry(demand(environment, REGISTRY, "ssm:/pushvar/<stage>"), means)
    send = Dispatch(demand(environment, QUEUE_URL, "the URL of the shards' queue")).send
    return Planner(
        LastGood(registry, state, world.now_ms), state, send, world.now_ms, world.monotonic_s,
        shards=_shards(environment),
    )  # fmt: skip


def worker_of(world: World) -> Worker:
    """The worker that the environment describes; on Lambda no target may be the function's own machine.

    Raises ConfigError for a variable that is not usable.
    """
    from pushvar.app.worker import Worker

    log_share(world.environment)
    state = open_state(demand(world.environment, STATE, "aws:TABLE/BUCKET"))
    return Worker(state, world, allowed=_allowed(world.environment))


def _allowed(environment: Mapping[str, str]) -> Callable[[str], bool]:
    """Where a request may go: on Lambda not to the function's own machine."""
    from pushvar.net.address import is_allowed, is_elsewhere

    return is_elsewhere if _ON_LAMBDA in environment else is_allowed


def demand(environment: Mapping[str, str], name: str, example: str) -> str:
    """The value of a variable that has to be set. Raises ConfigError."""
    value = environment.get(name, "")
    if not value:
        raise ConfigError(name, "not set", hint=f"set it to {example}")
    return value


def _shards(environment: Mapping[str, str]) -> int:
    text = environment.get(SHARDS) or "0"
    if not text.isdecimal() or int(text) > MOST_SHARDS:
        raise ConfigError(SHARDS, f"{text!r:.20} is no number of shards", hint=f"write 0 to {MOST_SHARDS}")
    return int(text)
