// Command shop is a service with a load of its own: requests, orders, payments and a database pool are
// simulated, its runtime and process are real. /debug/vars is expvar, /metrics the text of Prometheus, with
// the names of the official client, written by hand: this program has no module but the standard library.
package main

import (
	"encoding/json"
	"expvar"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	listen  = flag.String("listen", "127.0.0.1:0", "address")
	version = flag.String("version", "1.0.0", "the version that was deployed")
	errors  = flag.Float64("errors", 0.01, "share of requests that end with 500")
	refused = flag.Float64("refused", 0.05, "share of orders that fail")
	slow    = flag.Float64("slow", 0.1, "share of payments that take three seconds")
	pace    = flag.Duration("pace", 5*time.Millisecond, "time between requests")
	collect = flag.Duration("collect", 300*time.Millisecond, "time between forced collections")
)

// histogram has cumulative counts for its bounds.
type histogram struct {
	bounds []float64
	counts []uint64
	count  uint64
	sum    float64
}

func newHistogram(bounds ...float64) *histogram {
	return &histogram{bounds: bounds, counts: make([]uint64, len(bounds))}
}

func (h *histogram) observe(value float64) {
	for index, bound := range h.bounds {
		if value <= bound {
			h.counts[index]++
		}
	}
	h.count++
	h.sum += value
}

// shop is all that was counted.
type shop struct {
	sync.Mutex
	started  time.Time
	deployed float64
	requests map[[2]string]uint64
	orders   map[string]uint64
	latency  *histogram
	payments *histogram
	pool     map[string]float64
	garbage  [][]byte
}

func newShop() *shop {
	return &shop{
		started:  time.Now(),
		deployed: float64(time.Now().Unix()),
		requests: map[[2]string]uint64{},
		orders:   map[string]uint64{"done": 0, "failed": 0},
		latency:  newHistogram(0.01, 0.05, 0.1, 0.3, 0.5, 1, 2, 5),
		payments: newHistogram(0.1, 0.5, 1, 2, 5, 10),
		pool: map[string]float64{
			"MaxOpenConnections": 20, "OpenConnections": 12, "InUse": 9, "Idle": 3, "WaitCount": 0,
			"WaitDuration": 0, "MaxIdleClosed": 0, "MaxIdleTimeClosed": 0, "MaxLifetimeClosed": 0,
		},
	}
}

// serve does one request's worth of work.
func (s *shop) serve() {
	s.Lock()
	defer s.Unlock()
	code, handler := "200", "/items"
	switch chance := rand.Float64(); {
	case chance < *errors:
		code = "500"
	case chance < *errors+0.02:
		code = "499"
	case chance < *errors+0.05:
		code = "404"
	}
	if rand.Intn(4) == 0 {
		handler = "/orders"
		s.order()
	}
	s.requests[[2]string{code, handler}]++
	s.latency.observe(rand.ExpFloat64() * 0.08)
	s.pool["WaitCount"]++
	s.pool["WaitDuration"] += float64(2 * time.Millisecond)
	s.pool["MaxIdleClosed"]++
	s.pool["InUse"] = float64(5 + rand.Intn(10))
	s.garbage = append(s.garbage, make([]byte, 4096))
	if len(s.garbage) > 500 {
		s.garbage = nil
	}
}

func (s *shop) order() {
	if rand.Float64() < *refused {
		s.orders["failed"]++
		return
	}
	s.orders["done"]++
	if rand.Float64() < *slow {
		s.payments.observe(3)
	} else {
		s.payments.observe(rand.Float64())
	}
}

// publish makes the variables beside memstats and cmdline.
func (s *shop) publish() {
	expvar.Publish("goroutines", expvar.Func(func() any { return runtime.NumGoroutine() }))
	expvar.Publish("db", expvar.Func(func() any {
		s.Lock()
		defer s.Unlock()
		copied := map[string]float64{}
		for key, value := range s.pool {
			copied[key] = value
		}
		return copied
	}))
	expvar.Publish("release", expvar.Func(func() any { return "a text without a rule" }))
	expvar.Publish("broken", nan{})
}

// nan is a variable that prints what is no JSON.
type nan struct{}

func (nan) String() string { return "NaN" }

func main() {
	flag.Parse()
	s := newShop()
	s.publish()
	go every(*pace, s.serve)
	go every(*collect, runtime.GC)
	http.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		text := &page{}
		s.write(text)
		writeRuntime(text)
		writeProcess(text, s.started)
		_, _ = io.WriteString(w, text.String())
	})
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on http://" + listener.Addr().String())
	log.Fatal(http.Serve(listener, nil))
}

func every(pause time.Duration, do func()) {
	for range time.Tick(pause) {
		do()
	}
}

// write puts what was counted on a page.
func (s *shop) write(text *page) {
	s.Lock()
	defer s.Unlock()
	text.family("http_requests_total", "counter")
	for key, count := range s.requests {
		text.sample("http_requests_total", float64(count), "code", key[0], "handler", key[1])
	}
	text.histogram("http_request_duration_seconds", s.latency)
	text.family("app_orders_total", "counter")
	for result, count := range s.orders {
		text.sample("app_orders_total", float64(count), "result", result)
	}
	text.histogram("app_payment_duration_seconds", s.payments)
	text.family("deploy_timestamp_seconds", "gauge")
	text.sample("deploy_timestamp_seconds", s.deployed, "version", *version)
	text.family("shop_labels_total", "counter")
	text.sample("shop_labels_total", 1, "job", "its own")
	text.family("shop_sessions_total", "counter")
	text.sample("shop_sessions_total", 1, "session", "3f2a")
}

// page is the text of Prometheus.
type page struct{ strings.Builder }

func (p *page) family(name, kind string) { fmt.Fprintf(p, "# TYPE %s %s\n", name, kind) }

func (p *page) plain(name, kind string, value float64) {
	p.family(name, kind)
	p.sample(name, value)
}

func (p *page) sample(name string, value float64, labels ...string) {
	pairs := make([]string, 0, len(labels)/2)
	for index := 0; index < len(labels); index += 2 {
		quoted, _ := json.Marshal(labels[index+1])
		pairs = append(pairs, labels[index]+"="+string(quoted))
	}
	fmt.Fprintf(p, "%s{%s} %s\n", name, strings.Join(pairs, ","), number(value))
}

func (p *page) histogram(name string, h *histogram) {
	p.family(name, "histogram")
	for index, bound := range h.bounds {
		p.sample(name+"_bucket", float64(h.counts[index]), "le", number(bound))
	}
	p.sample(name+"_bucket", float64(h.count), "le", "+Inf")
	p.sample(name+"_sum", h.sum)
	p.sample(name+"_count", float64(h.count))
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }
