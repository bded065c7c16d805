package main

import (
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// figure is one thing measured on one contender.
type figure struct {
	what  string
	value float64
	unit  string
	more  bool // more is better
	bar   *bar // nil: there is none
	note  string
}

type result struct {
	contender string
	figure
}

func (f *figure) text() string {
	switch {
	case f.unit == "/s" || f.unit == "":
		return thousands(f.value) + f.unit
	case f.value >= 100:
		return thousands(f.value) + " " + f.unit
	default:
		return fmt.Sprintf("%.3g %s", f.value, f.unit)
	}
}

// times is how many times better f is than the reference's figure.
func (f *figure) times(reference float64) string {
	a, b := reference, f.value
	if f.more {
		a, b = b, a
	}
	if a <= 0 || b <= 0 || f.unit == "" {
		return ""
	}
	return fmt.Sprintf("%.2gx", a/b)
}

// print writes the table: a row for each figure, a column for each contender, and how many times better than the reference ours is in this run.
func (b *bench) print(w io.Writer, results []result) {
	commit := "?"
	if out, err := exec.Command("git", "describe", "--always", "--dirty").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
	}
	cores := "nothing is kept to a core"
	if b.serverCore >= 0 {
		cores = fmt.Sprintf("servers on core %d, all else on core %d", b.serverCore, b.loadCore)
	}
	fmt.Fprintf(w, "\n%s; %s\n%s, %s, node %s, Trackgate %s, %s\n\n", machine(), cores, runtime.Version(), version("redis-server", "--version"), version("node", "--version"),
		commit, time.Now().UTC().Format("2006-01-02 15:04 MST"))
	var names, rows []string
	cells := make(map[[2]string]*figure)
	for i := range results {
		r := &results[i]
		if !slices.Contains(names, r.contender) {
			names = append(names, r.contender)
		}
		if !slices.Contains(rows, r.what) {
			rows = append(rows, r.what)
		}
		cells[[2]string{r.what, r.contender}] = &r.figure
	}
	head, rule := "| |", "|---|"
	for _, n := range names {
		head += " " + n + " |"
		rule += "--:|"
		if n != contenders[0].name {
			head += " times better |"
			rule += "--:|"
		}
	}
	fmt.Fprintln(w, head+" wanted | |")
	fmt.Fprintln(w, rule+"---|---|")
	var notes []string
	for _, row := range rows {
		line, wanted, verdict := "| "+row+" |", "", ""
		base := cells[[2]string{row, contenders[0].name}]
		for _, n := range names {
			f := cells[[2]string{row, n}]
			text, times := "", ""
			if f != nil {
				text = f.text()
				if n == ours {
					wanted, verdict = f.bar.text(f.unit), f.bar.verdict(f, base)
				}
				if note := strings.TrimSpace(f.note); note != "" {
					notes = append(notes, fmt.Sprintf("[%d] %s, %s: %s", len(notes)+1, row, n, note))
					text += fmt.Sprintf(" [%d]", len(notes))
				}
				if base != nil {
					times = f.times(base.value)
				}
			}
			line += " " + text + " |"
			if n != contenders[0].name {
				line += " " + times + " |"
			}
		}
		fmt.Fprintln(w, line+" "+wanted+" | "+verdict+" |")
	}
	if len(notes) > 0 {
		fmt.Fprintln(w)
		for _, n := range notes {
			fmt.Fprintln(w, n+"  ")
		}
	}
}

// thousands writes a number with its thousands apart.
func thousands(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
