// Command orders is an order service that publishes its numbers the way many Go teams do: as
// expvar on /debug/vars, next to the memstats that the package brings along.
//
// Traffic is simulated. It costs next to no CPU, and leaves enough garbage for about one
// collection a second, so that every runtime metric moves.
package main

import (
	"context"
	"errors"
	"expvar"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	tick        = 50 * time.Millisecond
	tickGarbage = 192 << 10 // bytes; 20 ticks a second fill the smallest heap (4 MiB) about once a second
)

// What the service counts. The names are those a team would pick without a thought for Prometheus.
var (
	ordersPlaced = expvar.NewInt("orders_placed_total")
	requests     = expvar.NewMap("http_requests") // route -> requests
	byStatus     = expvar.NewMap("orders")        // payment method -> status -> orders
	queueDepth   = expvar.NewFloat("queue_depth")
	revenue      = expvar.NewFloat("revenue_eur_total")
	version      = expvar.NewString("version")
	checkout     latency
)

// latency sums up how long checkouts took. It is published as one object.
type latency struct {
	mu    sync.Mutex
	stats latencyStats
}

type latencyStats struct {
	Count int64   `json:"count"`
	SumMs float64 `json:"sum_ms"`
	MaxMs float64 `json:"max_ms"`
}

func (l *latency) observe(ms float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Count++
	l.stats.SumMs += ms
	if ms > l.stats.MaxMs {
		l.stats.MaxMs = ms
	}
}

func (l *latency) snapshot() any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

func publish() {
	version.Set("1.4.2")
	expvar.Publish("goroutines", expvar.Func(func() any { return runtime.NumGoroutine() }))
	expvar.Publish("checkout_latency", expvar.Func(checkout.snapshot))
	for _, route := range []string{"GET /orders", "POST /orders", "GET /orders/{id}"} {
		requests.Add(route, 0)
	}
	for _, method := range []string{"card", "invoice"} {
		statuses := new(expvar.Map).Init()
		for _, status := range []string{"placed", "paid", "shipped", "cancelled"} {
			statuses.Add(status, 0)
		}
		byStatus.Set(method, statuses)
	}
}

// place books one order.
func place(method string, eur float64) {
	ordersPlaced.Add(1)
	revenue.Add(eur)
	statuses := byStatus.Get(method).(*expvar.Map)
	statuses.Add("placed", 1)
	switch roll := rand.Intn(100); {
	case roll < 70:
		statuses.Add("paid", 1)
		statuses.Add("shipped", 1)
	case roll < 90:
		statuses.Add("paid", 1)
	case roll < 95:
		statuses.Add("cancelled", 1)
	}
	checkout.observe(5 + rand.ExpFloat64()*20)
}

// simulate is a small steady stream of customers, until the context ends.
func simulate(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var basket []byte // what a request leaves behind for the collector
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		basket = make([]byte, tickGarbage)
		basket[rand.Intn(len(basket))] = 1
		requests.Add("GET /orders", 2)
		requests.Add("GET /orders/{id}", 1)
		queueDepth.Set(float64(rand.Intn(12)))
		if rand.Intn(4) == 0 {
			requests.Add("POST /orders", 1)
			place([]string{"card", "invoice"}[rand.Intn(2)], float64(500+rand.Intn(9500))/100)
		}
	}
}

func list(w http.ResponseWriter, _ *http.Request) {
	requests.Add("GET /orders", 1)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%d orders placed\n", ordersPlaced.Value())
}

// serve answers until the context ends, then lets running requests finish.
func serve(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("/debug/vars", expvar.Handler())
	mux.HandleFunc("/orders", list)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	fault := flag.String("fault", "", "publish values that are no JSON, comma separated: "+faultNames())
	quiet := flag.Bool("quiet", false, "no simulated traffic: two fetches are nearly equal")
	flag.Parse()
	publish()
	if err := publishFaults(*fault); err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatalf("orders: %v; another -listen address may be free", err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !*quiet {
		go simulate(ctx)
	}
	if err := serve(ctx, listener); err != nil {
		log.Fatalf("orders: %v", err)
	}
}
