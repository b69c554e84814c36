package main

import (
	"database/sql"
	"expvar"
	"runtime"
	"time"
)

// What expvar publishes by itself, and the usual way to publish goroutines; three collections are done.
func goDefault(to *expvar.Map) {
	value(to, "cmdline", []string{"./server", "-token=s3cret"})
	integers(to, map[string]int64{"goroutines": 8})
	stats := runtime.MemStats{
		Alloc: 1000001, TotalAlloc: 9000002, Sys: 13000003, Mallocs: 70004, Frees: 60005,
		HeapAlloc: 1000001, HeapSys: 3000006, HeapIdle: 1500007, HeapInuse: 1499999, HeapReleased: 1200008,
		HeapObjects: 9999, StackInuse: 300009, StackSys: 300010, MSpanInuse: 21011, MSpanSys: 32012,
		MCacheInuse: 2413, MCacheSys: 15614, BuckHashSys: 1415, GCSys: 8000016, OtherSys: 600017,
		NextGC: 4194304, LastGC: 1795173629484342420, PauseTotalNs: 100000, NumGC: 3, NumForcedGC: 1,
		GCCPUFraction: 0.0001, EnableGC: true,
	}
	copy(stats.PauseNs[:], []uint64{60000, 10000, 30000})
	copy(stats.PauseEnd[:], []uint64{1795173629000000001, 1795173629200000002, 1795173629484342420})
	value(to, "memstats", stats)
}

// rcrowley/go-metrics: a timer and a histogram as five percentiles each, a meter, a counter, gauges.
func goMetrics(to *expvar.Map) {
	integers(to, map[string]int64{
		"db.query.count": 500, "db.query.max": 4992954, "db.query.min": 6052,
		"ingest.count": 1500, "payload.size.count": 40, "payload.size.max": 9995, "payload.size.min": 30,
		"queue.depth": 5, "requests": 47,
	})
	floats(to, map[string]float64{
		"db.query.50-percentile": 2365915, "db.query.75-percentile": 3721902.25, "db.query.95-percentile": 4727113,
		"db.query.99-percentile": 4947992.5, "db.query.999-percentile": 4992954, "db.query.mean": 2440725.5,
		"db.query.mean-rate": 100.0625, "db.query.std-dev": 1435176.75, "db.query.one-minute": 100,
		"db.query.five-minute": 100, "db.query.fifteen-minute": 100,
		"ingest.mean": 300.25, "ingest.one-minute": 300, "ingest.five-minute": 300, "ingest.fifteen-minute": 300,
		"payload.size.50-percentile": 4954.5, "payload.size.75-percentile": 7503.25,
		"payload.size.95-percentile": 9290.75, "payload.size.99-percentile": 9848,
		"payload.size.999-percentile": 9995, "payload.size.mean": 4907.5, "payload.size.std-dev": 2887.5,
		"load": 0.75,
	})
}

// go-kit: a histogram that has seen something, and one that has not.
func goKit(to *expvar.Map) {
	floats(to, map[string]float64{
		"inflight": 3, "requests_total": 12,
		"latency_seconds.p50": 0.0993, "latency_seconds.p90": 0.1798, "latency_seconds.p95": 0.191,
		"latency_seconds.p99": 0.1952,
		"unused_seconds.p50":  0, "unused_seconds.p90": 0, "unused_seconds.p95": 0, "unused_seconds.p99": 0,
	})
}

// jaeger-lib: tags are parts of the name.
func jaeger(to *expvar.Map) {
	integers(to, map[string]int64{
		"jaeger.collector.queue-length.host_node-1":                                          9,
		"jaeger.collector.spans.received.debug_false.format_jaeger.host_node-1.svc_checkout": 42,
		"jaeger.collector.spans.received.debug_false.format_zipkin.host_node-1.svc_cart_api": 7,
	})
	floats(to, map[string]float64{
		"jaeger.collector.save-latency.host_node-1.result_ok.p50": 0.0293,
		"jaeger.collector.save-latency.host_node-1.result_ok.p90": 0.0457,
		"jaeger.collector.save-latency.host_node-1.result_ok.p95": 0.0458,
		"jaeger.collector.save-latency.host_node-1.result_ok.p99": 0.0459,
	})
}

// carbon-relay-ng: metrics2.0 keys.
func carbonRelay(to *expvar.Map) {
	integers(to, map[string]int64{
		"dest=graphite1_2003.unit=Err.type=truncated": 2, "dest=graphite1_2003.unit=Metric.direction=out": 900,
		"dest=graphite2_2003.unit=Metric.direction=out": 120,
		"unit=Metric.direction=in":                      1022,
	})
}

// zserge/metric: objects of percentiles beside plain counters and gauges.
func zsergeMetric(to *expvar.Map) {
	floats(to, map[string]float64{"go:alloc": 69.25, "go:numrequests": 20})
	value(to, "latency", object{"p50": 0.3015, "p90": 0.8136, "p99": 0.9405})
}

// runtime/metrics, published as a map under their own names.
func runtimeMetrics(to *expvar.Map) {
	inner := child(to, "runtime", map[string]int64{
		"/gc/cycles/total:gc-cycles": 12, "/gc/heap/allocs:bytes": 9000002, "/gc/heap/goal:bytes": 4194304,
		"/sched/gomaxprocs:threads": 4, "/sched/goroutines:goroutines": 31,
	})
	inner.AddFloat("/cpu/classes/gc/mark/assist:cpu-seconds", 0.0625)
	inner.AddFloat("/sync/mutex/wait/total:seconds", 1.5)
}

// Two pools, one of them nested.
func sqlDBStats(to *expvar.Map) {
	value(to, "orders", sql.DBStats{
		MaxOpenConnections: 20, OpenConnections: 7, InUse: 3, Idle: 4, WaitCount: 11,
		WaitDuration: 1500 * time.Millisecond, MaxIdleClosed: 2, MaxIdleTimeClosed: 5, MaxLifetimeClosed: 6,
	})
	value(to, "pools", map[string]sql.DBStats{"users": {
		MaxOpenConnections: 5, OpenConnections: 1, Idle: 1, WaitDuration: 250 * time.Microsecond,
	}})
}

// Keys that carry their labels, as Prometheus prints them.
func prometheusKeys(to *expvar.Map) {
	integers(to, map[string]int64{
		`http_requests_total{code="200",method="GET"}`:  1027,
		`http_requests_total{method="POST",code="500"}`: 3,
		`queue_length{queue="a,b",path="C:\\tmp"}`:      4,
		`said_total{text="a \"quoted\" word"}`:          1,
		"plain_total":                                   6,
	})
}
