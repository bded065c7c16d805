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
	full := flag.Bool("full", false, "more connections and longer runs: an hour instead of minutes")
	only := flag.String("only", "", "letters of the groups of rows to measure; performance.md is then left alone")
	trackgate := flag.String("trackgate", "bin/trackgate", "the program whose serve is measured")
	docs := flag.String("docs", "docs", "folder of performance.md and its plots")
	kept := flag.String("results", "bin/bench.json", "file that keeps the results")
	again := flag.Bool("again", false, "write the document from the results kept, without measuring")
	profiles := flag.String("profile", "", "folder for processor profiles of the servers")
	flag.Parse()
	if *profiles != "" {
		os.Setenv(profileVariable, *profiles) // the parts inherit it
	}
	b := &bench{size: shortSize, trackgate: *trackgate, log: os.Stderr}
	if *full {
		b.size = fullSize
	}
	if err := b.run(*only, *docs, *kept, *again); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures and writes the document.
func (b *bench) run(only, docs, kept string, again bool) error {
	if again {
		if err := b.results.load(kept); err != nil {
			return err
		}
		return b.results.write(docs)
	}
	b.results = results{Machine: thisMachine(), Full: b.full}
	if err := b.measure(only); err != nil {
		return err
	}
	b.results.Plots = b.curves.plots()
	b.results.print(os.Stdout)
	if b.full {
		if err := b.results.writeReliability(docs); err != nil {
			return err
		}
	}
	if only != "" {
		return nil
	}
	if err := b.results.save(kept); err != nil {
		return err
	}
	return b.results.write(docs)
}
