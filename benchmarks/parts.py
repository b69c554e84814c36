"""What ``make bench`` runs, in this order, and how much of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushvar.errors import ComponentMissing

from benchmarks import (
    cold_start,
    conversion,
    encode,
    encode_v2,
    encoders,
    first_cycle,
    gateway,
    growth,
    https_hosts,
    hung_targets,
    lambda_forward,
    lambda_init,
    outage,
    peers,
    sections,
    shape_warm,
    target_cycle,
    text_parse,
    wire,
    workload,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.tables import Section


@dataclass(frozen=True, slots=True)
class Effort:
    """How many rounds each benchmark has, and its sizes where they are not the same in every run."""

    cold_starts: int
    inits: int
    encodings: int
    conversions: int
    cycles: int
    targets: int
    outage_cycles: int
    gateway_sizes: tuple[int, ...]
    gateway_s: float
    gateway_rounds: int
    peers: int
    encoders: int
    wires: int
    first_cycles: int
    https: int
    hung_rounds: int
    hung_timeouts_s: tuple[float, ...]
    growth_sizes: tuple[int, ...]
    growth_rounds: int
    shards: int


FULL = Effort(
    cold_starts=11, inits=11, encodings=20, conversions=11, cycles=15, targets=workload.TARGETS,
    outage_cycles=outage.CYCLES, gateway_sizes=gateway.SIZES, gateway_s=gateway.SECONDS,
    gateway_rounds=gateway.ROUNDS, peers=9, encoders=encoders.ROUNDS, wires=wire.CYCLES, first_cycles=7,
    https=https_hosts.ROUNDS, hung_rounds=hung_targets.ROUNDS, hung_timeouts_s=hung_targets.TIMEOUTS_S,
    growth_sizes=growth.SIZES, growth_rounds=growth.ROUNDS, shards=shape_warm.ROUNDS,
)  # fmt: skip
QUICK = Effort(
    cold_starts=3, inits=3, encodings=4, conversions=3, cycles=3, targets=200, outage_cycles=5,
    gateway_sizes=(0, 500), gateway_s=1.0, gateway_rounds=1, peers=2, encoders=3, wires=2, first_cycles=2,
    https=2, hung_rounds=1, hung_timeouts_s=hung_targets.TIMEOUTS_S[:2], growth_sizes=growth.SIZES[:2],
    growth_rounds=2, shards=3,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """What a part is run with: ``progress`` is called after each round, ``environment`` has bytecode."""

    effort: Effort
    environment: dict[str, str]
    progress: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark: ``rounds`` says how often it tells of progress, ``sections`` gives its tables.

    ``run`` raises Different, Failed or ComponentMissing when there is nothing to report.
    """

    name: str
    words: str
    rounds: Callable[[Effort], int]
    run: Callable[[Setting], Any]
    sections: Callable[[Any], Sequence[Section]]


def _lambda_forward(of: Setting) -> lambda_forward.LambdaForward:
    measured = lambda_forward.run(of.effort.inits, of.progress)
    if measured is None:
        raise ComponentMissing("SAM is not installed", hint="make build brings it")
    return measured


def _outage(of: Setting) -> outage.Outage:
    measured = outage.run(cycles=of.effort.outage_cycles)
    of.progress()
    return measured


def _wire(of: Setting) -> wire.Wire:
    measured = wire.run(cycles=of.effort.wires)
    of.progress()
    return measured


PARTS = (
    # cold_start stands first: it fills the folder of bytecode for all clients after it
    Part(
        "cold_start", "CPU of a process until it has loaded and pushed once",
        lambda effort: effort.cold_starts,
        lambda of: cold_start.run(of.effort.cold_starts, of.environment, of.progress),
        lambda found: [sections.cold_start(found)],
    ),
    Part(
        "lambda_init", "wall time until a function's handler is loaded",
        lambda effort: effort.inits,
        lambda of: lambda_init.run(of.effort.inits, of.progress),
        lambda found: [sections.lambda_init(found)],
    ),
    Part(
        "lambda_forward", "from an event to the first byte fetched, and memory",
        lambda effort: 3 * effort.inits,
        _lambda_forward, lambda_forward.sections,
    ),
    Part(
        "encoding", "30,000 series as remote write 1.0 beside the official runtime",
        lambda effort: effort.encodings,
        lambda of: encode.run(workload.TARGETS, of.effort.encodings, of.progress),
        lambda found: [sections.encoding(found)],
    ),
    Part(
        "encoding_v2", "the same as 2.0, compressed",
        lambda effort: effort.encodings,
        lambda of: encode_v2.run(workload.TARGETS, of.effort.encodings, of.progress),
        lambda found: [encode_v2.section(found)],
    ),
    Part(
        "encoders", "the same beside the two encoders on PyPI",
        lambda effort: effort.encoders,
        lambda of: encoders.run(workload.TARGETS, of.effort.encoders, of.progress),
        lambda found: [encoders.section(found)],
    ),
    Part(
        "wire", "bytes of a sample as 1.0 and 2.0",
        lambda _: 1, _wire, lambda found: [wire.section(found)],
    ),
    Part(
        "text_parse", "1,000 series of Prometheus text beside the official parser",
        lambda effort: effort.encodings,
        lambda of: text_parse.run(of.effort.encodings, of.progress),
        lambda found: [sections.text_parse(found)],
    ),
    Part(
        "conversion", "a large document under rules beside json.loads",
        lambda effort: effort.conversions,
        lambda of: conversion.run(of.effort.conversions, of.environment, of.progress),
        lambda found: [sections.conversion(found)],
    ),
    Part(
        "shape_warm", "a shard whose shape is known beside one whose plans are",
        lambda effort: effort.shards,
        lambda of: shape_warm.run(workload.TARGETS, of.effort.shards, of.progress),
        lambda found: [shape_warm.section(found)],
    ),
    Part(
        "target_cycle", "a whole cycle of 500 targets beside the naive script",
        lambda effort: effort.cycles,
        lambda of: target_cycle.run(of.effort.targets, of.effort.cycles, of.environment, of.progress),
        lambda found: [sections.target_cycle(found), sections.target_cycle_steps(found)],
    ),
    Part(
        "peers", "the same every 5 s beside vmagent and the Prometheus agent",
        lambda effort: effort.peers,
        lambda of: peers.run(workload.TARGETS, of.effort.peers, of.environment, of.progress),
        lambda found: [peers.section(found)],
    ),
    # growth binds 10,000 ports, so before the parts that leave thousands of closed connections behind
    Part(
        "growth", "CPU and memory of a target at 100, 1,000 and 10,000 targets",
        lambda effort: effort.growth_rounds,
        lambda of: growth.run(
            of.effort.growth_sizes, of.effort.growth_rounds, of.environment, of.progress
        ),
        lambda found: [growth.section(found)],
    ),
    Part(
        "first_cycle", "a whole cold process that forwards 500 targets once",
        lambda effort: effort.first_cycles,
        lambda of: first_cycle.run(workload.TARGETS, of.effort.first_cycles, of.environment, of.progress),
        lambda found: [first_cycle.section(found)],
    ),
    Part(
        "https_hosts", "1,000 HTTPS hosts on new connections beside the handshakes alone",
        lambda effort: effort.https,
        lambda of: https_hosts.run(https_hosts.HOSTS, of.effort.https, of.progress),
        lambda found: [https_hosts.section(found)],
    ),
    Part(
        "hung_targets", "when the last good sample leaves while 50 of 500 targets hang",
        lambda effort: effort.hung_rounds * len(effort.hung_timeouts_s),
        lambda of: hung_targets.run(
            hung_targets.TARGETS, hung_targets.HUNG, of.effort.hung_timeouts_s, of.effort.hung_rounds,
            of.progress,
        ),
        lambda found: [hung_targets.section(found)],
    ),
    Part(
        "outage", "half an hour without the backend, spooled and replayed",
        lambda _: 1, _outage, lambda found: [outage.section(found)],
    ),
    Part(
        "gateway", "pushes of 200 batch jobs beside a Pushgateway",
        lambda effort: len(effort.gateway_sizes),
        lambda of: gateway.run(
            of.effort.gateway_sizes, of.effort.gateway_s, of.effort.gateway_rounds, of.progress
        ),
        lambda found: [gateway.section(found)],
    ),
)  # fmt: skip
NAMES = tuple(part.name for part in PARTS)
