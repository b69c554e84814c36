package main

import "expvar"

// point is how InfluxData's programs print a statistic.
type point struct {
	Name   string            `json:"name"`
	Tags   map[string]string `json:"tags"`
	Values object            `json:"values"`
}

// InfluxDB 1.6: keys are made of a name, paths and a number; tags that do not exist are null.
func influxdb(to *expvar.Map) {
	value(to, "system", object{
		"currentTime": "2026-03-01T12:00:06Z", "started": "2026-03-01T12:00:00Z", "uptime": 6,
	})
	value(to, "runtime", point{"runtime", map[string]string{}, object{
		"Alloc": 2245328, "Mallocs": 9005, "NumGC": 3, "NumGoroutine": 17, "PauseTotalNs": 120000,
	}})
	value(to, "queryExecutor", point{"queryExecutor", nil, object{
		"queriesActive": 1, "queriesExecuted": 42, "queriesFinished": 41, "queryDurationNs": 1500000000,
	}})
	value(to, "database:mydb", point{"database", map[string]string{"database": "mydb"}, object{
		"numMeasurements": 3, "numSeries": 120,
	}})
	for id, bytes := range map[string]int{"1": 65, "2": 4096} {
		folder := "/var/lib/influxdb/data/mydb/autogen/" + id
		tags := map[string]string{
			"database": "mydb", "engine": "tsm1", "id": id, "path": folder,
			"retentionPolicy": "autogen", "walPath": "/var/lib/influxdb/wal/mydb/autogen/" + id,
		}
		value(to, "shard:"+folder+":"+id, point{"shard", tags, object{
			"diskBytes": bytes, "writePointsOk": 2 * bytes, "writeReq": 7,
		}})
	}
	one := map[string]string{
		"database": "mydb", "engine": "tsm1", "id": "1", "path": "/var/lib/influxdb/data/mydb/autogen/1",
		"retentionPolicy": "autogen", "walPath": "/var/lib/influxdb/wal/mydb/autogen/1",
	}
	value(to, "tsm1_engine:/var/lib/influxdb/data/mydb/autogen/1:1", point{"tsm1_engine", one, object{
		"cacheCompactionDuration": 250000000, "cacheCompactionErr": 0, "cacheCompactions": 5,
		"cacheCompactionsActive": 1, "tsmLevel1CompactionQueue": 2,
	}})
	value(to, "tsm1_cache:/var/lib/influxdb/data/mydb/autogen/1:1", point{"tsm1_cache", one, object{
		"WALCompactionTimeMs": 1250, "cacheAgeMs": 2000, "cachedBytes": 512, "diskBytes": 0, "memBytes": 70,
		"snapshotCount": 1, "writeOk": 9,
	}})
	value(to, "tsm1_filestore:/var/lib/influxdb/data/mydb/autogen/1:1", point{"tsm1_filestore", one, object{
		"diskBytes": 8192, "numFiles": 4,
	}})
	value(to, "tsm1_wal:/var/lib/influxdb/data/mydb/autogen/1:1", point{"tsm1_wal", one, object{
		"currentSegmentDiskBytes": 65, "oldSegmentsDiskBytes": 128, "writeErr": 0, "writeOk": 11,
	}})
	value(to, "cq", point{"cq", nil, object{"queryFail": 0, "queryOk": 4}})
	value(to, "httpd:127.0.0.1:8086", point{"httpd", map[string]string{"bind": "127.0.0.1:8086"}, object{
		"clientError": 1, "pointsWrittenOK": 343808, "queryReqDurationNs": 2612667879, "queryRespBytes": 219,
		"req": 12370, "reqActive": 2, "reqDurationNs": 9521864530967, "writeReqActive": 0,
	}})
}

// InfluxDB Enterprise 1.11: OSS's statistics, those of a cluster, the licence and the build.
func influxdbEnterprise(to *expvar.Map) {
	value(to, "system", object{"currentTime": "2026-03-01T18:51:46Z", "uptime": 21059})
	value(to, "build", object{
		"Branch": "1.11.x-ent", "Build Time": "", "Commit": "0f1e2d3c", "Version": "v1.11.5",
	})
	value(to, "crypto", object{"FIPS": false, "implementation": "Go", "passwordHash": "bcrypt;cost=10"})
	value(to, "entitlements", point{"entitlements", nil, object{
		"licenseExpiry": "2030-01-01T00:00:00Z", "licenseType": "license-file",
	}})
	value(to, "rpc", point{"rpc", nil, object{
		"idleStreams": 2, "liveConnections": 1, "liveStreams": 2, "rpcCalls": 146231, "rpcFailures": 0,
		"rpcReadBytes": 3941135770, "singleUse": 3, "singleUseOpen": 0,
	}})
	value(to, "cluster", point{"cluster", nil, object{
		"copyShardReq": 0, "openConnections": 2, "writeShardPointsReq": 572199, "writeShardReq": 7258,
	}})
	value(to, "ae", point{"ae", nil, object{"bytesRx": 0, "errors": 0, "jobs": 12, "jobsActive": 1}})
	for node, depth := range map[string]int{"4": 0, "5": 33} {
		value(to, "hh_processor:/var/lib/influxdb/hh/"+node+"/17:"+node, point{"hh_processor", map[string]string{
			"node": node, "path": "/var/lib/influxdb/hh/" + node + "/17", "shardID": "17",
		}, object{"bytesWritten": 96, "queueBytes": 8 * depth, "queueDepth": depth, "writeShardReq": 5}})
	}
	value(to, "hh_node:/var/lib/influxdb/hh:5", point{"hh_node", map[string]string{"node": "5"}, object{"queueTotalSize": 8192}})
	for _, policy := range []string{"autogen", "weekly"} {
		key := "subscriber:telegraf:" + policy + ":kapacitor-f398:http://kapacitor:9092"
		value(to, key, point{"subscriber", map[string]string{
			"database": "telegraf", "destination": "http://kapacitor:9092", "mode": "ANY",
			"name": "kapacitor-f398", "retention_policy": policy,
		}, object{"pointsWritten": 342222, "writeFailures": 1}})
	}
}

// Kapacitor: statistics under random ids, a duration as text.
func kapacitor(to *expvar.Map) {
	text(to, "cluster_id", "aaa1cb78-8277-4886-a8ea-4706bca20842")
	text(to, "host", "localhost")
	text(to, "product", "kapacitor")
	text(to, "server_id", "81e38258-5f18-4201-8d47-db603bfceeff")
	text(to, "version", "1.5.9")
	integers(to, map[string]int64{"num_enabled_tasks": 5, "num_subscriptions": 6, "num_tasks": 8})
	tags := func(more map[string]string) map[string]string {
		more["cluster_id"] = "aaa1cb78-8277-4886-a8ea-4706bca20842"
		more["host"] = "localhost"
		more["server_id"] = "81e38258-5f18-4201-8d47-db603bfceeff"
		return more
	}
	value(to, "kapacitor", map[string]point{
		"2ce99d1d-d26f-4daa-8857-36568a9effc1": {"nodes", tags(map[string]string{
			"kind": "window", "node": "window2", "task": "deadman", "type": "stream",
		}), object{"avg_exec_time_ns": "0s"}},
		"4360b884-4f1b-4915-90b9-e40a27cd366a": {"ingress", tags(map[string]string{
			"database": "telegraf", "measurement": "cpu", "retention_policy": "autogen", "task_master": "main",
		}), object{"points_received": 7201}},
		"5bc09b36-f1d7-460f-b533-91aa79b79ee3": {"nodes", tags(map[string]string{
			"kind": "alert", "node": "alert2", "task": "cpu_alert", "type": "stream",
		}), object{
			"alerts_triggered": 4, "avg_exec_time_ns": "1.2µs", "crits_triggered": 1, "errors": 0,
			"working_cardinality": 12,
		}},
		"b5ca6839-5cda-4330-b7aa-fccc50ce1320": {"edges", tags(map[string]string{
			"child": "stream0", "parent": "stream", "task": "cpu_alert", "type": "stream",
		}), object{"collected": 72, "emitted": 71}},
		"e8f1a7d0-41b2-4b8e-9a52-0c6c9f5f7a11": {"nodes", tags(map[string]string{
			"kind": "query", "node": "query1", "task": "nightly", "type": "batch",
		}), object{"avg_exec_time_ns": "1m30.5s", "query_errors": 2}},
	})
}

// A vttablet of today: buckets hold their own observations only; bounds and times are nanoseconds.
func vitess(to *expvar.Map) {
	value(to, "Queries", object{
		"TotalCount": 10, "TotalTime": 1507500000,
		"Histograms": object{
			"Insert": object{
				"500000": 0, "1000000": 2, "5000000": 0, "10000000": 0, "50000000": 0, "100000000": 0,
				"500000000": 0, "1000000000": 0, "5000000000": 0, "10000000000": 0, "inf": 0,
				"Count": 2, "Time": 1500000,
			},
			"Select": object{
				"500000": 3, "1000000": 2, "5000000": 1, "10000000": 0, "50000000": 0, "100000000": 0,
				"500000000": 1, "1000000000": 0, "5000000000": 1, "10000000000": 0, "inf": 0,
				"Count": 8, "Time": 1506000000,
			},
		},
	})
	value(to, "Waits", object{
		"TotalCount": 1, "TotalTime": 700000,
		"Histograms": object{"Consolidations": object{"500000": 0, "1000000": 1, "inf": 0, "Count": 1, "Time": 700000}},
	})
	value(to, "Results", object{"0": 2, "1": 3, "5": 1, "10": 0, "50": 0, "inf": 1, "Count": 7, "Total": 1012})
	value(to, "QPS", object{"All": []float64{1.5, 2.25}, "Select": []float64{1, 2}})
	child(to, "Errors", map[string]int64{"ALREADY_EXISTS": 1, "DEADLINE_EXCEEDED": 4})
	child(to, "Kills", map[string]int64{"Queries": 3, "Transactions": 1})
	child(to, "TableACLAllowed", map[string]int64{"customer.acl_group.PASS_SELECT.app_user": 19})
	child(to, "VReplicationCopyRowCount", map[string]int64{"commerce.-80.move_customer.1": 5000})
	child(to, "VReplicationLagSeconds", map[string]int64{"commerce.-80.move_customer.1": 2})
	child(to, "BackupBytes", map[string]int64{
		"BackupEngine.Builtin.Source:Read": 4777, "BackupStorage.File.File:Write": 163,
	})
	child(to, "BackupCount", map[string]int64{"BackupEngine.Builtin.Source:Open": 161})
	child(to, "BackupDurationNanoseconds", map[string]int64{
		"-.-.Backup": 4188508542, "BackupEngine.Builtin.Source:Open": 10649832,
	})
	child(to, "DurationByPhaseSeconds", map[string]int64{"TakeNewBackup": 4})
	integers(to, map[string]int64{
		"ConnPoolCapacity": 16, "ConnPoolInUse": 3, "ConnPoolWaitCount": 9, "ConnPoolWaitTime": 12500000,
		"TabletState": 2,
	})
	text(to, "TabletStateName", "SERVING")
	text(to, "BuildHost", "builder")
}

// A vtgate of some years ago: buckets are cumulative; a category has several dimensions.
func vitessCumulative(to *expvar.Map) {
	value(to, "VtgateApi", object{
		"TotalCount": 6, "TotalTime": 33000000,
		"Histograms": object{
			"Execute.commerce.primary": object{
				"500000": 1, "1000000": 3, "5000000": 4, "10000000": 4, "inf": 5, "Count": 5, "Time": 32100000,
			},
			"StreamExecute.commerce.replica": object{
				"500000": 0, "1000000": 1, "5000000": 1, "10000000": 1, "inf": 1, "Count": 1, "Time": 900000,
			},
		},
	})
	child(to, "VtgateApiErrorCounts", map[string]int64{
		"Execute.commerce.primary.RESOURCE_EXHAUSTED": 2,
	})
}

// etcd 3.4 as a leader of two; ids are hexadecimal text.
func etcd(to *expvar.Map) {
	integers(to, map[string]int64{"file_descriptor_limit": 20000})
	value(to, "raft.status", object{
		"id": "9e737febb6b99eee", "term": 5, "vote": "9e737febb6b99eee", "commit": 23509, "applied": 23507,
		"lead": "9e737febb6b99eee", "leadtransferee": "0", "raftState": "StateLeader",
		"progress": object{
			"9e737febb6b99eee": object{"match": 23509, "next": 23510, "state": "StateReplicate"},
			"ce2a822cea30bfca": object{"match": 0, "next": 1, "state": "StateProbe"},
		},
	})
}

// Badger 4 inside dgraph: levels and folders are keys.
func badger(to *expvar.Map) {
	integers(to, map[string]int64{
		"badger_compaction_current_num_lsm": 1, "badger_get_num_memtable": 80, "badger_get_num_user": 101,
		"badger_get_with_result_num_user": 77, "badger_iterator_num_user": 6, "badger_put_num_user": 55,
		"badger_read_bytes_lsm": 2048, "badger_read_bytes_vlog": 1024, "badger_read_num_vlog": 8,
		"badger_write_bytes_l0": 512, "badger_write_bytes_user": 4096, "badger_write_bytes_vlog": 300,
		"badger_write_num_vlog": 12,
	})
	child(to, "badger_get_num_lsm", map[string]int64{"l0": 12, "l6": 40})
	child(to, "badger_hit_num_lsm_bloom_filter", map[string]int64{"l0": 9, "l6": 30})
	child(to, "badger_size_bytes_lsm", map[string]int64{"/data/p": 9437184, "/data/w": 0})
	child(to, "badger_size_bytes_vlog", map[string]int64{"/data/p": 2147483646})
	child(to, "badger_write_bytes_compaction", map[string]int64{"l0": 700, "l5": 12000})
	child(to, "badger_write_pending_num_memtable", map[string]int64{"/data/p": 2})
}

// Badger 2 inside Caddy: the version stands in the names.
func badgerV2(to *expvar.Map) {
	integers(to, map[string]int64{
		"badger_v2_blocked_puts_total": 1, "badger_v2_disk_reads_total": 20, "badger_v2_disk_writes_total": 30,
		"badger_v2_gets_total": 100, "badger_v2_memtable_gets_total": 90, "badger_v2_puts_total": 50,
		"badger_v2_read_bytes": 2000, "badger_v2_written_bytes": 3000,
	})
	child(to, "badger_v2_lsm_bloom_hits_total", map[string]int64{"l1": 7})
	child(to, "badger_v2_lsm_level_gets_total", map[string]int64{"l0": 8, "l1": 16})
	child(to, "badger_v2_lsm_size_bytes", map[string]int64{"/var/lib/caddy/db": 65536})
	child(to, "badger_v2_pending_writes_total", map[string]int64{"/var/lib/caddy/db": 3})
	child(to, "badger_v2_vlog_size_bytes", map[string]int64{"/var/lib/caddy/db": 131072})
}

// rqlite: one map for each subsystem, and nothing else.
func rqlite(to *expvar.Map) {
	child(to, "store", map[string]int64{
		"leader_changes_observed": 2, "num_snapshots": 4, "restore_duration_ms": 37,
	})
	child(to, "http", map[string]int64{"authFail": 1, "executions": 310, "queries": 2071})
	child(to, "cdc.service", map[string]int64{"num_sent": 12, "sent_failed": 0})
}

// Couchbase Sync Gateway: everything under one name, databases below it.
func syncGateway(to *expvar.Map) {
	value(to, "syncgateway", object{
		"global": object{"resource_utilization": object{
			"admin_net_bytes_recv": 1189, "go_memstats_heapalloc": 7342208, "num_goroutines": 84,
			"process_cpu_percent_utilization": 1.25, "process_memory_resident": 41271296,
			"uptime": 90500000000, "warn_count": 3,
		}},
		"per_db": object{
			"inventory": object{
				"cache":    object{"chan_cache_hits": 40, "chan_cache_num_channels": 2, "num_active_channels": 1},
				"database": object{"num_doc_writes": 15, "sync_function_time": 1500000},
			},
			"travel.sample": object{
				"cache":    object{"chan_cache_hits": 9, "chan_cache_num_channels": 1, "num_active_channels": 1},
				"database": object{"num_doc_writes": 4, "sync_function_time": 250000},
			},
		},
	})
	integers(to, map[string]int64{
		"cb.ops.pools.127.0.0.1:11210.count": 5, "cb.ops.pools.127.0.0.1:11210.p50": 210000,
	})
}
