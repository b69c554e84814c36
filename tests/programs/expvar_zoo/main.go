// Expvar_zoo publishes, with fixed numbers, what programs known for their expvar publish, each under a path of
// its own: /<family>/debug/vars. Quoting, order and number formats are those of Go's expvar and encoding/json.
package main

import (
	"encoding/json"
	"expvar"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"runtime/metrics"
)

// families maps a family's name to what publishes its variables.
var families = map[string]func(*expvar.Map){
	"badger":              badger,
	"badger_v2":           badgerV2,
	"beats":               beatsFlat,
	"beats_stats":         beatsNested,
	"carbon_relay_ng":     carbonRelay,
	"datadog_agent":       datadogAgent,
	"datadog_trace_agent": traceAgent,
	"derp":                derp,
	"etcd":                etcd,
	"go_default":          goDefault,
	"go_kit":              goKit,
	"go_metrics":          goMetrics,
	"influxdb":            influxdb,
	"influxdb_enterprise": influxdbEnterprise,
	"jaeger":              jaeger,
	"kapacitor":           kapacitor,
	"mtail":               mtail,
	"prometheus_keys":     prometheusKeys,
	"rqlite":              rqlite,
	"runtime_metrics":     runtimeMetrics,
	"sql_db_stats":        sqlDBStats,
	"sync_gateway":        syncGateway,
	"tailscale":           tailscale,
	"tinode":              tinode,
	"vitess":              vitess,
	"vitess_cumulative":   vitessCumulative,
	"xray":                xray,
	"zserge_metric":       zsergeMetric,
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where to listen")
	flag.Parse()
	for name, publish := range families {
		vars := new(expvar.Map).Init()
		publish(vars)
		http.HandleFunc("/"+name+"/debug/vars", handler(vars))
	}
	http.HandleFunc("/runtime_metrics_that_grow", whatGrows)
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

// whatGrows says of every number of runtime/metrics, as this Go has them, whether it is cumulative.
func whatGrows(w http.ResponseWriter, _ *http.Request) {
	grows := map[string]bool{}
	for _, one := range metrics.All() {
		if one.Kind != metrics.KindFloat64Histogram {
			grows[one.Name] = one.Cumulative
		}
	}
	if err := json.NewEncoder(w).Encode(grows); err != nil {
		log.Print(err)
	}
}

// handler prints the variables of a map as expvar.Handler prints the global ones: one line each, sorted by key.
func handler(vars *expvar.Map) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		separator := "{\n"
		vars.Do(func(each expvar.KeyValue) {
			fmt.Fprintf(w, "%s%q: %s", separator, each.Key, each.Value)
			separator = ",\n"
		})
		fmt.Fprint(w, "\n}\n")
	}
}

// object is a JSON object whose keys encoding/json sorts.
type object = map[string]any

// integers adds expvar.Ints to a map.
func integers(to *expvar.Map, values map[string]int64) {
	for key, value := range values {
		to.Add(key, value)
	}
}

// floats adds expvar.Floats to a map.
func floats(to *expvar.Map, values map[string]float64) {
	for key, value := range values {
		to.AddFloat(key, value)
	}
}

// child adds a map of integers to a map, and gives it.
func child(to *expvar.Map, key string, values map[string]int64) *expvar.Map {
	inner := new(expvar.Map).Init()
	integers(inner, values)
	to.Set(key, inner)
	return inner
}

// value adds anything that encoding/json can print, as an expvar.Func.
func value(to *expvar.Map, key string, what any) {
	to.Set(key, expvar.Func(func() any { return what }))
}

// text adds an expvar.String.
func text(to *expvar.Map, key, what string) {
	inner := new(expvar.String)
	inner.Set(what)
	to.Set(key, inner)
}
