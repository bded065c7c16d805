package fanout

import (
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
)

// client is one connection's interests and what waits to be sent on it. Its shard owns it, but for the fields at the end.
type client struct {
	hub   *Hub
	shard *shard
	link  link

	seat  uint32   // number in shard.seats; 0: it never followed a vehicle
	edges []edgeID // by their vehicles' numbers
	rates []uint32 // ms between two positions, which edges name by index
	named int      // edges that are by name
	star  bool     // it tracks everything that its token allows
	box   *box     // or the part of that in this part of the map
	tiles []place  // where that is entered
	in    []string // or the part of that in these groups, sorted
	gap   int64    // ns between two positions of a vehicle, where a track says nothing else; 0: no limit

	cohort    *cohort               // it follows everything in; nil: it does not
	cohortAt  int                   // index in cohort.members
	member    uint32                // which of the cohort's it is, in the order in which they came
	fleetHeld bool                  // the snapshot of everything is on its way
	missed    map[*vehicle]struct{} // what sent positions meanwhile
	late      []item                // events that came while their vehicle was held

	queue     []item // from head on; what is before has gone
	head      int
	positions int // of the queue
	events    int // of the queue
	rawBytes  int // of the queue
	busy      bool
	dirty     bool
	closing   bool
	resync    bool   // one is queued
	skipped   uint64 // not told yet
	replayed  *replayed

	nextPing int64
	claims   atomic.Pointer[auth.Claims]
	heard    atomic.Int64  // hub time of the last sign of life
	pong     atomic.Bool   // an answer to a ping is on its way
	drained  chan struct{} // a token when the client's own messages have mostly gone; nil before somebody waits for it
}

func newClient(h *Hub, l link, claims *auth.Claims, gap time.Duration) *client {
	c := &client{hub: h, link: l, gap: int64(gap)}
	c.claims.Store(claims)
	c.heard.Store(h.now())
	return c
}

// fleet says whether the client follows everything, or a part of the map.
func (c *client) fleet() bool { return c.cohort != nil || c.tiles != nil }

// wants says whether the client has asked for everything, or for a part that is not given by names.
func (c *client) wants() bool { return c.star || c.box != nil || c.in != nil }

// among says whether a vehicle is in the groups that the client follows, if it follows groups.
func (c *client) among(vehicle string) bool { return c.in == nil || c.hub.policy.In(vehicle, c.in) }

// writable is called by the link, from any goroutine, when a write that was not taken whole has gone.
func (c *client) writable() {
	c.shard.post(func() {
		c.busy = false
		c.shard.dirt(c)
	})
}

// answer queues a pong. One at a time: who floods gets fewer. It may be called from any goroutine.
func (c *client) answer(pong []byte) {
	if !c.pong.CompareAndSwap(false, true) {
		return
	}
	c.shard.post(func() {
		c.pong.Store(false)
		c.put(frameItem(pong))
	})
}

// put queues an item and keeps the queue within its bounds.
func (c *client) put(i item) {
	if c.closing {
		return
	}
	if c.queue == nil {
		c.queue = c.shard.spare()
	}
	c.queue = append(c.queue, i)
	switch {
	case i.position():
		if c.positions++; c.positions > max(512, 2*c.following()) {
			c.compact()
		}
	case i.msg != nil && !i.again:
		if c.events++; c.events > c.hub.limits.Events {
			c.shed()
		}
	default:
		c.rawBytes += i.size()
	}
	c.shard.dirt(c)
}

// following is the number of vehicles that a position may come of.
func (c *client) following() int {
	if c.cohort == nil {
		return len(c.edges)
	}
	return len(c.edges) + len(c.cohort.lanes)
}

// compact drops positions that a newer one of the same vehicle follows. At most one of each vehicle remains.
func (c *client) compact() {
	newer := make(map[string]struct{}, c.following())
	to, dropped := len(c.queue), 0
	for from := to - 1; from >= c.head; from-- {
		i := c.queue[from]
		if i.position() {
			if _, ok := newer[i.msg.Vehicle]; ok {
				dropped++
				continue
			}
			newer[i.msg.Vehicle] = struct{}{}
		}
		to--
		c.queue[to] = i
	}
	kept := copy(c.queue, c.queue[to:])
	clear(c.queue[kept:])
	c.queue, c.head = c.queue[:kept], 0
	c.positions -= dropped
	c.skip(dropped)
	c.hub.counters.Conflated.Add(uint64(dropped))
}

// shed makes room among the events: what is no alarm goes. A client that lets alarms pile up is closed instead of losing one in silence.
func (c *client) shed() {
	kept := c.queue[:0]
	dropped := 0
	for _, i := range c.queue[c.head:] {
		if i.msg != nil && !i.position() && !i.msg.Alarm && !i.again {
			dropped++
			continue
		}
		kept = append(kept, i)
	}
	clear(c.queue[len(kept):])
	c.queue, c.head = kept, 0
	c.events -= dropped
	c.skip(dropped)
	if c.events > c.hub.limits.Events {
		c.hub.counters.SlowDisconnects.Add(1)
		c.shard.close(c, CodeSlow, "alarms piled up")
	}
}

func (c *client) skip(n int) {
	c.skipped += uint64(n)
	c.hub.counters.Skipped.Add(uint64(n))
}

// putJSON queues an object of the server's own.
func (c *client) putJSON(raw []byte) { c.put(rawItem(raw)) }

// putError queues what a client is told about a request, and about a vehicle if one is given.
func (c *client) putError(text, vehicle string) {
	c.put(item{note: &note{text: text, vehicle: vehicle}})
}

// putSnapshot queues a snapshot; more says that another part follows.
func (c *client) putSnapshot(events []*Message, more bool) {
	c.put(item{note: &note{events: events, more: more}})
}

// maxFlush bounds one write in bytes, give or take an item.
const maxFlush = 64 << 10

// flush writes what is queued until the connection takes no more.
func (c *client) flush() {
	for !c.busy && !c.closing && c.head < len(c.queue) {
		if c.skipped > 0 {
			raw := strconv.AppendUint([]byte(`{"type":"skipped","count":`), c.skipped, 10)
			c.skipped = 0
			c.rawBytes += len(raw) + 1
			c.queue = slices.Insert(c.queue, c.head, rawItem(append(raw, '}')))
		}
		end, size := c.head, 0
		for end < len(c.queue) && (end == c.head || size < maxFlush) {
			size += c.queue[end].size()
			end++
		}
		batch := c.queue[c.head:end]
		sent := c.leave(batch)
		s := c.shard
		s.scratch = c.link.encode(s.scratch[:0], sent)
		clear(batch)
		if c.head = end; c.head == len(c.queue) {
			s.keep(c.queue)
			c.queue, c.head = nil, 0
		} else if c.head > maxSpare { // a queue that never runs empty must not grow for ever
			rest := copy(c.queue, c.queue[c.head:])
			clear(c.queue[rest:])
			c.queue, c.head = c.queue[:rest], 0
		}
		if len(s.scratch) > 0 {
			c.busy = !c.link.write(s.scratch)
			c.hub.counters.Flushes.Add(1)
		}
		if cap(s.scratch) > 1<<20 {
			s.scratch = nil
		}
	}
	if c.drained != nil && c.rawBytes < lowWater {
		select {
		case c.drained <- struct{}{}:
		default:
		}
	}
}

// lowWater and highWater are the bytes of snapshots and answers queued for a client between which its reader waits.
const (
	lowWater  = 128 << 10
	highWater = 512 << 10
)

// leave counts a batch that leaves the queue, and takes out what the client may no longer see: its interest ended after it was queued.
func (c *client) leave(batch []item) []item {
	kept := batch[:0]
	sent := uint64(0)
	for _, i := range batch {
		switch {
		case i.position():
			c.positions--
		case i.msg != nil && !i.again:
			c.events--
		default:
			c.rawBytes -= i.size()
		}
		if i.stale(c) || i.msg != nil && i.edge == nil && c.cohort == nil {
			continue
		}
		if i.msg != nil {
			sent++
		} else if c.resync && string(i.note.raw) == resyncMessage {
			c.resync = false
		}
		kept = append(kept, i)
	}
	c.hub.counters.Sent.Add(sent)
	return kept
}

const resyncMessage = `{"type":"resync"}`

// event queues an event, or keeps it until the snapshot that it belongs behind.
func (c *client) event(i item, held bool) {
	if !held {
		c.put(i)
		return
	}
	c.delay(i)
}

// delay keeps what came while its vehicle was held.
func (c *client) delay(i item) {
	if len(c.late) >= c.hub.limits.Events {
		c.skip(1)
		if !i.event {
			i.edge.behind = true // the newest at least
		}
		return
	}
	c.late = append(c.late, i)
}

// releaseLate queues the events whose vehicles are no longer held. Of positions only those that are newer than what the client was shown of the vehicle.
func (c *client) releaseLate(shown map[*edge]*Message, now int64) {
	late := c.late
	c.late = nil
	for _, i := range late {
		switch {
		case i.stale(c): // left in the meantime
		case i.edge == nil && c.fleetHeld, i.edge != nil && i.edge.hold != free:
			c.late = append(c.late, i)
		case i.edge == nil:
			if !c.replayed.has(i.msg) {
				c.put(i)
			}
		case i.event:
			c.shard.event(i.edge, i.msg)
		case i.msg.Alarm || newer(i.msg, shown[i.edge]):
			c.shard.position(i.edge, i.msg, now)
		}
	}
}

// forbid takes out of the queue what came to the client as one that follows everything, and that it may not see any more.
func (c *client) forbid(allowed func(vehicle string) bool) {
	drop := func(i *item) bool { return i.msg != nil && i.edge == nil && !allowed(i.msg.Vehicle) }
	kept := c.queue[:0]
	for _, i := range c.queue[c.head:] {
		if !drop(&i) {
			kept = append(kept, i)
			continue
		}
		if i.position() {
			c.positions--
		} else {
			c.events--
		}
	}
	clear(c.queue[len(kept):])
	c.queue, c.head = kept, 0
	c.late = slices.DeleteFunc(c.late, func(i item) bool { return drop(&i) })
}
