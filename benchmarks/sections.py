"""Tables of the benchmarks that have none of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import cold_start as starts
from benchmarks import conversion as conversions
from benchmarks import encode, steps
from benchmarks import lambda_init as inits
from benchmarks import text_parse as parsers
from benchmarks.tables import Section, least_to_most, ms, times
from benchmarks.workload import SERIES

if TYPE_CHECKING:
    from benchmarks.cold_start import ColdStart
    from benchmarks.conversion import Conversion
    from benchmarks.encode import Encoding, Way
    from benchmarks.lambda_init import Init, LambdaInit
    from benchmarks.target_cycle import Cost, TargetCycle
    from benchmarks.text_parse import TextParse


def cold_start(result: ColdStart) -> Section:
    """CPU of a process until it is loaded, and until it has pushed once."""
    rows = [(starts.WORDS[starts.BARE], ms(result.bare_ms), least_to_most(result.bare_ms))]
    rows += [(starts.WORDS[name], ms(cpu), least_to_most(cpu)) for name, cpu in result.above_ms.items()]
    imports = ", ".join(f"{package} {ms:.0f}" for package, ms in result.imports_ms.items())
    return Section(
        f"Cold start: CPU in ms above the bare interpreter, {result.rounds} rounds",
        ("process", "median", "least to most"),
        tuple(rows),
        f"Heaviest imports of the first cycle (ms of wall time, own modules): {imports}.",
    )


def lambda_init(result: LambdaInit) -> Section:
    """Handlers beside one that imports nothing."""

    def row(name: str, init: Init) -> tuple[str, ...]:
        cost = init.init_ms
        return inits.WORDS[name], ms(cost), least_to_most(cost), times(init.ratio), str(init.modules)

    def heaviest(name: str) -> str:
        return ", ".join(f"{package} {ms:.0f}" for package, ms in result.inits[name].imports_ms.items())

    return Section(
        f"Lambda init: ms until the handler is loaded, {result.rounds} rounds",
        ("handler", "median", "least to most", "times the first", "modules"),
        tuple(row(name, init) for name, init in result.inits.items()),
        (
            f"Started by {result.measured_by}. Heaviest imports (ms, own modules):"
            f" plan: {heaviest(inits.PLAN)}; forward: {heaviest(inits.FORWARD)};"
            f" gateway: {heaviest(inits.GATEWAY)}."
        ),
    )


def encoding(result: Encoding) -> Section:
    """All ways to encode as 1.0."""

    def row(way: Way) -> tuple[str, ...]:
        per_s = result.series / way.cpu_ms.median / 1e3
        return (
            encode.WORDS[way.name], ms(way.cpu_ms), f"{per_s:.2f} M/s", times(way.ratio),
            ms(way.snappy_ms), times(way.snappy_ratio),
        )  # fmt: skip

    return Section(
        f"Encoding {result.series:,} series, remote write 1.0: CPU per cycle, {result.rounds} rounds",
        ("way", "ms", "samples", "naive takes", "with snappy, ms", "naive takes"),
        tuple(row(way) for way in result.ways),
        (
            f"{result.requests} requests, {result.plain_bytes / 1e6:.2f} MB plain and"
            f" {result.wire_bytes / 1e6:.2f} MB compressed."
            f" Making the messages that are kept takes {result.cached_setup_ms:.0f} ms once."
        ),
    )


def text_parse(result: TextParse) -> Section:
    """The official parser beside the converter."""
    return Section(
        f"Reading {result.series:,} series of Prometheus text: CPU per page, {result.rounds} rounds",
        ("way", "ms", "official takes"),
        tuple((parsers.WORDS[way.name], ms(way.cpu_ms), times(way.ratio)) for way in result.ways),
        f"A page has {result.page_bytes / 1e3:.0f} kB.",
    )


def conversion(result: Conversion) -> Section:
    """A document under rules beside json.loads."""
    return Section(
        f"Converting {result.series:,} values under a ready rule set: CPU, {result.rounds} rounds",
        ("way", "ms", "times json.loads", "limit"),
        tuple(
            (
                conversions.WORDS[way.name],
                ms(way.cpu_ms),
                times(way.ratio),
                f"{conversions.LIMITS[way.name]}x",
            )
            for way in result.ways
        ),
        f"A body has {result.body_bytes / 1e3:.0f} kB; json.loads takes {result.json_ms.median:.2f} ms.",
    )


def target_cycle(result: TargetCycle) -> Section:
    """The clients, and where pushvar's cycle goes."""

    def row(name: str, cost: Cost, ratio: str) -> tuple[str, ...]:
        warm = cost.warm_us
        return (
            name, f"{warm.median:.0f}", f"{warm.low:.0f}-{warm.high:.0f}", f"{cost.system_share:.0%}",
            f"{cost.first_us:.0f}", ratio,
        )  # fmt: skip

    return Section(
        f"A target-cycle of {SERIES} series, {result.targets} targets: CPU in µs per target,"
        f" {result.rounds} rounds",
        ("client", "warm", "least to most", "in the kernel", "first cycle", "naive takes"),
        (
            row("naive script", result.naive, "1x"),
            row("pushvar", result.pushvar, times(result.ratio)),
            row("pushvar, remote write 2.0", result.second, ""),
        ),
        f"Targets served by {result.served_by}. 2.0 takes {times(result.second_ratio)} of 1.0.",
    )


def target_cycle_steps(result: TargetCycle) -> Section:
    """What each step of pushvar's cycle takes."""
    total = sum(cost.median for cost in result.steps_us.values())
    rows = [
        (steps.WORDS[step], f"{cost.median:.1f}", least_to_most(cost), f"{cost.median / total:.0%}")
        for step, cost in result.steps_us.items()
    ]
    return Section(
        "Where pushvar's warm target-cycle goes: CPU in µs per target",
        ("step", "median", "least to most", "share"),
        (*rows, ("together", f"{total:.1f}", "", "")),
    )
