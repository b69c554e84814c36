"""Checks of names: one unit, one quantity, the endings that types have. They warn, and refuse when strict.

Source: Prometheus, "Metric and label naming", and OpenMetrics 1.0 on suffixes. Names of the official clients
are left alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pushvar.kit.gate.facts import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.kit.gate.facts import Facts, Limits

_EXEMPT = ("go_", "process_", "promhttp_", "push_")
_SHOWN = 5
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_UNITS = {
    "ms": "seconds", "millis": "seconds", "milliseconds": "seconds",
    "us": "seconds", "microseconds": "seconds",
    "ns": "seconds", "nanos": "seconds", "nanoseconds": "seconds", "minutes": "seconds", "hours": "seconds",
    "kb": "bytes", "mb": "bytes", "gb": "bytes", "kib": "bytes", "mib": "bytes", "kilobytes": "bytes",
    "megabytes": "bytes", "percent": "ratio (0 to 1)", "pct": "ratio (0 to 1)", "fahrenheit": "celsius",
}  # fmt: skip
_AVERAGES = {"avg", "average", "mean", "p50", "p90", "p95", "p99", "min", "max"}


def names(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Names are in snake case and base units, counters end in _total, nothing takes another's ending."""
    del limits
    document = facts.document
    assert document is not None
    for text, mend, rule in _RULES:
        wrong = sorted(
            name
            for name, kind in document.types.items()
            if not name.startswith(_EXEMPT) and not name.endswith("_created") and rule(name, kind)
        )
        if wrong:
            shown = ", ".join(wrong[:_SHOWN]) + (f" and {len(wrong) - _SHOWN} more" if wrong[_SHOWN:] else "")
            yield Finding(Level.WARN, f"{text}: {shown}", mend)


def _parts(name: str) -> list[str]:
    return name.removesuffix("_total").lower().split("_")


def _not_snake(name: str, _: str) -> bool:
    return _SNAKE.fullmatch(name) is None


def _wrong_unit(name: str, _: str) -> bool:
    return any(part in _UNITS for part in _parts(name)[1:])


def _no_total(name: str, kind: str) -> bool:
    return kind == "counter" and not name.endswith("_total")


def _false_total(name: str, kind: str) -> bool:
    return kind in {"gauge", "histogram", "summary"} and name.endswith("_total")


def _reserved_end(name: str, kind: str) -> bool:
    return kind in {"counter", "gauge"} and name.endswith(("_bucket", "_count", "_sum"))


def _no_namespace(name: str, _: str) -> bool:
    return "_" not in name


def _average(name: str, kind: str) -> bool:
    return kind == "gauge" and _parts(name)[-1] in _AVERAGES


_RULES: tuple[tuple[str, str, Callable[[str, str], bool]], ...] = (
    ("not in snake case", "write myapp_http_requests_total, not myappHttpRequests", _not_snake),
    ("not in a base unit", "use seconds, bytes and ratios from 0 to 1, named at the end", _wrong_unit),
    ("a counter without _total", "end its name in _total", _no_total),
    ("_total, but no counter", "leave the ending off, or count", _false_total),
    (
        "the ending of a histogram's parts",
        "use another word: _sum, _count and _bucket are taken",
        _reserved_end,
    ),
    ("no namespace", "begin with the program's name: myapp_queue_depth", _no_namespace),
    ("an average that was computed before", "publish a histogram, or a sum and a count", _average),
)
