"""Figures: medians with their spread, ratios taken round by round, the machine they came from.

Variants are run in turns (A B C, A B C, ...), so that a machine that slows down slows them all, and a
ratio compares two neighbours in time.
"""

from __future__ import annotations

import gc
import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_PACKAGES = ("protobuf", "python-snappy", "cramjam", "msgspec", "requests", "urllib3", "PyYAML")


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some measurements, the least and the greatest of them."""

    median: float
    low: float
    high: float

    def times(self, factor: float) -> Spread:
        """The same measurements in another unit."""
        return Spread(self.median * factor, self.low * factor, self.high * factor)


def spread(values: Iterable[float]) -> Spread:
    """Sum up measurements; there must be one at least."""
    known = sorted(values)
    return Spread(median(known), known[0], known[-1])


def ratios(slow: Sequence[float], fast: Sequence[float]) -> Spread:
    """How many times more the slow one takes, compared round by round."""
    return spread(above / below for above, below in zip(slow, fast, strict=True))


def in_turns(
    variants: Mapping[str, Callable[[int], float]], rounds: int, progress: Callable[[], object]
) -> dict[str, list[float]]:
    """Run all variants once in every round; each gets the round's number and gives its measurement."""
    measured: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        for name, variant in variants.items():
            measured[name].append(variant(number))
        progress()
    return measured


def cpu_s(work: Callable[[], object]) -> float:
    """The CPU time, user and system, that this process takes for a piece of work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def settle() -> None:
    """Collect what set-up left behind and keep what stays out of later collections.

    A variant then does not pay for walking over the objects that another one keeps.
    """
    gc.collect()
    gc.freeze()


def with_bytecode(cache: Path) -> dict[str, str]:
    """An environment for Python processes that keep their bytecode in this folder, whatever ours says."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(cache)}


def without_bytecode(nothing: Path) -> dict[str, str]:
    """An environment for Python processes that find no bytecode, for the folder stays empty."""
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(nothing)}


def machine() -> dict[str, str]:
    """Where and with what this run is made."""
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
        "protobuf runtime": _protobuf_runtime(),
    }


def _protobuf_runtime() -> str:
    from google.protobuf.internal import api_implementation

    kind: str = api_implementation.Type()
    return kind


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
