"""Real programs and their ready rule sets: what they publish today is what the rules expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config.programs import ready_rules
from pushvar.convert.mapping import rule_set
from pushvar.convert.mapping.rules import SHAPE_ERROR

from tests.golden.families import converted, exposition, reasons, series, types

if TYPE_CHECKING:
    from tests.programs.servers import Server

GO = {"go_memstats_heap_alloc_bytes": "gauge", "go_gc_duration_seconds": "summary"}


def shown(server: Server, ready_set: str) -> str:
    """The exposition of a running program; nothing twice, no wrong shape, nothing guessed."""
    rules = rule_set([(ready_set, ready_rules(ready_set))], "auto")
    done = converted(server.text("/debug/vars").encode(), rules)
    assert reasons(done, (SHAPE_ERROR, "duplicate", "type conflict")) == []
    document = exposition(done)
    assert len(series(document)) == len(set(series(document)))
    untyped = [name for name, word in types(document).items() if word == "untyped"]
    assert untyped == [], "numbers that no rule takes"
    return document


def test_etcd(etcd: Server) -> None:
    """A single etcd is its own leader and shows its raft's progress."""
    document = shown(etcd, "etcd")
    expected = {
        "etcd_file_descriptor_limit": "gauge",
        "etcd_raft_applied": "gauge",
        "etcd_raft_commit": "gauge",
        "etcd_raft_leader": "gauge",
        "etcd_raft_progress_match": "gauge",
        "etcd_raft_state": "gauge",
        "etcd_raft_term": "gauge",
    }
    assert (expected | GO).items() <= types(document).items()
    assert 'etcd_raft_state{state="StateLeader"} 1' in document.splitlines()


def test_influxdb(influxdb: Server) -> None:
    """Counters are counters, levels are levels, nanoseconds are seconds, shards are told apart."""
    document = shown(influxdb, "influxdb")
    expected = {
        "go_goroutines": "gauge",
        "influxdb_database_num_series": "gauge",
        "influxdb_httpd_req_active": "gauge",
        "influxdb_httpd_req_duration_seconds_total": "counter",
        "influxdb_httpd_req_total": "counter",
        "influxdb_query_executor_queries_executed_total": "counter",
        "influxdb_shard_disk_bytes": "gauge",
        "influxdb_tsm1_cache_cache_age_seconds": "gauge",
        "influxdb_tsm1_cache_wal_compaction_time_seconds_total": "counter",
        "influxdb_tsm1_engine_tsm_full_compaction_duration_seconds_total": "counter",
        "influxdb_uptime_seconds": "gauge",
        "influxdb_write_point_req_total": "counter",
    }
    assert (expected | GO).items() <= types(document).items()
    assert 'influxdb_database_num_series{database="mydb"} 2' in document.splitlines()
    assert "/wal/" not in document


def test_mtail(mtail: Server) -> None:
    """Where mtail exposes its expvar itself, untyped, ours have those names and labels, and a type."""
    document = shown(mtail, "mtail")
    assert ({"mtail_lines_total": "counter", "mtail_logs": "gauge"} | GO).items() <= types(document).items()
    official = mtail.text("/metrics")
    untyped = {name for name, word in types(official).items() if word == "untyped"}
    theirs = {one for one in series(official) if one.partition("{")[0] in untyped}
    assert 'mtail_log_lines_total{logfile="' in "".join(theirs)
    assert theirs <= set(series(document))


def test_caddy(caddy: Server) -> None:
    """Caddy shows the Badger inside it, under the names of all Badgers."""
    expected = {
        "badger_disk_read_bytes_total": "counter",
        "badger_gets_total": "counter",
        "badger_memtable_gets_total": "counter",
    }
    assert (expected | GO).items() <= types(shown(caddy, "badger")).items()
