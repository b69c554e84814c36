"""What was asked of pushvar, as a table: the words, the figure, and where it stands in what a run measured.

A goal whose part did not run, or not at the size that the goal names, is not measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import encode, encoders, first_cycle, https_hosts, lambda_forward, outage, peers
from benchmarks import shape_warm as shapes
from benchmarks import text_parse as texts
from benchmarks import wire as wires
from benchmarks.conversion import LIMITS
from benchmarks.conversion import WORDS as CONVERSIONS
from benchmarks.judging import Goal, one_value, over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.growth import Growth, Size
    from benchmarks.hung_targets import HungTargets
    from benchmarks.judging import Found
    from benchmarks.measure import Spread


def _grown(figure: Callable[[Size], Spread], most: int, least: int) -> Callable[[Found], Spread | None]:
    """A figure at one number of targets as a multiple of it at another."""

    def seen(found: Found) -> Spread | None:
        growth: Growth = found["growth"]
        above, below = growth.size(most), growth.size(least)
        return over(figure(above), figure(below)) if above and below else None

    return seen


def _added(targets: int) -> Callable[[Found], Spread | None]:
    """What each target took that the size before did not have."""

    def seen(found: Found) -> Spread | None:
        size: Size | None = found["growth"].size(targets)
        return None if size is None or size.added_kb is None else one_value(size.added_kb)

    return seen


def _resident(found: Found) -> Spread | None:
    size = found["growth"].size(1_000)
    return None if size is None else one_value(size.rss_mb)


def _latest(found: Found) -> Spread:
    """The timeout at which the last good sample leaves latest."""
    measured: HungTargets = found["hung_targets"]
    return max((one.left_s for one in measured.late), key=lambda left_s: left_s.median)


def _away(figure: Callable[[outage.Outage], float]) -> Callable[[Found], Spread | None]:
    """A figure of an outage that was as long as the goal names."""

    def seen(found: Found) -> Spread | None:
        away: outage.Outage = found["outage"]
        whole = (away.targets, away.cycles) == (outage.TARGETS, outage.CYCLES)
        return one_value(figure(away)) if whole else None

    return seen


def _beside_vmagent(found: Found) -> Spread:
    cold: Spread = found["first_cycle"].cpu_us[first_cycle.KNOWN]
    return over(cold, found["peers"].of(peers.VMAGENT).cpu_us)


def _conversions() -> Iterator[Goal]:
    for way, limit in LIMITS.items():

        def seen(found: Found, way: str = way) -> Spread:
            ratio: Spread = next(one.ratio for one in found["conversion"].ways if one.name == way)
            return ratio

        words = f"convert a document of 118 kB, {CONVERSIONS[way]}: times json.loads"
        yield Goal(f"convert_{way}", words, ("conversion",), seen, "x", "<=", limit)


def _wire() -> Iterator[Goal]:
    for form, bound in {wires.V1: 25.0, wires.V2: 15.0, wires.V1_METADATA: 0.0, wires.V2_ALL: 0.0}.items():

        def seen(found: Found, form: str = form) -> Spread:
            size: Spread = found["wire"].size(form).wire
            return size

        words = f"bytes of a sample on the wire: {wires.WORDS[form]}"
        yield Goal(f"wire_{form}", words, ("wire",), seen, "bytes", "<=" if bound else "", bound)


GOALS = (
    Goal(
        "cycle_vmagent", "warm target-cycle, kept-alive HTTP: CPU as a share of vmagent's",
        ("peers",), lambda found: found["peers"].of(peers.VMAGENT).ratio, "x", "<=", 0.35,
    ),
    Goal(
        "cycle_agent", "warm target-cycle, kept-alive HTTP: CPU as a share of the Prometheus agent's",
        ("peers",), lambda found: found["peers"].of(peers.AGENT).ratio, "x", "<=", 0.2,
    ),
    Goal(
        "cycle_naive", "warm target-cycle: CPU that the naive script takes, times pushvar's",
        ("target_cycle",), lambda found: found["target_cycle"].ratio, "x", ">=", 8,
    ),
    Goal(
        "cycle_second", "warm target-cycle in remote write 2.0: times the same in 1.0",
        ("target_cycle",), lambda found: found["target_cycle"].second_ratio, "x",
    ),
    Goal(
        "first_cycle", "first cycle of a cold process, interpreter included, 500 targets: CPU per target",
        ("first_cycle",), lambda found: found["first_cycle"].cpu_us[first_cycle.KNOWN], "µs",
    ),
    Goal(
        "first_cycle_new", "first cycle of a cold process, and its state empty: CPU per target",
        ("first_cycle",), lambda found: found["first_cycle"].cpu_us[first_cycle.NEW], "µs",
    ),
    Goal(
        "first_cycle_vmagent", "first cycle of a cold process: times vmagent's steady cycle",
        ("first_cycle", "peers"), _beside_vmagent,
    ),
    Goal(
        "encoders_warm", "encode and compress 30,000 series, warm: the better PyPI encoder takes",
        ("encoders",), lambda found: found["encoders"].better.ratio[encoders.WARM], "x", ">=", 100,
    ),
    Goal(
        "encoders_shape", "encode and compress, cold, its shape compiled, no series known: the same takes",
        ("encoders",), lambda found: found["encoders"].better.ratio[encoders.SHAPE], "x", ">=", 20,
    ),
    Goal(
        "encoders_cold", "encode and compress, cold, every cache empty: the same takes",
        ("encoders",), lambda found: found["encoders"].better.ratio[encoders.COLD],
    ),
    Goal(
        "encode_naive", "encode 30,000 series, warm: the naive official runtime takes",
        ("encoding",), lambda found: found["encoding"].way(encode.WARM).ratio, "x", ">=", 40,
    ),
    Goal(
        "encode_floats", "encode, warm, from Python floats: the naive official runtime takes",
        ("encoding",), lambda found: found["encoding"].way(encode.WARM_FLOATS).ratio,
    ),
    Goal(
        "encode_kept", "the official runtime with its messages kept: the naive official runtime takes",
        ("encoding",), lambda found: found["encoding"].way(encode.CACHED).ratio,
    ),
    Goal(
        "text_warm", "read 1,000 series of text, warm: the official parser takes",
        ("text_parse",), lambda found: found["text_parse"].way(texts.WARM).ratio,
    ),
    *_conversions(),
    Goal(
        "shape_warm", "Lambda's case: a target whose shape alone is known, times one whose plan is",
        ("shape_warm",), lambda found: found["shape_warm"].ratio[shapes.SHAPE_WARM],
    ),
    Goal(
        "plan", "Lambda's case: a plan made anew, CPU per target",
        ("shape_warm",), lambda found: found["shape_warm"].above_us, "µs",
    ),
    Goal(
        "https_hosts", "1,000 distinct HTTPS hosts, new connections: times the handshakes alone",
        ("https_hosts",), lambda found: found["https_hosts"].ratio[https_hosts.HANDSHAKES], "x", "<=", 1.3,
    ),
    Goal(
        "https_hosts_blocking", "1,000 distinct HTTPS hosts: times handshakes on blocking sockets",
        ("https_hosts",), lambda found: found["https_hosts"].ratio[https_hosts.BLOCKING],
    ),
    Goal(
        "hung_targets", "50 hung targets of 500, the worst timeout: the last good sample leaves late by",
        ("hung_targets",), _latest, "s", "<=", 1,
    ),
    Goal("rss", "1,000 targets: memory resident", ("growth",), _resident, "MB", "<", 80),
    Goal(
        "rss_flat", "memory per target, 10,000 targets beside 1,000",
        ("growth",), _grown(lambda size: one_value(size.rss_kb), 10_000, 1_000), "x", "<=", 1,
    ),
    Goal("rss_added", "memory of one target more, from 1,000 to 10,000", ("growth",), _added(10_000), "kB"),
    Goal("rss_added_small", "memory of one target more, from 100 to 1,000", ("growth",), _added(1_000), "kB"),
    Goal(
        "cpu_flat", "CPU per target, 10,000 targets beside 1,000 (the bound is our own)",
        ("growth",), _grown(lambda size: size.cpu_us, 10_000, 1_000), "x", "<=", 1.25,
    ),
    Goal(
        "cpu_flat_small", "CPU per target, 1,000 targets beside 100",
        ("growth",), _grown(lambda size: size.cpu_us, 1_000, 100),
    ),
    *_wire(),
    Goal(
        "outage_replay", "replay after an outage of half an hour, 1,000 targets: wall time",
        ("outage",), _away(lambda one: one.replay_s), "s", "<=", outage.REPLAY_LIMIT_S,
    ),
    Goal(
        "outage_memory", "growth of memory in such an outage, at its peak",
        ("outage",), _away(lambda one: one.growth_mb), "MB", "<=", outage.MEMORY_LIMIT_MB,
    ),
    Goal(
        "lambda_memory", "a function that forwards 500 targets: peak of memory", ("lambda_forward",),
        lambda found: one_value(found["lambda_forward"].memory.peak_mb), "MB", "<=", lambda_forward.ASKED_MB,
    ),
)  # fmt: skip
