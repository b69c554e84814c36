// Records what Go's official client sends to a Pushgateway, byte by byte: requests.json was made by this
// program, with client_golang v1.25.0 and Go 1.26. To make it again, outside of this repository:
//
//	go mod init record && go get github.com/prometheus/client_golang@latest && go run . > requests.json
package main

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	"github.com/prometheus/common/expfmt"
)

const shown = "127.0.0.1:9091"

type exchange struct {
	Name   string `json:"name"`
	Status int    `json:"status"` // what the client takes as success
	Sent   []byte `json:"sent"`
}

// tap keeps what a connection reads.
type tap struct {
	net.Conn
	read *[]byte
}

func (t tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	*t.read = append(*t.read, p[:n]...)
	return n, err
}

type tapped struct {
	net.Listener
	read *[]byte
}

func (l tapped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tap{conn, l.read}, nil
}

// backup has a metric of each type, with what is hard to escape.
func backup() prometheus.Gatherer {
	ended := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "backup_last_completion_timestamp_seconds", Help: "When the last backup ended.",
	})
	ended.Set(1763650800.25)
	rows := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "backup_rows_total", Help: "Rows, by \"table\".\nAll of them.",
	}, []string{"table"})
	rows.WithLabelValues("a\\b\"c\nd").Add(3)
	rows.WithLabelValues("plain").Add(12345678901)
	stages := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "backup_stage_seconds", Help: "Time of a stage.", Buckets: []float64{0.5, 1, 2.5},
	})
	for _, took := range []float64{0.25, 0.75, 3} {
		stages.Observe(took)
	}
	files := prometheus.NewSummary(prometheus.SummaryOpts{
		Name: "backup_file_bytes", Help: "Size of a file.", Objectives: map[float64]float64{0.5: 0.05},
	})
	for _, size := range []float64{10, 20, 30} {
		files.Observe(size)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(ended, rows, stages, files)
	return registry
}

func pusher(url, job string) *push.Pusher {
	return push.New(url, job).Gatherer(backup())
}

func grouped(url string) *push.Pusher {
	return pusher(url, "db/backup").Grouping("instance", "").Grouping("path", "/var/lib x")
}

// sent gives what the client writes while it pushes to a server that answers with the status.
func sent(status int, pushTo func(url string) error) []byte {
	var read []byte
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
	})}
	go server.Serve(tapped{listener, &read})
	address := listener.Addr().String()
	if err := pushTo("http://" + address + "/"); err != nil {
		log.Fatal(err)
	}
	server.Close()
	return []byte(strings.ReplaceAll(string(read), address, shown))
}

func main() {
	text := expfmt.NewFormat(expfmt.TypeTextPlain)
	all := []exchange{
		{"push", 200, sent(200, func(url string) error { return pusher(url, "db_backup").Push() })},
		{"add_text", 200, sent(200, func(url string) error { return pusher(url, "db_backup").Format(text).Add() })},
		{"push_grouped", 200, sent(200, func(url string) error { return grouped(url).Push() })},
		{"push_basic_auth", 200, sent(200, func(url string) error {
			return pusher(url, "db_backup").BasicAuth("acme", "s3cret").Push()
		})},
		{"delete", 202, sent(202, func(url string) error { return pusher(url, "db_backup").Delete() })},
		{"delete_grouped", 202, sent(202, func(url string) error { return grouped(url).Delete() })},
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(all); err != nil {
		log.Fatal(err)
	}
}
