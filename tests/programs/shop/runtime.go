package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var counted = map[string]string{
	"/gc/limiter/last-enabled:gc-cycle": "go_gc_limiter_last_enabled_gc_cycle",
	"/gc/gogc:percent":                  "go_gc_gogc_percent",
	"/gc/gomemlimit:bytes":              "go_gc_gomemlimit_bytes",
	"/sched/gomaxprocs:threads":         "go_sched_gomaxprocs_threads",
	"/sync/mutex/wait/total:seconds":    "go_sync_mutex_wait_total_seconds_total",
	"/cpu/classes/gc/total:cpu-seconds": "go_cpu_classes_gc_total_cpu_seconds_total",
	"/cpu/classes/idle:cpu-seconds":     "go_cpu_classes_idle_cpu_seconds_total",
	"/cgo/go-to-c-calls:calls":          "go_cgo_go_to_c_calls_calls_total",
	"/gc/cycles/total:gc-cycles":        "go_gc_cycles_total_gc_cycles_total",
	"/sched/goroutines:goroutines":      "go_sched_goroutines_goroutines",
	"/gc/heap/live:bytes":               "go_gc_heap_live_bytes",
}

// writeRuntime puts what the Go runtime says of itself on a page.
func writeRuntime(text *page) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	for name, value := range map[string]uint64{
		"alloc": stats.Alloc, "sys": stats.Sys, "heap_alloc": stats.HeapAlloc, "heap_sys": stats.HeapSys,
		"heap_idle": stats.HeapIdle, "heap_inuse": stats.HeapInuse, "heap_released": stats.HeapReleased,
		"stack_inuse": stats.StackInuse, "stack_sys": stats.StackSys, "mspan_inuse": stats.MSpanInuse,
		"mspan_sys": stats.MSpanSys, "mcache_inuse": stats.MCacheInuse, "mcache_sys": stats.MCacheSys,
		"buck_hash_sys": stats.BuckHashSys, "gc_sys": stats.GCSys, "other_sys": stats.OtherSys,
		"next_gc": stats.NextGC,
	} {
		text.plain("go_memstats_"+name+"_bytes", "gauge", float64(value))
	}
	text.plain("go_memstats_heap_objects", "gauge", float64(stats.HeapObjects))
	text.plain("go_memstats_alloc_bytes_total", "counter", float64(stats.TotalAlloc))
	text.plain("go_memstats_mallocs_total", "counter", float64(stats.Mallocs))
	text.plain("go_memstats_frees_total", "counter", float64(stats.Frees))
	text.plain("go_memstats_last_gc_time_seconds", "gauge", float64(stats.LastGC)/1e9)
	text.plain("go_memstats_gc_cpu_fraction", "gauge", stats.GCCPUFraction)
	writePauses(text)
	text.plain("go_goroutines", "gauge", float64(runtime.NumGoroutine()))
	text.family("go_info", "gauge")
	text.sample("go_info", 1, "version", runtime.Version())
	writeMetrics(text)
}

func writePauses(text *page) {
	stats := debug.GCStats{PauseQuantiles: make([]time.Duration, 5)}
	debug.ReadGCStats(&stats)
	text.family("go_gc_duration_seconds", "summary")
	for index, quantile := range []string{"0", "0.25", "0.5", "0.75", "1"} {
		text.sample("go_gc_duration_seconds", stats.PauseQuantiles[index].Seconds(), "quantile", quantile)
	}
	text.sample("go_gc_duration_seconds_sum", stats.PauseTotal.Seconds())
	text.sample("go_gc_duration_seconds_count", float64(stats.NumGC))
}

func writeMetrics(text *page) {
	samples := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	for key := range counted {
		samples = append(samples, metrics.Sample{Name: key})
	}
	metrics.Read(samples)
	for _, sample := range samples {
		kind := "gauge"
		if strings.HasSuffix(counted[sample.Name], "_total") {
			kind = "counter"
		}
		switch sample.Value.Kind() {
		case metrics.KindUint64:
			text.plain(counted[sample.Name], kind, float64(sample.Value.Uint64()))
		case metrics.KindFloat64:
			text.plain(counted[sample.Name], kind, sample.Value.Float64())
		case metrics.KindFloat64Histogram:
			writeLatencies(text, sample.Value.Float64Histogram())
		}
	}
}

// writeLatencies puts a histogram of the runtime on a page with every tenth bound.
func writeLatencies(text *page, found *metrics.Float64Histogram) {
	h := &histogram{}
	for index, count := range found.Counts {
		h.count += count
		if index%10 == 9 && index+1 < len(found.Buckets)-1 {
			h.bounds = append(h.bounds, found.Buckets[index+1])
			h.counts = append(h.counts, h.count)
		}
	}
	text.histogram("go_sched_latencies_seconds", h)
}

// writeProcess puts what the system says of the process on a page.
func writeProcess(text *page, started time.Time) {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		seconds := time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
		text.plain("process_cpu_seconds_total", "counter", seconds)
	}
	text.plain("process_start_time_seconds", "gauge", float64(started.UnixNano())/1e9)
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		text.plain("process_max_fds", "gauge", float64(limit.Cur))
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		text.plain("process_open_fds", "gauge", float64(len(open)))
	}
	if threads, err := os.ReadDir("/proc/self/task"); err == nil {
		text.plain("go_threads", "gauge", float64(len(threads)))
	}
	if pages, err := os.ReadFile("/proc/self/statm"); err == nil {
		fields := strings.Fields(string(pages))
		for index, name := range []string{"virtual", "resident"} {
			count, _ := strconv.ParseFloat(fields[index], 64)
			text.plain("process_"+name+"_memory_bytes", "gauge", count*float64(os.Getpagesize()))
		}
	}
	writeNetwork(text)
}

// writeNetwork puts the bytes of all interfaces on a page.
func writeNetwork(text *page) {
	table, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		return
	}
	var received, sent float64
	for _, line := range strings.Split(string(table), "\n") {
		_, numbers, found := strings.Cut(line, ":")
		if fields := strings.Fields(numbers); found && len(fields) > 8 {
			in, _ := strconv.ParseFloat(fields[0], 64)
			out, _ := strconv.ParseFloat(fields[8], 64)
			received, sent = received+in, sent+out
		}
	}
	text.plain("process_network_receive_bytes_total", "counter", received)
	text.plain("process_network_transmit_bytes_total", "counter", sent)
}
