"""The figures as people read them, and as one JSON object. Information only: nothing is judged here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import (
    cold_start,
    conversion,
    encode,
    encode_v2,
    gateway,
    lambda_forward,
    lambda_init,
    outage,
    steps,
    text_parse,
)
from benchmarks.tables import Section, least_to_most, ms, table_of, times
from benchmarks.workload import SERIES

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.cold_start import ColdStart
    from benchmarks.conversion import Conversion
    from benchmarks.encode import Encoding, Way
    from benchmarks.encode_v2 import EncodingV2
    from benchmarks.gateway import Pushing
    from benchmarks.lambda_forward import LambdaForward
    from benchmarks.lambda_init import Init, LambdaInit
    from benchmarks.outage import Outage
    from benchmarks.target_cycle import Cost, TargetCycle
    from benchmarks.text_parse import TextParse

SCHEMA = 1

ENCODE_ASKED, CYCLE_ASKED = 40, 8
"""The ratios that issue 2 asks for; shown beside what was measured."""


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one run measured."""

    machine: dict[str, str]
    quick: bool
    cold_start: ColdStart
    lambda_init: LambdaInit
    encoding: Encoding
    target_cycle: TargetCycle
    text_parse: TextParse
    conversion: Conversion
    encoding_v2: EncodingV2
    outage: Outage
    gateway: Pushing
    lambda_forward: LambdaForward | None

    def as_object(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "schema": SCHEMA,
            **asdict(self),
            "ratios": {
                "encode_warm": asdict(self.encoding.way(encode.WARM).ratio) | {"asked": ENCODE_ASKED},
                "encode_cached_messages": asdict(self.encoding.way(encode.CACHED).ratio),
                "encode_v2_warm": asdict(self.encoding_v2.way(encode_v2.WARM).ratio),
                "text_warm": asdict(self.text_parse.way(text_parse.WARM).ratio),
                **{
                    f"convert_{way.name}": asdict(way.ratio) | {"limit": conversion.LIMITS[way.name]}
                    for way in self.conversion.ways
                },
                "target_cycle_warm": asdict(self.target_cycle.ratio) | {"asked": CYCLE_ASKED},
            },
        }


def show(results: Results, console: Console, *, markdown: bool = False) -> None:
    """Print every section, then the two ratios."""
    for section in sections(results):
        console.print(f"\n### {section.title}\n" if markdown else f"\n[bold]{section.title}[/bold]")
        console.print(table_of(section, markdown=markdown))
        if section.note:
            console.print(section.note, highlight=False)
    console.print()
    for line in last_lines(results):
        console.print(line, highlight=False)


def sections(results: Results) -> tuple[Section, ...]:
    """All tables of a run."""
    kind = "Machine and versions" + (" (a quick run: figures scatter more)" if results.quick else "")
    return (
        Section(kind, ("what", "version"), tuple(results.machine.items())),
        _cold_start(results.cold_start),
        _lambda_init(results.lambda_init),
        *lambda_forward.sections(results.lambda_forward),
        _encoding(results.encoding),
        encode_v2.section(results.encoding_v2),
        _text_parse(results.text_parse),
        _conversion(results.conversion),
        _target_cycle(results.target_cycle),
        _steps(results.target_cycle),
        outage.section(results.outage),
        gateway.section(results.gateway),
    )


def last_lines(results: Results) -> list[str]:
    """The ratios that the issue names, what it asks for beside them."""
    warm, floats, cached = (
        results.encoding.way(name).ratio for name in (encode.WARM, encode.WARM_FLOATS, encode.CACHED)
    )
    cycle = results.target_cycle.ratio
    return [
        (
            f"encoding {results.encoding.series:,} series, warm: {times(warm)} the naive official runtime"
            f" (asked: {ENCODE_ASKED}x); from floats {times(floats)}; with messages kept {times(cached)}"
        ),
        (
            f"reading {results.text_parse.series:,} series of text, warm:"
            f" {times(results.text_parse.way(text_parse.WARM).ratio)} the official parser"
        ),
        *(
            f"converting {results.conversion.series:,} values, {conversion.WORDS[way.name]}:"
            f" {times(way.ratio)} json.loads (limit: {conversion.LIMITS[way.name]}x)"
            for way in results.conversion.ways
        ),
        (
            f"a warm target-cycle of {SERIES} series: {times(cycle)} cheaper than the naive script"
            f" (asked: {CYCLE_ASKED}x)"
        ),
    ]


def _cold_start(result: ColdStart) -> Section:
    rows = [(cold_start.WORDS[cold_start.BARE], ms(result.bare_ms), least_to_most(result.bare_ms))]
    rows += [(cold_start.WORDS[name], ms(cpu), least_to_most(cpu)) for name, cpu in result.above_ms.items()]
    imports = ", ".join(f"{package} {ms:.0f}" for package, ms in result.imports_ms.items())
    return Section(
        f"Cold start: CPU in ms above the bare interpreter, {result.rounds} rounds",
        ("process", "median", "least to most"),
        tuple(rows),
        f"Heaviest imports of the first cycle (ms of wall time, own modules): {imports}.",
    )


def _lambda_init(result: LambdaInit) -> Section:
    def row(name: str, init: Init) -> tuple[str, ...]:
        cost = init.init_ms
        return lambda_init.WORDS[name], ms(cost), least_to_most(cost), times(init.ratio), str(init.modules)

    def heaviest(name: str) -> str:
        return ", ".join(f"{package} {ms:.0f}" for package, ms in result.inits[name].imports_ms.items())

    return Section(
        f"Lambda init: ms until the handler is loaded, {result.rounds} rounds",
        ("handler", "median", "least to most", "times the first", "modules"),
        tuple(row(name, init) for name, init in result.inits.items()),
        (
            f"Started by {result.measured_by}. Heaviest imports (ms, own modules):"
            f" plan: {heaviest(lambda_init.PLAN)}; forward: {heaviest(lambda_init.FORWARD)};"
            f" gateway: {heaviest(lambda_init.GATEWAY)}."
        ),
    )


def _encoding(result: Encoding) -> Section:
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


def _text_parse(result: TextParse) -> Section:
    return Section(
        f"Reading {result.series:,} series of Prometheus text: CPU per page, {result.rounds} rounds",
        ("way", "ms", "official takes"),
        tuple((text_parse.WORDS[way.name], ms(way.cpu_ms), times(way.ratio)) for way in result.ways),
        f"A page has {result.page_bytes / 1e3:.0f} kB.",
    )


def _conversion(result: Conversion) -> Section:
    return Section(
        f"Converting {result.series:,} values under a ready rule set: CPU, {result.rounds} rounds",
        ("way", "ms", "times json.loads", "limit"),
        tuple(
            (
                conversion.WORDS[way.name],
                ms(way.cpu_ms),
                times(way.ratio),
                f"{conversion.LIMITS[way.name]}x",
            )
            for way in result.ways
        ),
        f"A body has {result.body_bytes / 1e3:.0f} kB; json.loads takes {result.json_ms.median:.2f} ms.",
    )


def _target_cycle(result: TargetCycle) -> Section:
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
        (row("naive script", result.naive, "1x"), row("pushvar", result.pushvar, times(result.ratio))),
        f"Targets served by {result.served_by}.",
    )


def _steps(result: TargetCycle) -> Section:
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
