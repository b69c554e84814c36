package main

import "expvar"

// Beats, flat as at /debug/vars; files under harvest have random names.
func beatsFlat(to *expvar.Map) {
	integers(to, map[string]int64{
		"beat.cpu.system.ticks": 1860, "beat.cpu.system.time.ms": 1865, "beat.cpu.total.ticks": 4080,
		"beat.cpu.total.time.ms": 4085, "beat.cpu.total.value": 4080, "beat.cpu.user.ticks": 2220,
		"beat.cpu.user.time.ms": 2220, "beat.handles.limit.hard": 1048576, "beat.handles.limit.soft": 1024,
		"beat.handles.open": 7, "beat.info.uptime.ms": 1535445, "beat.memstats.gc_next": 22896432,
		"beat.memstats.memory_alloc": 13341568, "beat.memstats.memory_total": 457340536,
		"beat.memstats.rss":      55713792,
		"filebeat.events.active": 4, "filebeat.events.added": 182990, "filebeat.events.done": 182986,
		"filebeat.harvester.closed": 2222, "filebeat.harvester.open_files": 4, "filebeat.harvester.running": 4,
		"filebeat.harvester.started": 2226,
		"filebeat.harvester.files.4f6a6c2e-9cbb-4d2f-a1f1-0e6b6f2a8d11.read_offset": 77,
		"libbeat.config.module.running":                                             1,
		"libbeat.config.module.starts":                                              2, "libbeat.config.module.stops": 1, "libbeat.config.reloads": 3,
		"libbeat.outputs.kafka.bytes_read": 77,
		"libbeat.output.events.acked":      1400, "libbeat.output.events.active": 9,
		"libbeat.output.events.batches": 28, "libbeat.output.events.total": 1409,
		"libbeat.output.read.bytes": 5120, "libbeat.output.write.bytes": 61440,
		"libbeat.output.write.errors": 1,
		"libbeat.pipeline.clients":    6, "libbeat.pipeline.events.active": 1423,
		"libbeat.pipeline.events.filtered": 26, "libbeat.pipeline.events.published": 1423,
		"libbeat.pipeline.events.total": 1449, "libbeat.pipeline.queue.acked": 1400,
		"metricbeat.system.load.events": 154, "metricbeat.system.load.failures": 4,
		"metricbeat.system.load.success": 150,
		"registrar.states.current":       16, "registrar.writes.success": 117, "registrar.writes.total": 118,
		"system.cpu.cores": 32,
	})
	floats(to, map[string]float64{"system.load.1": 32.5, "system.load.15": 41.75, "system.load.norm.1": 1.015625})
	text(to, "beat.info.ephemeral_id", "f9b12c67-b693-4265-b4d4-cd41d633cc7b")
	text(to, "libbeat.output.type", "elasticsearch")
}

// The same program's /stats: nested, and without memstats.
func beatsNested(to *expvar.Map) {
	value(to, "beat", object{
		"cpu": object{
			"system": object{"ticks": 626970, "time": object{"ms": 626972}},
			"total":  object{"ticks": 5215010, "time": object{"ms": 5215018}, "value": 5215010},
			"user":   object{"ticks": 4588040, "time": object{"ms": 4588046}},
		},
		"handles": object{"limit": object{"hard": 524288, "soft": 1024}, "open": 12},
		"info":    object{"ephemeral_id": "809e3b63-4fa0", "uptime": object{"ms": 327248661}},
		"memstats": object{
			"gc_next": 20611808, "memory_alloc": 12692544, "memory_total": 462910102088, "rss": 80273408,
		},
	})
	value(to, "filebeat", object{
		"events": object{"active": 0, "added": 182990, "done": 182990},
		"harvester": object{
			"closed": 2222, "open_files": 4, "running": 4, "started": 2226,
			"files": object{"4f6a6c2e-9cbb-4d2f": object{"read_offset": 77}},
		},
		"input": object{"log": object{"files": object{"renamed": 1, "truncated": 0}}},
	})
	value(to, "libbeat", object{
		"config": object{"module": object{"running": 0, "starts": 1, "stops": 1}, "reloads": 2},
		"output": object{
			"events": object{"acked": 172067, "active": 0, "batches": 1490, "dropped": 3, "total": 172070},
			"read":   object{"bytes": 900, "errors": 0}, "type": "kafka",
			"write": object{"bytes": 43136887, "errors": 1},
		},
		"outputs": object{"kafka": object{"bytes_read": 1048670, "bytes_write": 43136887}},
		"pipeline": object{
			"clients": 1,
			"events":  object{"active": 0, "filtered": 10923, "published": 172067, "retry": 14, "total": 182990},
			"queue":   object{"acked": 172067},
		},
	})
	value(to, "metricbeat", object{"system": object{"load": object{"events": 154, "failures": 4, "success": 150}}})
	value(to, "registrar", object{
		"states": object{"cleanup": 3446, "current": 16409, "update": 182990},
		"writes": object{"fail": 0, "success": 11718, "total": 11718},
	})
	value(to, "system", object{
		"cpu":  object{"cores": 32},
		"load": object{"1": 32.5, "15": 41.75, "5": 40.25, "norm": object{"1": 1.015625}},
	})
}

// The Datadog trace agent: labels are fields beside the counters, or packed into a key.
func traceAgent(to *expvar.Map) {
	value(to, "config", object{"APIKey": "s3cret", "BucketInterval": 10000000000, "TargetTPS": 10})
	value(to, "trace_writer", object{"Bytes": 3245, "Errors": 0, "Events": 123, "Payloads": 4, "Traces": 26})
	value(to, "stats_writer", object{"Bytes": 8329, "Errors": 1, "Payloads": 6, "StatsBuckets": 12})
	integers(to, map[string]int64{"pid": 38149, "uptime": 15})
	value(to, "ratebyservice", object{
		"service:,env:": 1, "service:myapp,env:": 0.125, "service:myapp,env:dev": 0.25,
	})
	value(to, "ratelimiter", object{"TargetRate": 1.0})
	value(to, "receiver", []object{
		{
			"Interpreter": "", "Lang": "go", "LangVersion": "1.21", "TracerVersion": "1.60.0",
			"TracesBytes": 123456, "TracesDropped": object{"decoding_error": 2, "empty_trace": 1},
			"TracesReceived": 70,
		},
		{
			"Interpreter": "CPython", "Lang": "python", "LangVersion": "3.11", "TracerVersion": "2.0.0",
			"TracesBytes": 4321, "TracesDropped": object{"decoding_error": 0}, "TracesReceived": 7,
		},
	})
	value(to, "version", object{
		"BuildDate": "2026-02-01T14:28:10+0100", "GitBranch": "main", "GitCommit": "396a217",
		"GoVersion": "go version go1.21 linux/amd64", "Version": "7.50.0",
	})
}

// The Datadog agent: rings of the last 32 flushes beside the last one, nanoseconds or counts; plain counters.
func datadogAgent(to *expvar.Map) {
	ring := func(name string, last int64) object {
		flushes := make([]int64, 32)
		flushes[4] = last
		return object{"FlushIndex": 4, "Flushes": flushes, "LastFlush": last, "Name": name}
	}
	value(to, "aggregator", object{
		"DogstatsdMetricSample": 9120, "EventsFlushErrors": 1, "NumberOfFlush": 77,
		"Flush": object{
			"EventFlushTime":        ring("EventFlushTime", 1500000),
			"MetricSampleFlushTime": ring("MetricSampleFlushTime", 27250000),
		},
		"FlushCount": object{"Events": ring("Events", 3), "Series": ring("Series", 412)},
	})
	child(to, "forwarder", map[string]int64{"APIKeyStatus": 1})
}

// mtail: logs and programs are keys.
func mtail(to *expvar.Map) {
	integers(to, map[string]int64{
		"exporter_json_errors": 0, "graphite_export_success": 3, "graphite_export_total": 4, "lines_total": 1031,
		"log_count": 2, "metric_export_total": 9,
	})
	child(to, "log_lines_total", map[string]int64{"/var/log/nginx/access.log": 1000, "/var/log/syslog": 31})
	child(to, "log_opens_total", map[string]int64{"/var/log/nginx/access.log": 2, "/var/log/syslog": 1})
	child(to, "log_errors_total", map[string]int64{})
	child(to, "prog_loads_total", map[string]int64{"nginx.mtail": 1})
	child(to, "prog_runtime_errors_total", map[string]int64{"nginx.mtail": 5})
}

// Tailscale's DERP server, also inside Coder: prefixes say what a number is.
func derp(to *expvar.Map) {
	inner := child(to, "derp", map[string]int64{
		"counter_accepts": 90, "counter_bytes_received": 1048576, "counter_bytes_sent": 2097152,
		"gauge_current_connections": 12, "gauge_watchers": 1,
	})
	child(inner, "counter_packets_dropped_reason", map[string]int64{"gone_disconnected": 3, "queue_head": 0})
	child(inner, "counter_packets_dropped_type", map[string]int64{"disco": 1, "other": 2})
	dial := child(inner, "histogram_dial_seconds", map[string]int64{"0.1": 3, "0.5": 4, "2": 6, "+Inf": 7, "count": 7})
	dial.AddFloat("sum", 9.25)
	integers(to, map[string]int64{"gauge_goroutines": 45, "process_start_unix_time": 1795173000})
	text(to, "gauge_derper_version", "1.56.1")
}

// Prefixes alone, no rule; a label's name may stand in one.
func tailscale(to *expvar.Map) {
	integers(to, map[string]int64{
		"counter_magicsock_send_udp": 512, "gauge_magicsock_num_peers": 4, "plain": 9,
	})
	child(to, "counter_labelmap_reason_packets_dropped", map[string]int64{"acl": 2, "multicast": 5})
	child(to, "labelmap_path_conns", map[string]int64{"derp": 1, "direct": 3})
}

// tinode: lists of bounds and of counts beside them; latencies are milliseconds.
func tinode(to *expvar.Map) {
	integers(to, map[string]int64{
		"IncomingMessagesWebsockTotal": 250, "CtrlCodesTotal2xx": 240, "CtrlCodesTotal4xx": 10, "LiveSessions": 7, "LiveTopics": 3, "TotalTopics": 11,
	})
	value(to, "RequestLatency", object{
		"count": 10, "sum": 61.5, "count_per_bucket": []int64{2, 3, 4, 1}, "bounds": []float64{1, 5, 10},
	})
	value(to, "OutgoingMessageSize", object{
		"count": 4, "sum": 9216.0, "count_per_bucket": []int64{1, 2, 1}, "bounds": []float64{1024, 4096},
	})
	text(to, "Version", "v0.22.11")
}

// Xray-core: a tree of tags; users are people.
func xray(to *expvar.Map) {
	value(to, "observatory", object{"proxy-de": object{
		"alive": true, "delay": 85, "last_seen_time": 1795173600, "outbound_tag": "proxy-de",
	}, "proxy-nl": object{
		"alive": false, "delay": 99999999, "last_seen_time": 0, "outbound_tag": "proxy-nl",
	}})
	value(to, "stats", object{
		"inbound":  object{"api": object{"downlink": 12, "uplink": 34}, "tls-in": object{"downlink": 5600, "uplink": 780}},
		"outbound": object{"direct": object{"downlink": 5600, "uplink": 780}},
		"user":     object{"anna@example.org": object{"downlink": 5600, "uplink": 780}},
	})
}
