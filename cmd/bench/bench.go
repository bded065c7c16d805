//go:build linux

package main

import (
	"fmt"
	"io"
	"time"
)

// bench is one run of the program.
type bench struct {
	size
	trackgate string // the program that serve is measured of
	results   results
	log       io.Writer

	ackRate map[string]float64 // records a second that the gateway answers at most, by the shape of the run
	curves  curves
}

// size is how much is measured.
type size struct {
	full        bool
	seconds     float64 // of one run
	rounds      int     // of each run, in turns; the median counts
	connections []int
	flights     []int
	growth      []int // numbers of devices whose cost is compared with the middle one's
	idle        []int // connections that log in and say nothing
	rows        int   // that a store's limit is measured with
	journal     int64 // bytes of the journal that a start has to read
	decode      time.Duration

	fleets       []int         // devices that report as they do every day
	stormDevices int           // that come back all at once
	mute         int           // connections that say nothing
	firstByte    time.Duration // until they are closed
}

// short is a look within minutes, full the numbers to publish, smoke proof that everything runs.
var (
	shortSize = size{seconds: 1, rounds: 3, connections: []int{1000, 10_000}, flights: []int{1, 8, 64}, growth: []int{100, 1000, 10_000}, idle: []int{1000, 5000, 10_000},
		rows: 200_000, journal: 256 << 20, decode: 200 * time.Millisecond, fleets: []int{1000, 10_000}, stormDevices: 2000, mute: 9000, firstByte: 10 * time.Second}
	fullSize = size{full: true, seconds: 3, rounds: 5, connections: []int{1000, 10_000}, flights: []int{1, 8, 64}, growth: []int{100, 300, 1000, 10_000, 50_000, 100_000},
		idle: []int{1000, 10_000, 50_000}, rows: 2_000_000, journal: 4 << 30, decode: time.Second, fleets: []int{1000, 10_000, 50_000}, stormDevices: 20_000,
		mute: 50_001, firstByte: 30 * time.Second} // 50,000, and all three nodes get the same
	smokeSize = size{seconds: 0.05, rounds: 1, connections: []int{20}, flights: []int{1, 8}, growth: []int{20, 40}, idle: []int{20, 40}, rows: 2000, journal: 1 << 20,
		decode: time.Millisecond, fleets: []int{20}, stormDevices: 20, mute: 60, firstByte: time.Second}
)

// groups are the groups of rows, in the order in which they are measured.
var groups = []struct {
	letters string
	what    string
	measure func(b *bench) error
}{
	{"g", "decoders", (*bench).decoders},
	{"ai", "frames and their answers", (*bench).frames},
	{"b", "latency of durable answers", (*bench).latency},
	{"e", "idle connections", (*bench).idleConnections},
	{"dj", "records into SQLite", (*bench).sqlite},
	{"cj", "records into PostgreSQL", (*bench).postgres},
	{"f", "from device to dashboard", (*bench).live},
	{"h", "start with a full journal", (*bench).start},
	{"k", "durable answers every day", (*bench).everyday},
	{"l", "a fleet comes back all at once", (*bench).storm},
	{"m", "mute connections", (*bench).muteSockets},
}

// measure measures the groups that only names, or all.
func (b *bench) measure(only string) error {
	begun := time.Now()
	b.ackRate = make(map[string]float64)
	for _, g := range groups {
		if only != "" && !anyOf(only, g.letters) {
			continue
		}
		at := time.Now()
		fmt.Fprintf(b.log, "%s: %s\n", g.letters, g.what)
		before := len(b.results.Rows)
		if err := g.measure(b); err != nil {
			return fmt.Errorf("%s: %w", g.what, err)
		}
		fresh := results{Rows: b.results.Rows[before:]}
		fresh.print(b.log)
		fmt.Fprintf(b.log, "   in %s\n", short(time.Since(at)))
	}
	b.results.Took = time.Since(begun)
	return nil
}

func anyOf(only, letters string) bool {
	for _, l := range letters {
		for _, o := range only {
			if l == o {
				return true
			}
		}
	}
	return false
}
