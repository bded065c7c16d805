package main

import (
	"fmt"
	"time"
)

// step is what one rate came to.
type step struct {
	rate      float64 // events a second
	sent      int
	wanted    int64 // deliveries
	delivered int64
	p50, p99  float64 // ms
	cpu       time.Duration
	took      time.Duration // of the publishing
	asked     time.Duration
	foreign   float64 // cores that something else took from the server's
	lost      int     // clients
}

// perMillion is the server's CPU time in seconds for a million deliveries.
func (s *step) perMillion() float64 { return s.cpu.Seconds() / float64(max(s.delivered, 1)) * 1e6 }

// borne says whether the server kept up: in time, and with no more than one event in a hundred replaced by a newer one.
func (s *step) borne() bool {
	return s.lost == 0 && s.p99 <= 100 && float64(s.delivered) >= 0.99*float64(s.wanted)
}

// behind says that the load itself did not reach the rate.
func (s *step) behind() bool { return s.took > s.asked+s.asked/20+20*time.Millisecond }

func (s *step) note() string {
	n := ""
	if s.delivered != s.wanted {
		n += fmt.Sprintf(" %.2f %% not delivered", 100*float64(s.wanted-s.delivered)/float64(s.wanted))
	}
	if s.foreign > 0.15 {
		n += fmt.Sprintf(" (others took %.2f of the core)", s.foreign)
	}
	if s.behind() {
		n += " (the load was late)"
	}
	if s.lost > 0 {
		n += fmt.Sprintf(" %d clients lost", s.lost)
	}
	return n
}

// steadily publishes at a rate and waits for what is on its way.
func (b *bench) steadily(p *process, crowd *crowd, from source, rate float64, during time.Duration, vehicles int, followers float64) (*step, error) {
	crowd.heard.step(time.Now())
	s := &step{rate: rate, asked: during}
	began, cpu, busy := time.Now(), p.cpu(), p.busy()
	var err error
	if s.sent, err = steady(from, rate, during, vehicles); err != nil {
		return nil, err
	}
	s.took = time.Since(began)
	s.wanted = int64(float64(s.sent) * followers)
	for deadline, last := time.Now().Add(time.Second), int64(-1); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		n := crowd.heard.delivered.Load()
		if n >= s.wanted {
			break
		}
		if n != last {
			last, deadline = n, time.Now().Add(time.Second)
		}
		if time.Since(began) > during+20*time.Second {
			break
		}
	}
	s.cpu = p.cpu() - cpu
	if p.core >= 0 {
		s.foreign = max(0, (p.busy()-busy-s.cpu).Seconds()/time.Since(began).Seconds())
	}
	s.delivered = crowd.heard.delivered.Load()
	s.p50, s.p99 = crowd.heard.percentile(0.5), crowd.heard.percentile(0.99)
	s.lost = crowd.lost()
	return s, nil
}

// load measures one rate, then, if wanted, rising rates up to the first that the server does not bear.
func (b *bench) load(p *process, crowd *crowd, name string, vehicles, followers int, rate float64, rates []float64) ([]figure, error) {
	pub, err := newPublisher(b.redis.addr, b.began, vehicles)
	if err != nil {
		return nil, err
	}
	defer pub.close()
	if _, err := b.steadily(p, crowd, pub, rate, b.step/2, vehicles, float64(followers)); err != nil { // warm
		return nil, err
	}
	s, err := b.steadily(p, crowd, pub, rate, b.step, vehicles, float64(followers))
	if err != nil {
		return nil, err
	}
	at := fmt.Sprintf("%s at %s/s", name, thousands(rate*float64(followers)))
	figures := []figure{
		{what: at + ": p50", value: s.p50, unit: "ms"},
		{what: at + ": p99", value: s.p99, unit: "ms", note: s.note()},
		{what: at + ": CPU for a million deliveries", value: s.perMillion(), unit: "s"},
	}
	if b.sweep {
		borne, note := 0.0, ""
		if s.borne() {
			borne = rate
		}
		for _, r := range rates {
			s, err := b.steadily(p, crowd, pub, r, b.step/2, vehicles, float64(followers))
			if err != nil {
				return nil, err
			}
			if !s.borne() { // once more: another program may have been at work
				crowd.quiet(b.settle)
				if s, err = b.steadily(p, crowd, pub, r, b.step/2, vehicles, float64(followers)); err != nil {
					return nil, err
				}
			}
			if !s.borne() {
				note = fmt.Sprintf("at %s/s p99 %.0f ms%s", thousands(r*float64(followers)), s.p99, s.note())
				break
			}
			borne = max(borne, r)
		}
		figures = append(figures, figure{what: name + ": deliveries borne within p99 100 ms", value: borne * float64(followers), unit: "/s", more: true, note: note})
	}
	crowd.quiet(b.settle)
	figures = append(figures, figure{what: name + ": pairs of client and vehicle not on the newest event", value: float64(crowd.outdated(pub.newest)), unit: "", bar: atMost(0)})
	return figures, nil
}

// quiet returns when nothing has been delivered for a while.
func (c *crowd) quiet(during time.Duration) {
	during = max(during, 200*time.Millisecond)
	for last, since, began := int64(-1), time.Now(), time.Now(); time.Since(since) < during && time.Since(began) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		if n := c.heard.delivered.Load(); n != last {
			last, since = n, time.Now()
		}
	}
}
