package main

import (
	"expvar"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"
)

// pasted is a Var that expvar copies into the document as it is.
type pasted func() string

func (p pasted) String() string { return p() }

// faults are the ways in which real programs make /debug/vars something else than JSON.
var faults = map[string]func(){
	// expvar.Float prints what strconv prints, and JSON has no word for these.
	"nan": func() { expvar.NewFloat("hit_ratio").Set(math.NaN()) },
	"inf": func() {
		expvar.NewFloat("slack_seconds").Set(math.Inf(1))
		expvar.NewFloat("drift_seconds").Set(math.Inf(-1))
	},
	// json.Marshal refuses the value and expvar drops the error: nothing stands after the colon.
	"funcnan": func() { expvar.Publish("load", expvar.Func(func() any { return math.NaN() })) },
	// Go up to 1.20, and every handler copied from it, quotes keys with %q.
	"ctrlkey": func() {
		expvar.Publish("sessions", pasted(func() string {
			return fmt.Sprintf("{%q: %d, %q: %d, %q: %d}", "alice\x00\x1b", 3, "b\aob", 1, "caf\xe9", 2)
		}))
	},
	// A type that has a String method is a Var, whatever the method prints.
	"baretext": func() {
		started := time.Now()
		expvar.Publish("started", pasted(func() string { return started.String() }))
	},
	// A Map may hold a nil Var: legal JSON, and no number.
	"nilmap": func() { expvar.NewMap("workers").Set("idle", nil) },
}

func faultNames() string {
	names := make([]string, 0, len(faults))
	for name := range faults {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

func publishFaults(list string) error {
	for _, name := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		publishFault, known := faults[name]
		if !known {
			return fmt.Errorf("unknown -fault %q; known are: %s", name, faultNames())
		}
		publishFault()
		delete(faults, name) // naming it twice is no reason to publish it twice
	}
	return nil
}
