// Command bench measures the fanout tier against the system that the founding document describes, in one run on one machine: the servers take turns on
// one core, Redis and the load have another. `make bench-fanout` runs it; docs/performance-fanout.md explains the figures.
//
//	publisher ─▶ Redis ─▶ server under test ─▶ clients        latency: from the PUBLISH to the client's read
//	└────── load core ──┘ └── server core ──┘ └ load core ┘
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// bench is one run.
type bench struct {
	sizes
	only      []string // scenarios; empty: all
	servers   []string // contenders; empty: all
	trackgate string   // the program
	reference string   // the folder of the other

	began      time.Time
	dir        string
	redis      *process
	mu         sync.Mutex
	started    []*process // of the present scenario
	serverCore int        // -1: not pinned
	loadCore   int
}

// sizes of the scenarios.
type sizes struct {
	clients       int // of A and C
	vehiclesA     int
	rateA         float64 // events a second
	dashboards    int
	perDashboard  int
	rateB         float64
	rateC         float64
	fleetClients  int
	fleetVehicles int
	good          int // clients beside the stalled one
	held          int // connections of hold
	devices       int // of live
	rateLive      float64
	step          time.Duration
	settle        time.Duration
	sweep         bool
}

// groups is how many different sets of vehicles the dashboards follow.
const groups = 10

func full() sizes {
	return sizes{clients: 10_000, vehiclesA: 1000, rateA: 1000, dashboards: 1000, perDashboard: 500, rateB: 500, rateC: 10,
		fleetClients: 1000, fleetVehicles: 10_000, good: 500, held: 50_000, devices: 1000, rateLive: 2000, step: 4 * time.Second, settle: 4 * time.Second, sweep: true}
}

func small() sizes {
	return sizes{clients: 60, vehiclesA: 6, rateA: 100, dashboards: 20, perDashboard: 10, rateB: 100, rateC: 10,
		fleetClients: 10, fleetVehicles: 50, good: 10, held: 100, devices: 20, rateLive: 200, step: 300 * time.Millisecond, settle: 50 * time.Millisecond}
}

func main() {
	b := &bench{sizes: full()}
	short := flag.Bool("short", false, "small counts, to see that all of it works")
	only := flag.String("only", "", "scenarios, comma separated: "+strings.Join(scenarioNames(), ", ")+" (default all)")
	servers := flag.String("servers", "", "contenders, comma separated: reference, trackgate, socketio (default all)")
	flag.IntVar(&b.clients, "clients", b.clients, "clients of A and C")
	flag.IntVar(&b.dashboards, "dashboards", b.dashboards, "clients of B")
	flag.IntVar(&b.perDashboard, "per-dashboard", b.perDashboard, "vehicles that each of them follows")
	flag.IntVar(&b.fleetClients, "fleet-clients", b.fleetClients, "clients that follow everything")
	flag.IntVar(&b.fleetVehicles, "fleet-vehicles", b.fleetVehicles, "vehicles that they see")
	flag.DurationVar(&b.step, "step", b.step, "time of each measurement")
	flag.DurationVar(&b.settle, "settle", b.settle, "time before memory is looked at")
	flag.BoolVar(&b.sweep, "sweep", b.sweep, "also search for the highest rate that each server bears")
	pin := flag.Bool("pin", runtime.NumCPU() > 1 || os.Getenv(pinned) != "", "keep the servers to one core and the load to another")
	flag.StringVar(&b.trackgate, "trackgate", "bin/trackgate", "the program to measure")
	flag.StringVar(&b.reference, "reference", "fanout/bench/reference", "folder of the reference")
	flag.IntVar(&b.held, "held", b.held, "connections of hold")
	write := flag.String("write", "", "put the figures into this document, in the place of those of the last time; of a whole run only")
	hold := flag.String("hold", "", "only hold connections to this address, for the program itself")
	flag.Parse()
	if *hold != "" {
		fail(holdConnections(*hold, os.Stdin, os.Stdout))
		return
	}
	if *short {
		b.sizes = small()
	}
	if *write != "" && (*short || *only != "" || *servers != "") {
		fail(errors.New("-write is for a whole run"))
	}
	b.only, b.servers = list(*only), list(*servers)
	b.serverCore, b.loadCore = -1, -1
	if *pin {
		b.serverCore, b.loadCore = 0, 1
		pinSelf(b.loadCore)
	}
	results, err := b.run()
	if len(results) > 0 {
		var table bytes.Buffer
		b.print(&table, results)
		os.Stdout.Write(table.Bytes())
		if *write != "" && err == nil {
			err = document(*write, table.Bytes())
		}
	}
	fail(err)
}

// fail ends the program if there is something to say.
func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func list(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
}

// pinned says, in the environment, that the process already runs where it belongs.
const pinned = "BENCH_FANOUT_PINNED"

// pinSelf starts the program again on one core: the affinity of a running Go program can not be set for all of its threads.
func pinSelf(core int) {
	if os.Getenv(pinned) != "" {
		return
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		fmt.Fprintln(os.Stderr, "without taskset (of util-linux) nothing can be pinned; run with -pin=false")
		os.Exit(1)
	}
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(taskset, append([]string{taskset, "-c", fmt.Sprint(core), self}, os.Args[1:]...), append(os.Environ(), pinned+"=1"))
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// run measures each scenario on each contender, one after the other, and stops what it started.
func (b *bench) run() ([]result, error) {
	if err := b.ensure(); err != nil {
		return nil, err
	}
	moreFiles()
	b.began = time.Now()
	var err error
	if b.dir, err = os.MkdirTemp("", "trackgate-bench-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(b.dir)
	if b.redis, err = b.startRedis(); err != nil {
		return nil, err
	}
	defer b.redis.stop()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	var results []result
	var failed []error
	for _, s := range scenarios {
		if len(b.only) > 0 && !slices.Contains(b.only, s.name) {
			continue
		}
		for i := range contenders {
			c := &contenders[i]
			if !b.wants(c) || s.on != bothSides && i != 1 {
				continue
			}
			select {
			case <-interrupted:
				return results, errors.New("interrupted")
			default:
			}
			fmt.Fprintf(os.Stderr, "%4.0f s  %s: %s ...\n", time.Since(b.began).Seconds(), s.name, c.name)
			figures, err := b.within(&s, c)
			if err != nil { // the others are measured all the same
				failed = append(failed, fmt.Errorf("%s: %s: %w", s.name, c.name, err))
				fmt.Fprintln(os.Stderr, failed[len(failed)-1])
			}
			if errors.Is(err, errStuck) {
				return results, errors.Join(failed...)
			}
			for _, f := range figures {
				fmt.Fprintf(os.Stderr, "    %s: %s %s\n", f.what, f.text(), f.note)
				results = append(results, result{c.name, f})
			}
		}
	}
	fmt.Fprintf(os.Stderr, "%4.0f s in all\n", time.Since(b.began).Seconds())
	return results, errors.Join(failed...)
}

// longest is what a scenario may take on one contender, and ending it beyond that. The slowest needs a third.
const (
	longest = 4 * time.Minute
	ending  = 30 * time.Second
)

var (
	errLong  = errors.New("took too long and was ended")
	errStuck = errors.New("does not end")
)

// within is measure for no longer than a scenario may take: then its processes are killed, at which it fails.
func (b *bench) within(s *scenario, c *contender) (figures []figure, err error) {
	b.mu.Lock()
	b.started = nil
	b.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		figures, err = b.measure(s, c)
	}()
	select {
	case <-done:
		return figures, err
	case <-time.After(longest):
	}
	b.mu.Lock()
	for _, p := range b.started {
		p.cmd.Process.Kill()
	}
	b.mu.Unlock()
	select {
	case <-done:
		return nil, errLong
	case <-time.After(ending):
		return nil, errStuck
	}
}

// measure runs one scenario on a server of its own.
func (b *bench) measure(s *scenario, c *contender) ([]figure, error) {
	if s.on == noServer {
		return s.measure(b, c, nil)
	}
	p, err := c.serve(b)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	figures, err := s.measure(b, c, p)
	if err != nil {
		p.stop() // what it said is complete then
		err = fmt.Errorf("%w\n%s", err, p.log.String())
	}
	return figures, err
}

func (b *bench) wants(c *contender) bool {
	return len(b.servers) == 0 || slices.Contains(b.servers, c.flag)
}

// moreFiles raises the number of connections that this process, and those it starts, may hold.
func moreFiles() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil {
		l.Cur = l.Max
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l) //nolint:errcheck // dialling says so
	}
}

func cutAddr(addr string) (host, port string, err error) { return net.SplitHostPort(addr) }
