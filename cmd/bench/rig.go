//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// rig is a kind of server and the devices that drive it. Where one process may not open enough files for all connections it is several servers, each with a
// fleet of its own.
type rig struct {
	name  string // of the server, in tables
	pairs []*pair
}

// pair is one server and its fleet.
type pair struct {
	server *process
	fleet  *process
	dir    string
	empty  usage // of the server, before anybody connected
}

// rigOptions say which.
type rigOptions struct {
	name string
	serverOrder
	records     int // of a frame, where the protocol lets us choose
	connections int
}

// mostInPair is how many connections one pair has at most, well within the usual limit of open files.
const mostInPair = 16_000

// startRig starts servers and connects their fleets.
func startRig(o rigOptions) (*rig, error) {
	r := &rig{name: o.name}
	for first := 0; first < o.connections; first += mostInPair {
		p := new(pair)
		r.pairs = append(r.pairs, p)
		if err := p.start(&o, first, min(mostInPair, o.connections-first)); err != nil {
			r.stop()
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return r, nil
}

func (p *pair) start(o *rigOptions, first, connections int) (err error) {
	if p.dir, err = os.MkdirTemp("", "trackgate-bench"); err != nil {
		return err
	}
	if p.server, err = startPart("server"); err != nil {
		return err
	}
	begin := o.serverOrder
	begin.Do, begin.Dir = "start", p.dir
	s, err := p.state(&begin)
	if err != nil {
		return err
	}
	if p.empty, err = used(p.server.cmd.Process.Pid); err != nil {
		return err
	}
	if p.fleet, err = startPart("fleet"); err != nil {
		return err
	}
	_, err = command(p.fleet, &order{Do: "connect", To: s.Addr, Protocol: o.Protocol, Records: o.records, Connections: connections, First: first})
	return err
}

func (r *rig) stop() {
	for _, p := range r.pairs {
		if p.fleet != nil {
			p.fleet.stop()
		}
		if p.server != nil {
			p.server.stop()
		}
		os.RemoveAll(p.dir)
	}
}

func (p *pair) state(o *serverOrder) (s serverState, err error) {
	if err = p.server.ask(o, &s); err == nil && s.Error != "" {
		err = errors.New(s.Error)
	}
	return s, err
}

// command tells a fleet what to do.
func command(fleet *process, o *order) (*outcome, error) {
	out := new(outcome)
	err := fleet.ask(o, out)
	if err == nil && out.Error != "" {
		err = errors.New(out.Error)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Do, err)
	}
	return out, nil
}

// run is one measured run of a rig.
type run struct {
	Rate      float64 // records a second
	CPU, User float64 // ns of the servers for each record, and of that outside the kernel
	P50, P99  float64 // ns
	Mallocs   float64 // for each record
	Group     float64 // frames of a commit
	Bytes     float64 // of the journal, for each record
	Resident  float64 // bytes, of the servers
	Missed    float64
}

// numbers are the fields of a run.
func (m *run) numbers() []*float64 {
	return []*float64{&m.Rate, &m.CPU, &m.User, &m.P50, &m.P99, &m.Mallocs, &m.Group, &m.Bytes, &m.Resident, &m.Missed}
}

// totals are the sums over the servers of a rig.
type totals struct {
	usage
	serverState
}

func (r *rig) totals() (t totals, err error) {
	for _, p := range r.pairs {
		s, err := p.state(&serverOrder{Do: "stats"})
		if err != nil {
			return t, err
		}
		u, err := used(p.server.cmd.Process.Pid)
		if err != nil {
			return t, err
		}
		t.CPU, t.User, t.Resident = t.CPU+u.CPU, t.User+u.User, t.Resident+u.Resident
		t.Mallocs, t.Commits, t.Bytes = t.Mallocs+s.Mallocs, t.Commits+s.Commits, t.serverState.Bytes+s.Bytes
	}
	return t, nil
}

// drive gives all fleets the order at once; a rate is shared among them.
func (r *rig) drive(o order) (*outcome, error) {
	o.Rate /= float64(len(r.pairs))
	outcomes, errs := make([]*outcome, len(r.pairs)), make([]error, len(r.pairs))
	var all sync.WaitGroup
	for i, p := range r.pairs {
		all.Go(func() { outcomes[i], errs[i] = command(p.fleet, &o) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	sum := outcomes[0]
	for _, s := range outcomes[1:] {
		sum.Records, sum.Frames, sum.Missed = sum.Records+s.Records, sum.Frames+s.Frames, sum.Missed+s.Missed
		sum.Seconds = max(sum.Seconds, s.Seconds)
		sum.Latency.Merge(s.Latency)
	}
	return sum, nil
}

// measure drives the rig once.
func (r *rig) measure(o order) (m run, err error) {
	before, err := r.totals()
	if err != nil {
		return m, err
	}
	out, err := r.drive(o)
	if err != nil {
		return m, err
	}
	after, err := r.totals()
	if err != nil {
		return m, err
	}
	n := max(1, float64(out.Records))
	m = run{Rate: out.rate(), CPU: float64(after.CPU-before.CPU) / n, User: float64(after.User-before.User) / n, P50: float64(out.Latency.Quantile(0.5)),
		P99: float64(out.Latency.Quantile(0.99)), Mallocs: float64(after.Mallocs-before.Mallocs) / n, Resident: float64(after.Resident), Missed: float64(out.Missed)}
	if commits := float64(after.Commits - before.Commits); commits > 0 {
		m.Group, m.Bytes = float64(out.Frames)/commits, float64(after.serverState.Bytes-before.serverState.Bytes)/n
	}
	return m, nil
}

// turns measures several rigs in turns, so that all of them see the same machine, and returns the median of each.
func turns(rigs []*rig, rounds int, o order) ([]run, error) {
	all := make([][]run, len(rigs))
	for range rounds {
		for i, r := range rigs {
			m, err := r.measure(o)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], m)
		}
	}
	out := make([]run, len(rigs))
	for i, list := range all {
		out[i] = median(list)
	}
	return out, nil
}

// median takes the median of each number by itself.
func median(list []run) (m run) {
	for i, to := range m.numbers() {
		var values []float64
		for k := range list {
			values = append(values, *list[k].numbers()[i])
		}
		slices.Sort(values)
		*to = values[len(values)/2]
	}
	return m
}
