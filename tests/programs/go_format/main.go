// Command go_format says whether Go files parse and are formatted as gofmt would: one line for each that is not.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
)

func main() {
	for _, path := range os.Args[1:] {
		source, err := os.ReadFile(path)
		if err == nil {
			var formatted []byte
			formatted, err = format.Source(source)
			if err == nil && !bytes.Equal(source, formatted) {
				err = fmt.Errorf("is not formatted")
			}
		}
		if err != nil {
			fmt.Println(path, err)
		}
	}
}
