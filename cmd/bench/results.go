//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// results are everything that one run of the program found out.
type results struct {
	Machine machine
	Full    bool
	Took    time.Duration
	Rows    []row
	Plots   []plot
}

// row is one line of the table: what Trackgate does beside what the machine can do.
type row struct {
	Group  string // a to m, as in the document
	What   string
	Limit  string // as measured
	Ours   string
	Ratio  float64 // 0: there is none
	Wanted string  // of the ratio, or of the figure; empty: it is only reported
	Met    bool    // meaningful with Wanted
	Note   string
}

func (r *results) add(w row) { r.Rows = append(r.Rows, w) }

// atLeast and atMost judge a ratio.
func atLeast(ratio, want float64) (string, bool) { return fmt.Sprintf("≥ %g", want), ratio >= want }
func atMost(ratio, want float64) (string, bool)  { return fmt.Sprintf("≤ %g", want), ratio <= want }

// ratioText is a ratio with two digits, or a dash.
func (w *row) ratioText() string {
	if w.Ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", w.Ratio)
}

func (w *row) verdict() string {
	switch {
	case w.Wanted == "":
		return ""
	case w.Met:
		return w.Wanted + " met"
	}
	return w.Wanted + " MISSED"
}

// print writes the table for a terminal.
func (r *results) print(out io.Writer) {
	for _, w := range r.Rows {
		fmt.Fprintf(out, "%s  %-58s %16s %16s  %5s  %-16s %s\n", w.Group, w.What, w.Limit, w.Ours, w.ratioText(), w.verdict(), w.Note)
	}
}

// perSecond writes a rate with three digits.
func perSecond(v float64) string { return count(v) + "/s" }

func count(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2f M", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.1f k", v/1e3)
	}
	return fmt.Sprintf("%.0f", v)
}

// short writes a duration with three digits.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	case d >= time.Microsecond:
		return fmt.Sprintf("%.1f µs", d.Seconds()*1e6)
	}
	return fmt.Sprintf("%d ns", d.Nanoseconds())
}

func connectionsText(n int) string {
	if n%1000 == 0 {
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}

func title(protocol string) string {
	return map[string]string{"gt06": "GT06", "teltonika": "Teltonika"}[protocol]
}

func shorten(s string, n int) string {
	if len(s) > n {
		return strings.TrimSpace(s[:n])
	}
	return s
}
