// Command bench measures the fanout tier against the system that the founding document describes, in one run on one machine: the servers take turns on
// one core, Redis and the load have another. `make bench-fanout` runs it; docs/performance-fanout.md explains the figures.
//
//	publisher ─▶ Redis ─▶ server under test ─▶ clients        latency: from the PUBLISH to the client's read
//	└────── load core ──┘ └── server core ──┘ └ load core ┘
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
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
	serverCore int // -1: not pinned
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
	step          time.Duration
	settle        time.Duration
	sweep         bool
}

// groups is how many different sets of vehicles the dashboards follow.
const groups = 10

func full() sizes {
	return sizes{clients: 10_000, vehiclesA: 1000, rateA: 1000, dashboards: 1000, perDashboard: 500, rateB: 500, rateC: 10,
		fleetClients: 500, fleetVehicles: 10_000, good: 500, step: 4 * time.Second, settle: 3 * time.Second, sweep: true}
}

func small() sizes {
	return sizes{clients: 60, vehiclesA: 6, rateA: 100, dashboards: 20, perDashboard: 10, rateB: 100, rateC: 10,
		fleetClients: 10, fleetVehicles: 50, good: 10, step: 300 * time.Millisecond, settle: 50 * time.Millisecond}
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
	flag.BoolVar(&b.sweep, "sweep", b.sweep, "also search for the highest rate that each server bears")
	pin := flag.Bool("pin", runtime.NumCPU() > 1, "keep the servers to one core and the load to another")
	flag.StringVar(&b.trackgate, "trackgate", "bin/trackgate", "the program to measure")
	flag.StringVar(&b.reference, "reference", "fanout/bench/reference", "folder of the reference")
	flag.Parse()
	if *short {
		b.sizes = small()
	}
	b.only, b.servers = list(*only), list(*servers)
	b.serverCore, b.loadCore = -1, -1
	if *pin {
		b.serverCore, b.loadCore = 0, 1
		pinSelf(b.loadCore)
	}
	results, err := b.run()
	if err == nil {
		b.print(os.Stdout, results)
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
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
				return results, nil // what there is, is printed
			default:
			}
			fmt.Fprintf(os.Stderr, "%s: %s ...\n", s.name, c.name)
			figures, err := b.measure(&s, c)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", s.name, c.name, err)
			}
			for _, f := range figures {
				fmt.Fprintf(os.Stderr, "    %s: %s %s\n", f.what, f.text(), f.note)
				results = append(results, result{c.name, f})
			}
		}
	}
	return results, nil
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
