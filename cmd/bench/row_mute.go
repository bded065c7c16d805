//go:build linux

package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/trackgate/trackgate/gateway/simulate/load"
)

// Mute sockets stand on three nodes, each opened by a process of its own, beside devices that work.
const (
	muteNodes     = 3
	honestDevices = 300
)

// muteSockets opens connections that never say anything, in one go, and measures when they are gone, and how long devices that behave wait for their
// answers before, and while the others are there.
func (b *bench) muteSockets() error {
	s, err := b.startSite(muteNodes, fmt.Sprintf("TRACKGATE_GATEWAY_FIRST_BYTE=%s", b.firstByte))
	if err != nil {
		return err
	}
	defer s.stop()
	honest := min(honestDevices, max(muteNodes, b.mute/10))
	if err := s.connect("gt06", honest); err != nil {
		return err
	}
	v := &vigil{site: s, rate: honestDevices, slice: b.firstByte.Seconds() / 30}
	var before, coming, standing, leaving load.Histogram
	for range 20 { // as long as two thirds of the deadline
		if err := v.listen(&before); err != nil {
			return err
		}
	}
	crowds, err := startCrowds(s)
	defer func() {
		for _, c := range crowds {
			c.stop()
		}
	}()
	if err != nil {
		return err
	}
	begun := time.Now()
	opened := v.tell(crowds, crowdOrder{Do: "open", Connections: b.mute / muteNodes})
	if err := v.until(opened, &coming); err != nil {
		return err
	}
	took := time.Since(begun)
	all := b.mute / muteNodes * muteNodes
	for there := 0.0; int(there) != all+honest; { // the last ones wait to be accepted
		if err := v.listen(&coming); err != nil {
			return err
		}
		if there, err = s.sum("connections"); err != nil {
			return err
		}
		if time.Since(begun) > b.firstByte {
			return fmt.Errorf("%.0f of %d connections were there\n%s", there, all+honest, s.said())
		}
	}
	gone := v.tell(crowds, crowdOrder{Do: "wait", Seconds: 4*b.firstByte.Seconds() + 10})
	for time.Since(begun).Seconds()+2*v.slice < b.firstByte.Seconds() {
		if err := v.listen(&standing); err != nil {
			return err
		}
	}
	if err := v.until(gone, &leaving); err != nil {
		return err
	}
	closed, err := s.sum("closes_total", `reason="first_byte"`)
	if err != nil {
		return err
	}
	if int(closed) != all {
		return fmt.Errorf("%.0f of %d mute connections were closed for their silence\n%s", closed, all, s.said())
	}
	b.muteRows(all, took, v.lives, &before, &coming, &standing, &leaving)
	return nil
}

func (b *bench) muteRows(all int, took time.Duration, lives *load.Histogram, before, coming, standing, leaving *load.Histogram) {
	const late = 2 * time.Second // deadlines are looked at once a second
	met := lives.Max() <= b.firstByte+late
	b.results.add(row{Group: "m", What: fmt.Sprintf("%d mute connections to %d nodes: closed after, the last", all, muteNodes), Limit: short(b.firstByte), Ours: short(lives.Max()),
		Ratio: lives.Max().Seconds() / b.firstByte.Seconds(), Wanted: "≤ " + short(b.firstByte+late), Met: met,
		Note: fmt.Sprintf("opened within %s; the limit is gateway.first_byte, looked at once a second", short(took))})
	for _, q := range []struct {
		name string
		q    float64
	}{{"p50", 0.5}, {"p99", 0.99}} {
		l, v := before.Quantile(q.q), standing.Quantile(q.q)
		ratio := v.Seconds() / max(l, time.Microsecond).Seconds()
		wanted, met := atMost(ratio, 2)
		b.results.add(row{Group: "m", What: "durable answer " + q.name + " beside them", Limit: short(l), Ours: short(v), Ratio: ratio, Wanted: wanted, Met: met,
			Note: fmt.Sprintf("the limit is without them; %s while they come, %s while they go", short(coming.Quantile(q.q)), short(leaving.Quantile(q.q)))})
	}
}

// vigil is devices that work while something happens.
type vigil struct {
	*site
	rate  float64         // records a second
	slice float64         // seconds of one look
	lives *load.Histogram // how long mute connections lasted
}

// listen lets the devices work for a slice.
func (v *vigil) listen(h *load.Histogram) error {
	out, err := v.drive(order{Do: "open", Rate: v.rate, Seconds: v.slice})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, v.said())
	}
	h.Merge(out.Latency)
	return nil
}

// until lets the devices work until the crowds have done what they were told.
func (v *vigil) until(done <-chan error, h *load.Histogram) error {
	for {
		if err := v.listen(h); err != nil {
			return err
		}
		select {
		case err := <-done:
			return err
		default:
		}
	}
}

// tell gives all crowds an order at once.
func (v *vigil) tell(crowds []*process, o crowdOrder) <-chan error {
	done := make(chan error, 1)
	go func() {
		answers, errs := make([]crowdState, len(crowds)), make([]error, len(crowds))
		var all sync.WaitGroup
		for i, c := range crowds {
			all.Go(func() {
				o := o
				o.To = v.nodes[i].devices
				if errs[i] = c.ask(&o, &answers[i]); errs[i] == nil && answers[i].Error != "" {
					errs[i] = errors.New(answers[i].Error)
				}
			})
		}
		all.Wait()
		v.lives = new(load.Histogram)
		for i := range answers {
			if answers[i].Lives != nil {
				v.lives.Merge(answers[i].Lives)
			}
		}
		done <- errors.Join(errs...)
	}()
	return done
}

// startCrowds starts a process for each node that opens mute connections to it.
func startCrowds(s *site) (crowds []*process, err error) {
	for range s.nodes {
		c, err := startPart("crowd")
		if err != nil {
			return crowds, err
		}
		crowds = append(crowds, c)
	}
	return crowds, nil
}
