"""Numbers as people read them: bytes in KiB and MiB, seconds in µs and ms, the rest with k, M, G. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_UNITLESS = ("_bucket", "_count")
_TRANSPARENT = ("_total", "_sum")
_TIMES = ("_time_seconds", "_timestamp_seconds", "_created")
_BYTE_STEPS = (
    (1 << 60, "EiB"),
    (1 << 50, "PiB"),
    (1 << 40, "TiB"),
    (1 << 30, "GiB"),
    (1 << 20, "MiB"),
    (1 << 10, "KiB"),
    (1, "B"),
)
_SECOND_STEPS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_PLAIN_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_PLACES = ((100, 0), (10, 1), (1, 2), (0.1, 3))
_LARGEST_WRITTEN_OUT = 100_000
_SMALLEST_WRITTEN_OUT = 1e-4
_WHOLE_BELOW = 2.0**53
_EPOCH_RANGE = (1e8, 1e11)


def unit_of(name: str) -> str:
    """The unit that a sample's name tells: ``bytes``, ``seconds``, ``time`` (Unix seconds) or none."""
    if name.endswith(_UNITLESS):
        return ""
    for suffix in _TRANSPARENT:
        name = name.removesuffix(suffix)
    if name.endswith(_TIMES):
        return "time"
    return next((unit for unit in ("bytes", "seconds") if name.endswith(f"_{unit}")), "")


def humanise(value: float, unit: str = "") -> str:
    """A value in about three digits and a fitting unit."""
    if not math.isfinite(value):
        return exact(value)
    if unit == "bytes":
        return _scaled(value, _BYTE_STEPS)
    if unit == "time" and _EPOCH_RANGE[0] < value < _EPOCH_RANGE[1]:
        return _local(value * 1000).strftime("%d %b %H:%M")
    if unit in {"seconds", "time"}:
        return _scaled(value, _SECOND_STEPS) if value else "0 s"
    return _plain(value)


def humanise_rate(per_second: float, unit: str = "") -> str:
    """A rate per second; seconds per second are a plain ratio."""
    return f"{humanise(per_second, unit if unit == 'bytes' else '')}/s"


def exact(value: float) -> str:
    """A value with every digit it has; infinities and NaN as Prometheus writes them."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{int(value):,}" if value == int(value) and abs(value) < _WHOLE_BELOW else repr(value)


def _plain(value: float) -> str:
    if abs(value) >= _LARGEST_WRITTEN_OUT:
        return _scaled(value, _PLAIN_STEPS)
    if value == int(value):
        return f"{int(value):,}"
    return digits(value) if abs(value) >= _SMALLEST_WRITTEN_OUT else f"{value:.3g}"


def digits(value: float) -> str:
    """Three significant digits without trailing zeros."""
    size = abs(value)
    places = next((places for bound, places in _PLACES if size >= bound), 4)
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def clock_text(time_ms: float) -> str:
    """The time of day here, to the second."""
    return _local(time_ms).strftime("%H:%M:%S")


def date_text(time_ms: float) -> str:
    """Date and time of day here, to the second."""
    return _local(time_ms).strftime("%Y-%m-%d %H:%M:%S")


def age_text(age_ms: float) -> str:
    """How long ago, in whole units."""
    seconds = max(0, int(age_ms // 1000))
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {word} ago"
    return f"{seconds} s ago"


def _local(time_ms: float) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).astimezone()


def _scaled(value: float, steps: tuple[tuple[float, str], ...]) -> str:
    size = abs(value)
    step, word = next((row for row in steps if size >= row[0]), steps[-1])
    return f"{digits(value / step)} {word}"
