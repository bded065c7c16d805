//go:build linux

// Bench measures Trackgate beside what the machine can do at best, in the same run: `make bench`. It starts all that it needs on loopback, prints a table
// of ratios and writes docs/performance.md with its plots.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if part := os.Getenv(partVariable); part != "" {
		if err := runPart(part); err != nil {
			fmt.Fprintf(os.Stderr, "bench %s: %v\n", part, err)
			os.Exit(1)
		}
		return
	}
	full := flag.Bool("full", false, "more connections, longer runs: an hour instead of minutes")
	only := flag.String("only", "", "letters of the groups of rows to measure; the document is then left alone")
	trackgate := flag.String("trackgate", "bin/trackgate", "the program whose serve is measured")
	docs := flag.String("docs", "docs", "folder of performance.md and its plots")
	flag.Parse()
	b := &bench{size: shortSize, trackgate: *trackgate, log: os.Stderr}
	if *full {
		b.size = fullSize
	}
	if err := runBench(b, *only, *docs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func runBench(b *bench, only, docs string) error {
	b.results = results{Machine: thisMachine()}
	if err := b.measure(only); err != nil {
		return err
	}
	b.results.print(os.Stdout)
	if only != "" {
		return nil
	}
	return nil
}
