package fanout

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/protocols"
)

// TestAheadRuns compares runs of members with an entry for each of them, which is what they stand for.
func TestAheadRuns(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	message := func(n int) *Message {
		e := fix("v", n)
		return NewMessage(&e)
	}
	for range 200 {
		var a ahead
		want := map[uint32]*Message{}
		came, newest := uint32(0), 0
		for range 100 {
			switch r.IntN(4) {
			case 0: // one more comes, and is shown the vehicle before anything else is asked of it
				came++
				newest += r.IntN(2)
				m := message(newest)
				a.note(m, came, came, 0)
				want[came] = m
			case 1: // one that was there is shown more
				if came > 0 {
					member := 1 + r.Uint32N(came)
					newest += r.IntN(2)
					m := message(newest)
					a.note(m, member, came, 0)
					want[member] = m
				}
			case 2:
				if r.IntN(10) == 0 {
					m := message(newest)
					a.brought(m)
					clear(want)
				}
			}
			for member := uint32(1); member <= came; member++ {
				got, want := a.of("v", member), want[member]
				if (got == nil) != (want == nil) || got != nil && (newer(got, want) || newer(want, got)) {
					t.Fatalf("member %d of %d: %v, want %v", member, came, got, want)
				}
			}
		}
	}
}

// Those who follow everything and come together, to a node that has heard of no vehicle yet, share what they were shown.
func TestMemoryOfComingTogether(t *testing.T) {
	const clients, vehicles = 200, 10_000
	h := newHub(NewLocal(new(Counters)), Limits{Events: 1000, Subscriptions: 1000}, auth.NewPolicy(nil), new(Counters))
	s := h.shards[0]
	claims := &auth.Claims{Subject: "u", Expires: time.Now().Add(time.Hour), Scope: auth.Scopes(auth.Read), Grants: auth.Grants{All: true}}
	var read []*Message
	for i := range vehicles {
		e := fix(strconv.Itoa(i), 1)
		e.Time = protocols.At(time.Now())
		read = append(read, NewMessage(&e))
	}
	join := func() *client {
		c := newClient(h, new(sink), claims, 0)
		c.shard = s
		s.add(c)
		c.star = true
		s.joinFleet(c)
		s.fleetSnapshot(c, read, false)
		for _, c := range s.dirty {
			c.dirty = false
			c.flush()
		}
		s.dirty = s.dirty[:0]
		return c
	}
	first := join()
	before := live()
	for range clients {
		join()
	}
	if each := (live() - before) / clients; each > 4<<10 {
		t.Errorf("each takes %d bytes", each)
	}
	if m := first.cohort.ahead.of("7", first.member); m != read[7] {
		t.Errorf("the first was shown %v", m)
	}
	s.sweep(1)
	if first.cohort.ahead.shown == nil {
		t.Error("forgotten at once")
	}
	h.begun = h.begun.Add(-2 * time.Minute)
	s.sweep(1)
	if first.cohort.ahead.shown != nil {
		t.Error("never forgotten")
	}
}
