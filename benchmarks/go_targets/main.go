// Command targets stands for hundreds of Go programs with expvar: one net/http server for each port,
// whose answers have the head and the chunks that expvar's own handler gives.
//
// With -pages they serve the same numbers as Prometheus text on /metrics. The documents come from a file, so that what clients read can be compared; they take turns:
// target t shows number (t*step + generation) of them, and PUT /generation/<n> sets the generation.
// The program ends when its standard input does.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

var generation atomic.Int64

func main() {
	path := flag.String("documents", "", "file with the documents, a zero byte after each")
	texts := flag.String("pages", "", "file with the pages of text, a zero byte after each; none by default")
	count := flag.Int("count", 1, "number of targets")
	step := flag.Int("step", 1, "how far apart in the file two neighbours read")
	flag.Parse()

	documents := read(*path)
	var pages [][]byte
	if *texts != "" {
		pages = read(*texts)
	}
	ports := make([]string, 0, *count)
	for target := 0; target < *count; target++ {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		ports = append(ports, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
		go serve(listener, handler(documents, pages, target**step))
	}
	fmt.Println(strings.Join(ports, " "))
	io.Copy(io.Discard, os.Stdin)
}

func read(path string) [][]byte {
	content, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(content, []byte{0}), []byte{0})
}

func serve(listener net.Listener, handler http.Handler) {
	log.Fatal(http.Serve(listener, handler))
}

func handler(documents, pages [][]byte, first int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/vars", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Write(documents[(first+int(generation.Load()))%len(documents)])
	})
	if len(pages) > 0 {
		mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			w.Write(pages[(first+int(generation.Load()))%len(pages)])
		})
	}
	mux.HandleFunc("/generation/", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, "/generation/"), 10, 64)
		if err != nil || r.Method != http.MethodPut {
			http.Error(w, "PUT /generation/<number>", http.StatusBadRequest)
			return
		}
		generation.Store(number)
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}
