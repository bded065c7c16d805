package main

import (
	"fmt"
	"time"
)

// scenario is measured on a fresh server of each contender.
type scenario struct {
	name    string
	on      on
	measure func(b *bench, c *contender, p *process) ([]figure, error)
}

// on is whom a scenario is measured on.
type on int

const (
	bothSides on = iota
	oursOnly     // the reference has nothing like it
	noServer     // it needs none, or starts its own
)

var scenarios = []scenario{
	{"A", bothSides, (*bench).manyVehicles},
	{"B", bothSides, (*bench).dashboardsOf},
	{"C", bothSides, (*bench).oneVehicle},
	{"fleet", oursOnly, (*bench).fleet},
	{"stalled", bothSides, (*bench).stalled},
	{"hold", noServer, (*bench).hold},
	{"live", noServer, (*bench).live},
	{"deflate", noServer, (*bench).deflate},
}

func scenarioNames() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// manyVehicles is scenario A: clients that follow one vehicle each, as whoever waits for a delivery does.
func (b *bench) manyVehicles(c *contender, p *process) ([]figure, error) {
	empty := p.resident()
	crowd, err := b.gather(p, c.speaks, b.clients, true, func(i int) (int, int) { return i % b.vehiclesA, 1 })
	if err != nil {
		return nil, err
	}
	defer crowd.leave()
	time.Sleep(b.settle)
	idle := float64(p.resident()-empty) / float64(b.clients) / 1024
	figures := []figure{
		{what: "idle connection, one vehicle", value: idle, unit: "KiB", bar: atMost(3)},
		{what: "handshakes with JWT, as fast as the load dials", value: float64(b.clients) / crowd.shook.Seconds(), unit: "/s", more: true},
		{what: "handshakes with JWT, in a second of the server's core", value: float64(b.clients) / max(crowd.shaking, tick).Seconds(), unit: "/s", more: true, bar: atLeast(7000)},
	}
	more, err := b.load(p, crowd, "A", b.vehiclesA, b.clients/b.vehiclesA, b.rateA,
		[]float64{2000, 3000, 4000, 5000, 6000, 8000, 10000, 12000, 14000, 16000, 20000})
	if err == nil {
		more[2].bar = atMostTimes(0.4)
		if b.sweep {
			more[3].bar = atLeastTimes(2.5)
		}
	}
	return append(figures, more...), err
}

// dashboardsOf is scenario B: dashboards that follow a group of vehicles each.
func (b *bench) dashboardsOf(c *contender, p *process) ([]figure, error) {
	empty := p.resident()
	crowd, err := b.gather(p, c.speaks, b.dashboards, true, func(i int) (int, int) { return i % groups * b.perDashboard, b.perDashboard })
	if err != nil {
		return nil, err
	}
	defer crowd.leave()
	time.Sleep(b.settle)
	figures := []figure{{what: fmt.Sprintf("dashboard of %d vehicles", b.perDashboard),
		value: float64(p.resident()-empty) / float64(b.dashboards) / 1024, unit: "KiB", bar: atMost(35)}}
	more, err := b.load(p, crowd, "B", groups*b.perDashboard, b.dashboards/groups, b.rateB,
		[]float64{600, 700, 800, 900, 1000, 1200, 1400, 1700, 2000, 2500, 3000, 4000, 6000, 8000, 12000, 16000, 24000, 32000, 40000})
	if err == nil && b.sweep {
		more[3].bar = atLeastTimes(25)
	}
	return append(figures, more...), err
}

// oneVehicle is scenario C: everybody follows the same.
func (b *bench) oneVehicle(c *contender, p *process) ([]figure, error) {
	crowd, err := b.gather(p, c.speaks, b.clients, true, func(int) (int, int) { return 0, 1 })
	if err != nil {
		return nil, err
	}
	defer crowd.leave()
	figures, err := b.load(p, crowd, "C", 1, b.clients, b.rateC, []float64{1, 2, 5, 8, 10, 12, 14, 17, 20})
	if err == nil {
		figures[1].bar = atMost(100)
	}
	return figures, err
}

// fleet is clients that follow everything. What the vehicles themselves cost is there before they come.
func (b *bench) fleet(c *contender, p *process) ([]figure, error) {
	everything := func(int) (int, int) { return 0, -1 }
	first, err := b.gather(p, c.speaks, 1, false, everything)
	if err != nil {
		return nil, err
	}
	defer first.leave()
	pub, err := newPublisher(b.redis.addr, b.began, b.fleetVehicles)
	if err != nil {
		return nil, err
	}
	defer pub.close()
	rate := float64(b.fleetVehicles) / b.step.Seconds()
	if _, err := steady(pub, 2*rate, b.step, b.fleetVehicles); err != nil {
		return nil, err
	}
	first.quiet(b.settle)
	before := p.resident()
	crowd, err := b.gather(p, c.speaks, b.fleetClients, false, everything)
	if err != nil {
		return nil, err
	}
	defer crowd.leave()
	crowd.heard.step(time.Now())
	// Slowly: what waits for clients at the limit of the machine is no part of the figure.
	slow := min(rate, 100_000/float64(b.fleetClients))
	if _, err := steady(pub, slow, time.Duration(float64(b.fleetVehicles)/slow*float64(time.Second)), b.fleetVehicles); err != nil {
		return nil, err
	}
	crowd.quiet(b.settle)
	if n := crowd.lost(); n > 0 {
		return nil, fmt.Errorf("%d of %d clients lost: %w", n, b.fleetClients, crowd.why())
	}
	return []figure{{what: fmt.Sprintf("client that follows all of %d vehicles", b.fleetVehicles),
		value: float64(p.resident()-before) / float64(b.fleetClients) / 1024, unit: "KiB", bar: atMost(8)}}, nil
}

// stalled is one client that follows everything that the others follow and never reads.
func (b *bench) stalled(c *contender, p *process) ([]figure, error) {
	const vehicles = 100
	crowd, err := b.gather(p, c.speaks, b.good, true, func(i int) (int, int) { return i % vehicles, 1 })
	if err != nil {
		return nil, err
	}
	defer crowd.leave()
	idle, err := dial(p.addr, c.speaks, newToken(b.good), 4<<10, nil)
	if err != nil {
		return nil, err
	}
	defer idle.conn.Close()
	if err := idle.track(0, vehicles); err != nil {
		return nil, err
	}
	before := p.resident()
	pub, err := newPublisher(b.redis.addr, b.began, vehicles)
	if err != nil {
		return nil, err
	}
	defer pub.close()
	run, err := b.steadily(p, crowd, pub, 3000, 3*b.step, vehicles, float64(b.good)/vehicles)
	if err != nil {
		return nil, err
	}
	return []figure{
		{what: "one stalled client: p99 of the others", value: run.p99, unit: "ms", bar: atMost(20), note: run.note()},
		{what: "one stalled client: growth of the server", value: float64(p.resident()-before) / (1 << 20), unit: "MiB", bar: atMost(16)},
	}, nil
}
