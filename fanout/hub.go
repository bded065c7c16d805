package fanout

import (
	"context"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
)

// Hub brings messages to clients. Clients are spread over shards, each of which is one goroutine that owns its clients and everything
// about them, so that nothing on the way of a message is locked per client.
type Hub struct {
	limits   Limits
	counters *Counters
	policy   *auth.Policy
	shards   []*shard
	next     atomic.Uint32 // shard of the next client
	interest *interest
	begun    time.Time

	pollers    []*poller // none: every connection has a goroutine
	nextPoller atomic.Uint32
	spent      atomic.Uint64 // what left garbage behind, in handshakes: see afterSurges

	mu     sync.RWMutex
	routes map[string]uint64 // vehicle to the shards that follow it, a bit each
	fleets atomic.Uint64     // shards with clients that follow everything
	wg     sync.WaitGroup
}

// Limits of what one client may make a node hold or do. Zero values are replaced by the defaults named here.
type Limits struct {
	Connections    int           // in all: 100,000
	PerUser        int           // of one subject: 100
	PerAddress     int           // of one address, loopback excepted: 1,000
	Subscriptions  int           // vehicles that one client follows by name: 10,000
	Events         int           // waiting for one client, positions excepted: 1,024; alarms beyond it close the client
	Frame          int           // bytes of a client's message: 128 KiB
	AuthTimeout    time.Duration // from the handshake to the first frame with a token: 10 s
	Stall          time.Duration // without a byte taken by the client: 30 s
	Leave          time.Duration // from the last client that follows a vehicle to the end of its subscription: 30 s
	SnapshotWithin time.Duration // for reading what a snapshot needs: 10 s
}

// maxVehicles bounds the vehicles that a shard, or the cache of last positions, holds.
const maxVehicles = 1_000_000

func (l *Limits) defaults() {
	number := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	span := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	number(&l.Connections, 100_000)
	number(&l.PerUser, 100)
	number(&l.PerAddress, 1_000)
	number(&l.Subscriptions, 10_000)
	number(&l.Events, 1_024)
	number(&l.Frame, 128<<10)
	span(&l.AuthTimeout, 10*time.Second)
	span(&l.Stall, 30*time.Second)
	span(&l.Leave, 30*time.Second)
	span(&l.SnapshotWithin, 10*time.Second)
}

func newHub(bus Bus, limits Limits, policy *auth.Policy, c *Counters) *Hub {
	h := &Hub{limits: limits, counters: c, policy: policy, routes: make(map[string]uint64), begun: time.Now()}
	h.interest = &interest{bus: bus, leave: limits.Leave, vehicles: make(map[string]*followedVehicle)}
	for i := range min(runtime.GOMAXPROCS(0), 64) {
		h.shards = append(h.shards, newShard(h, i))
	}
	return h
}

// run serves until ctx is done; then every client is closed with the code for a restart.
func (h *Hub) run(ctx context.Context) {
	for _, s := range h.shards {
		h.wg.Go(func() { s.run(ctx) })
	}
	h.wg.Go(func() { h.interest.run(ctx) })
	h.wg.Wait()
}

// now is the hub's clock, in ns since it was made.
func (h *Hub) now() int64 { return int64(time.Since(h.begun)) }

// Deliver implements Receiver.
func (h *Hub) Deliver(m *Message) {
	h.mu.RLock()
	mask := h.routes[m.Vehicle]
	h.mu.RUnlock()
	for mask |= h.fleets.Load(); mask != 0; mask &= mask - 1 {
		h.shards[bits.TrailingZeros64(mask)].take(m)
	}
}

// Gap implements Receiver.
func (h *Hub) Gap(vehicles []string) {
	for _, s := range h.shards {
		s.post(func() { s.gap(vehicles) })
	}
}

// route says whether a shard wants a vehicle's messages.
func (h *Hub) route(vehicle string, shard int, want bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	mask := h.routes[vehicle] &^ (1 << shard)
	if want {
		mask |= 1 << shard
	}
	if mask == 0 {
		delete(h.routes, vehicle)
	} else {
		h.routes[vehicle] = mask
	}
}

func (h *Hub) routeAll(shard int, want bool) {
	if want {
		h.fleets.Or(1 << shard)
	} else {
		h.fleets.And(^uint64(1 << shard))
	}
}

// rooms is the number of vehicles that somebody follows by name.
func (h *Hub) rooms() int {
	h.interest.mu.Lock()
	defer h.interest.mu.Unlock()
	n := 0
	for _, v := range h.interest.vehicles {
		if v.clients > 0 {
			n++
		}
	}
	return n
}

// attach gives a client to a shard; from then on only that shard touches it.
func (h *Hub) attach(c *client) {
	c.shard = h.shards[int(h.next.Add(1))%len(h.shards)]
	c.shard.do(func() { c.shard.add(c) })
}
