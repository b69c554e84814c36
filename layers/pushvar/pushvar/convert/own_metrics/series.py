"""Our own numbers as a scrape: the series of one more target, ``job="pushvar"``.

It is planned and sent like every other, health series and all, so it needs no way of its own. The plan is
compiled once and serves as long as the same keys come.
"""

from __future__ import annotations

import struct
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pushvar import __version__
from pushvar.catalogue import SELF_FAMILIES
from pushvar.convert.health import health_values
from pushvar.convert.own_metrics.keys import read_key, series_key
from pushvar.convert.plan import Stamp, compile_plan
from pushvar.labels.sets import label_set
from pushvar.model import Labels, Row, Scrape, Shape, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.model import Plan

JOB: Final = "pushvar"
RULE: Final = "self_metrics"
"""What reports call the rule that named these series."""

_BUILD = series_key(
    "pushvar_build_info", python=".".join(map(str, sys.version_info[:3])), version=__version__
)


def own_stamp(instance: str, tenant: Mapping[str, str], external: Labels = ()) -> Stamp:
    """The labels of our own series: job and instance, whose they are, and the external labels.

    ``instance`` tells apart what writes to the same backends: the shard, and where several run, which.
    """
    labels = label_set((*tenant.items(), ("job", JOB), ("instance", instance)))
    return Stamp(Target(f"self/{instance}", JOB, f"pushvar://{instance}", labels), external)


def own_scrape(
    stamp: Stamp, numbers: Mapping[str, float], time_ms: int, *, duration_s: float = 0.0
) -> Scrape:
    """One sample for each number, by key, and ``pushvar_build_info``; other keys are left out.

    ``duration_s`` is what the collecting took. ``scrape_series_added`` is always 0: nothing churns here.
    """
    known = {**{key: number for key, number in numbers.items() if read_key(key)}, _BUILD: 1.0}
    plan = _plan(stamp, tuple(sorted(known)))
    count = len(plan.shape.rows)
    values = struct.pack(f"<{count}d", *[known[row.path] for row in plan.shape.rows])
    health = health_values(up=True, duration_s=duration_s, scraped=count, kept=count, added=0)
    return Scrape(plan, values + health, time_ms, duration_s=duration_s, samples=count)


@lru_cache(maxsize=256)
def _plan(stamp: Stamp, keys: tuple[str, ...]) -> Plan:
    series = sorted((found, key) for key in keys if (found := read_key(key)) is not None)
    names = dict.fromkeys(name for (name, _), _ in series)
    places = {name: place for place, name in enumerate(names)}
    return compile_plan(
        stamp,
        Shape(
            families=tuple(SELF_FAMILIES[name] for name in names),
            rows=tuple(Row(name, places[name], labels, key, RULE) for (name, labels), key in series),
            decode=_no_document,
            read_typed=_no_document,
            read_document=_no_document,
        ),
    )


def _no_document(_: Any) -> NoReturn:
    raise TypeError("our own numbers come from no document")
