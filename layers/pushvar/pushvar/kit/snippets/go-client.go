// The full core set of a Go service on /metrics, with the Prometheus client: go_*, process_*, and what its
// service level is measured by. pushvar fetches it with metrics_path: /metrics.
//
//	go get github.com/prometheus/client_golang@latest
package main

import (
	"log"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	registry := prometheus.NewRegistry() // one of our own: nothing registers itself behind our back
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), // needs /proc
	)
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "Requests answered.",
	}, []string{"code", "method"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Time from a request to its answer.",
		Buckets: []float64{0.01, 0.05, 0.1, 0.3, 0.5, 1, 2, 5}, // 0.1, 0.3 and 1 are what service levels promise
	}, []string{"method"})
	registry.MustRegister(requests, duration)

	orders := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	counted := promhttp.InstrumentHandlerCounter(requests, promhttp.InstrumentHandlerDuration(duration, orders))

	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	mux.Handle("/orders", counted)
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
