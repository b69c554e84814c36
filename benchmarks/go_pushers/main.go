// Command pushers stands for many batch jobs that push at once to a Pushgateway's API, each over a
// connection of its own that is kept alive.
//
// With -groups it fills a store: that many groups, once each. Without, pusher k replaces its own group
// again and again until the time is over; each push carries its number, so that what is stored in the end
// tells which one came last. One JSON object on standard output says how it went.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

const patience = 10 * time.Minute

type report struct {
	Pushes   int     `json:"pushes"`
	Failed   int     `json:"failed"`
	Failure  string  `json:"failure"`
	WallS    float64 `json:"wall_s"`
	CPUS     float64 `json:"cpu_s"`
	MedianMS float64 `json:"median_ms"`
	P99MS    float64 `json:"p99_ms"`
	Last     []int   `json:"last"` // of each pusher: the number of its last push
}

type pusher struct {
	client  *http.Client
	url     string
	series  int
	latency []time.Duration
	failed  int
	failure string
	last    int
}

func main() {
	url := flag.String("url", "", "scheme, host and port")
	job := flag.String("job", "load", "value of the label job")
	pushers := flag.Int("pushers", 200, "how many push at once")
	series := flag.Int("series", 20, "series of each push")
	groups := flag.Int("groups", 0, "fill: this many groups, once each")
	seconds := flag.Float64("seconds", 1, "load: for this long, and one push each at least")
	first := flag.Int("first", 1, "load: number of the first push")
	flag.Parse()

	all := make([]*pusher, *pushers)
	for k := range all {
		transport := &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true}
		all[k] = &pusher{
			client: &http.Client{Transport: transport, Timeout: patience},
			url:    *url + "/metrics/job/" + *job + "/instance/",
			series: *series,
		}
	}
	began := time.Now()
	deadline := began.Add(time.Duration(*seconds * float64(time.Second)))
	var done sync.WaitGroup
	for k, each := range all {
		done.Add(1)
		go func(k int, each *pusher) {
			defer done.Done()
			if *groups > 0 {
				for group := k; group < *groups; group += *pushers {
					each.push(group, group)
				}
				return
			}
			for number := *first; number == *first || time.Now().Before(deadline); number++ {
				each.push(k, number)
				each.last = number
			}
		}(k, each)
	}
	done.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(sum(all, time.Since(began))); err != nil {
		log.Fatal(err)
	}
}

func (p *pusher) push(group, number int) {
	body := page(p.series, number)
	began := time.Now()
	failure := p.send(fmt.Sprintf("%s%d", p.url, group), body)
	p.latency = append(p.latency, time.Since(began))
	if failure != "" {
		p.failed++
		p.failure = failure
	}
}

func (p *pusher) send(url string, body []byte) string {
	request, err := http.NewRequest(http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Content-Type", "text/plain; version=0.0.4")
	answer, err := p.client.Do(request)
	if err != nil {
		return err.Error()
	}
	said, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return err.Error()
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusAccepted {
		return fmt.Sprintf("HTTP %d: %.200s", answer.StatusCode, said)
	}
	return ""
}

// page has one family for each series, as a batch job has; the first one is the push's number.
func page(series, number int) []byte {
	var text strings.Builder
	for n := 0; n < series; n++ {
		name := fmt.Sprintf("batch_load_figure_%02d", n)
		fmt.Fprintf(&text, "# HELP %s A figure of a batch job.\n# TYPE %s gauge\n%s %d\n", name, name, name, number+n)
	}
	return []byte(text.String())
}

func sum(all []*pusher, wall time.Duration) report {
	found := report{WallS: wall.Seconds(), CPUS: cpu()}
	var latency []time.Duration
	for _, each := range all {
		latency = append(latency, each.latency...)
		found.Failed += each.failed
		if each.failure != "" {
			found.Failure = each.failure
		}
		found.Last = append(found.Last, each.last)
	}
	sort.Slice(latency, func(a, b int) bool { return latency[a] < latency[b] })
	found.Pushes = len(latency)
	found.MedianMS = ms(latency[len(latency)/2])
	found.P99MS = ms(latency[len(latency)*99/100])
	return found
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}
