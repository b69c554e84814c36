"""An independent oracle: etcd serves one memstats as expvar and by the official client."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families
from pushvar.convert.converter import Converter
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp
from pushvar.model import Target

from tests.programs.commands import run_pushvar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.metrics_core import Metric

    from tests.programs.servers import Server

ROUNDS = 20
NOT_IN_EXPVAR = {  # the official client asks the runtime for these itself, the last three since 1.20
    "go_threads",
    "go_info",
    "go_gc_gogc_percent",
    "go_gc_gomemlimit_bytes",
    "go_sched_gomaxprocs_threads",
}
NOT_PUBLISHED = {"go_goroutines"}  # etcd does not publish it as a variable
ALWAYS_ZERO = {"go_memstats_lookups_total"}  # gone from the official client since 1.20
MOVED_BY_A_SCRAPE = {
    "go_memstats_alloc_bytes",
    "go_memstats_gc_sys_bytes",
    "go_memstats_heap_alloc_bytes",
    "go_memstats_heap_idle_bytes",
    "go_memstats_heap_inuse_bytes",
    "go_memstats_heap_objects",
    "go_memstats_heap_released_bytes",
    "go_memstats_other_sys_bytes",
}
STAMP = Stamp(Target("key", "etcd", "http://etcd/debug/vars", (("job", "etcd"),)))

Key = tuple[str, frozenset[tuple[str, str]]]
Samples = dict[Key, float]


def go_families(text: str) -> dict[str, Metric]:
    """The go_* families of an exposition under the names of their TYPE lines.

    The parser takes ``_total`` off a counter's name; alloc_bytes and alloc_bytes_total need it to be two.
    """
    families = [family for family in text_string_to_metric_families(text) if family.name.startswith("go_")]
    return {f"{one.name}_total" if one.type == "counter" else one.name: one for one in families}


def samples(families: Iterable[Metric]) -> Samples:
    """Their samples."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_names_types_and_help_are_the_official_clients(etcd: Server) -> None:
    """Every runtime family of the official client that expvar can give: same name, type and help."""
    official = go_families(etcd.text("/metrics"))
    shown = run_pushvar("show", f"{etcd.url}/debug/vars")
    assert shown.returncode == 0, shown.stderr
    ours = go_families(shown.stdout)
    assert set(ours) == set(official) - NOT_IN_EXPVAR - NOT_PUBLISHED - ALWAYS_ZERO
    assert len(ours) == 23
    for name, family in ours.items():
        assert family.type == official[name].type, name
        if ALWAYS_ZERO.issubset(official):  # a client before 1.20, as in Debian 12; its help texts are ours
            assert family.documentation == official[name].documentation


def test_values_of_one_moment(etcd: Server) -> None:
    """Our values are the official client's, judged by /debug/vars right before and after its scrape.

    In some round both documents and the official client say the very same, or, for a counter that moved,
    the official one lies between the two. A value read from a wrong field never does. Only gauges that
    every scrape moves, by allocating, may stay without such a round.
    """
    agreed: set[Key] = set()
    for _ in range(ROUNDS):
        before, official, after = etcd.text("/debug/vars"), etcd.text("/metrics"), etcd.text("/debug/vars")
        families = go_families(official)
        theirs = samples(families.values())
        ours, later = converted(before), converted(after)
        assert len(ours) == 29
        for key, value in ours.items():
            if value == theirs[key] == later[key]:
                agreed.add(key)
            elif families[family_of(key[0])].type == "counter":
                assert value <= theirs[key] <= later[key], key
                agreed.add(key)
    assert {name for name, _ in ours.keys() - agreed} <= MOVED_BY_A_SCRAPE


def converted(body: str) -> Samples:
    """What pushvar makes of a document, before any label is stamped."""
    done = Converter().convert(STAMP, body.encode(), built_in("auto"))
    values = struct.unpack(f"<{len(done.values) // 8}d", done.values)
    return {
        (row.name, frozenset(row.labels)): value
        for row, value in zip(done.plan.shape.rows, values, strict=True)
        if row.name.startswith("go_")
    }


def family_of(sample: str) -> str:
    """The official parser's family of one of these samples."""
    return "go_gc_duration_seconds" if sample.startswith("go_gc_duration") else sample
