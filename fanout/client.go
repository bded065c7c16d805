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

	edges   map[string]*edge
	named   int   // edges that are named
	star    bool  // it tracks everything that its token allows
	box     *box  // or the part of that in this part of the map
	fleetAt int   // index in the shard's fleet, -1: none
	gap     int64 // ns between two positions of a vehicle, where a track says nothing else; 0: no limit

	fleetHeld bool   // the snapshot of everything is on its way
	late      []item // events that came while their vehicle was held

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
	round     uint32 // of compactions
	replayed  *replayed

	nextPing int64
	claims   atomic.Pointer[auth.Claims]
	heard    atomic.Int64  // hub time of the last sign of life
	pong     atomic.Bool   // an answer to a ping is on its way
	drained  chan struct{} // a token when the client's own messages have mostly gone
	done     chan struct{} // closed when the connection's reader has ended
}

func newClient(h *Hub, l link, claims *auth.Claims, gap time.Duration) *client {
	c := &client{hub: h, link: l, edges: make(map[string]*edge), fleetAt: -1, gap: int64(gap),
		drained: make(chan struct{}, 1), done: make(chan struct{})}
	c.claims.Store(claims)
	c.heard.Store(h.now())
	return c
}

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
		c.put(item{raw: pong, frame: true})
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
		if c.positions++; c.positions > max(512, 2*len(c.edges)) {
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

// compact drops positions that a newer one of the same vehicle follows. At most one for each edge remains.
func (c *client) compact() {
	c.round++
	to, dropped := len(c.queue), 0
	for from := to - 1; from >= c.head; from-- {
		i := c.queue[from]
		if i.position() {
			if i.edge.round == c.round {
				dropped++
				continue
			}
			i.edge.round = c.round
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
func (c *client) putJSON(raw []byte) { c.put(item{raw: raw}) }

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
			c.queue = slices.Insert(c.queue, c.head, item{raw: append(raw, '}')})
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
	if c.rawBytes < lowWater {
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
		if i.edge != nil && i.edge.at < 0 {
			continue
		}
		if i.msg != nil {
			sent++
		} else if c.resync && string(i.raw) == resyncMessage {
			c.resync = false
		}
		kept = append(kept, i)
	}
	c.hub.counters.Sent.Add(sent)
	return kept
}

const resyncMessage = `{"type":"resync"}`

// position takes a vehicle's new position on behalf of one client.
func (e *edge) position(m *Message, now int64) {
	c := e.client
	if c.replayed.has(m) {
		return
	}
	if e.resumes {
		c.delay(item{edge: e, msg: m})
		return
	}
	if e.shown != nil && !newer(m, e.shown) {
		if m.Alarm {
			e.event(m)
		}
		return
	}
	if !e.named && c.box != nil {
		// The first position outside is delivered too, so that the vehicle is seen leaving.
		if inside := c.box.contains(m); inside {
			e.inside = true
		} else if !e.inside && !m.Alarm {
			return
		} else {
			e.inside = false
		}
	}
	if m.Alarm && !e.held {
		e.send(m, now) // not kept back by the client's rate, and none to replace it
		return
	}
	if m.Alarm {
		e.event(m)
	}
	if e.held || now < e.due {
		if e.pending != nil {
			c.hub.counters.Conflated.Add(1)
		}
		e.pending = m
		if !e.held {
			c.shard.timers.set(e)
		}
		return
	}
	e.send(m, now)
}

// send queues a position.
func (e *edge) send(m *Message, now int64) {
	c := e.client
	if e.pending != nil {
		if e.pending != m {
			c.hub.counters.Conflated.Add(1)
		}
		e.pending = nil
	}
	c.shard.timers.drop(e)
	e.shown = m
	e.due = 0
	if e.gap > 0 {
		e.due = now + e.gap
	}
	c.put(item{edge: e, msg: m})
}

// event takes an event that is not the vehicle's new position.
func (e *edge) event(m *Message) {
	c := e.client
	if c.replayed.has(m) || !e.named && c.box != nil && !e.inside && !c.box.contains(m) {
		return
	}
	i := item{edge: e, msg: m, event: true}
	if !e.held {
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
			i.edge.pending = i.msg // the newest at least
		}
		return
	}
	c.late = append(c.late, i)
}

// release lets an edge's messages through once its snapshot is queued.
func (e *edge) release(now int64) {
	e.held = false
	if m := e.pending; m != nil {
		if e.shown == nil || newer(m, e.shown) {
			e.send(m, now)
		} else {
			e.pending = nil
		}
	}
}

// releaseLate queues the events whose vehicles are no longer held.
func (c *client) releaseLate(now int64) {
	late := c.late
	c.late = nil
	for _, i := range late {
		switch {
		case i.edge.at < 0: // left in the meantime
		case i.edge.held:
			c.late = append(c.late, i)
		case i.event:
			i.edge.event(i.msg)
		default:
			i.edge.position(i.msg, now)
		}
	}
}
