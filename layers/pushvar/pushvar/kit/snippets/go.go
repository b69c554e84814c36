// Runtime metrics of a Go service on /debug/vars, with the standard library alone: pushvar makes go_memstats_*,
// go_gc_duration_seconds and go_goroutines of it. Serve it on a port that only the inside can reach: the page
// also shows the command line. For the full set, process_* included, see: pushvar kit snippet go-client
package main

import (
	"expvar" // importing it publishes memstats and cmdline
	"log"
	"net/http"
	"runtime"
	"time"
)

// Counters that end in _total are counters to pushvar as well; a map gives a series for each key.
var (
	ordersTotal = expvar.NewInt("orders_total")
	requests    = expvar.NewMap("http_requests_total")
)

func main() {
	expvar.Publish("goroutines", expvar.Func(func() any { return runtime.NumGoroutine() }))

	inside := http.NewServeMux()
	inside.Handle("/debug/vars", expvar.Handler())
	server := &http.Server{Addr: ":6060", Handler: inside, ReadHeaderTimeout: 5 * time.Second}
	go func() { log.Fatal(server.ListenAndServe()) }()

	serve() // the service itself
}

func serve() {
	requests.Add("GET /orders", 1)
	ordersTotal.Add(1)
	select {}
}
