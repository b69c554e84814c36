// Command gated is a service as a pipeline starts it: flags say how slowly it comes up and what it shows.
package main

import (
	"expvar"
	"flag"
	"fmt"
	"log"
	"net/http"
	"sync"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	after := flag.Duration("after", 0, "how long the start takes, before anything listens")
	warming := flag.Duration("warming", 0, "how long it answers 503, from its first request on")
	page := flag.Duration("page", 0, "how long a page takes")
	own := flag.Bool("own", false, "show numbers of its own as Prometheus text, and none of the runtime")
	flag.String("db-password", "", "what no command line should have")
	flag.Parse()

	time.Sleep(*after)
	var first sync.Once
	var ready time.Time
	handle := expvar.Handler()
	if *own {
		handle = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			fmt.Fprint(w, "# TYPE gated_jobs_total counter\ngated_jobs_total 3\n")
		})
	}
	http.HandleFunc("/vars", func(w http.ResponseWriter, r *http.Request) {
		first.Do(func() { ready = time.Now().Add(*warming) })
		if time.Now().Before(ready) {
			http.Error(w, "warming up", http.StatusServiceUnavailable)
			return
		}
		time.Sleep(*page)
		handle.ServeHTTP(w, r)
	})
	log.Fatal(http.ListenAndServe(*listen, nil))
}
