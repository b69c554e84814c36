"""Reading a page of Prometheus text: the official Python parser, and our converter cold and warm.

Both are given the same bytes of about a thousand series, and the values that they read are compared
before anything is timed. The values are other ones in each round.
"""

from __future__ import annotations

import random
import struct
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families
from pushvar.convert.converter import Converter
from pushvar.convert.input_format import InputFormat
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp
from pushvar.model import Target

from benchmarks.measure import Spread, cpu_s, in_turns, ratios, settle, spread
from benchmarks.series import Different

if TYPE_CHECKING:
    from collections.abc import Callable

SERIES = 1_000
_HANDLERS = 50
_PAGES = 8
_FORM = InputFormat("prometheus")
_STAMP = Stamp(
    Target("page", "bench", "http://10.0.0.1/metrics", (("instance", "10.0.0.1"), ("job", "bench")))
)

OFFICIAL, COLD, WARM = "official", "cold", "warm"
WORDS = {
    OFFICIAL: "prometheus_client.parser",
    COLD: "pushvar cold, shape and plan made as well",
    WARM: "pushvar warm, the same series as before",
}
_REPETITIONS = {OFFICIAL: 1, COLD: 1, WARM: 20}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to read the page: its CPU time, and how many times more the official parser takes."""

    name: str
    cpu_ms: Spread
    ratio: Spread


@dataclass(frozen=True, slots=True)
class TextParse:
    """The readers side by side."""

    series: int
    page_bytes: int
    rounds: int
    ways: tuple[Way, ...]

    def way(self, name: str) -> Way:
        """One of them."""
        return next(way for way in self.ways if way.name == name)


def page(seed: int) -> bytes:
    """A page as client_golang prints it: counters with three labels each."""
    numbers = random.Random(seed)
    lines = []
    for family in range(SERIES // _HANDLERS):
        name = f"http_requests_{family}_total"
        lines += [f"# HELP {name} Requests by handler and code.", f"# TYPE {name} counter"]
        lines += [
            f'{name}{{code="200",handler="/api/v1/resource/{number}",method="get"}} {numbers.uniform(0, 1e6)}'
            for number in range(_HANDLERS)
        ]
    return ("\n".join(lines) + "\n").encode()


def official(body: bytes) -> list[float]:
    """What a user of the official client reads: every sample's value, in the order of the page."""
    return [
        sample.value for family in text_string_to_metric_families(body.decode()) for sample in family.samples
    ]


def values(converter: Converter, body: bytes) -> bytes:
    """What a cycle reads, 64-bit patterns in the order of the page."""
    return converter.convert(_STAMP, body, built_in("auto"), form=_FORM).values


class Cold:
    """A first scrape: nothing that was read or encoded before is remembered."""

    def __init__(self) -> None:
        self._caches = [
            known
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] == "pushvar"
            for known in vars(module).values()
            if hasattr(known, "cache_clear")
        ]

    def __call__(self, body: bytes) -> bytes:
        """Read one page."""
        for known in self._caches:
            known.cache_clear()
        return values(Converter(), body)


def run(rounds: int, progress: Callable[[], object]) -> TextParse:
    """Compare all ways on pages of the same series. Raises Different."""
    pages = [page(seed) for seed in range(_PAGES)]
    warm = Converter()
    values(warm, pages[0])
    readers: dict[str, Callable[[bytes], object]] = {
        OFFICIAL: official,
        COLD: Cold(),
        WARM: partial(values, warm),
    }
    expected = struct.pack(f"<{SERIES}d", *official(pages[1]))
    for name in (COLD, WARM):
        if readers[name](pages[1]) != expected:
            raise Different(f"{WORDS[name]} reads other values than {WORDS[OFFICIAL]}")
    settle()

    def timed(name: str, number: int) -> float:
        turns = [pages[(number + again) % _PAGES] for again in range(_REPETITIONS[name])]
        return cpu_s(lambda: [readers[name](body) for body in turns]) / len(turns)

    measured = in_turns({name: partial(timed, name) for name in readers}, rounds, progress)
    return TextParse(
        SERIES,
        len(pages[0]),
        rounds,
        tuple(
            Way(name, spread(taken).times(1000), ratios(measured[OFFICIAL], taken))
            for name, taken in measured.items()
        ),
    )
