package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/gateway/journal"
)

// committer makes records durable in groups: whatever gathered while the last group was being synced is the next, and where that is many, what
// comes within a window after. It then hands the replies of the group back to the sessions that wait for them.
//
// There are always two groups or more: one that gathers, and others that are being written or delivered. The gathering group is never taken away without a
// successor, so a session can always add what it has decoded; when too much has gathered, or waits for the store, stalled says so before the next frame is
// decoded.
type committer struct {
	journal *journal.Log
	window  time.Duration  // how long a group of company waits for more
	limit   int            // bytes of a group beyond which the sessions are told to wait
	deliver func(g *group) // must call g.done once for each of its parts
	resume  func()         // called when the stall is over
	log     *zap.Logger
	m       *metrics

	mu      sync.Mutex
	gather  *group
	full    []*group // gathered before it; each is what the sessions had decoded already when too much had gathered
	spilled int      // groups beyond the usual ones that are not delivered yet
	kick    chan struct{}
	free    chan *group
	crowded atomic.Bool // too much has gathered, or nothing can be committed
	parked  parking
	trouble atomic.Pointer[string] // why nothing can be committed now; nil when all is well
}

// group is what becomes durable in one step.
type group struct {
	batch *journal.Batch
	out   []byte // all replies of the group
	acks  []ack
	upTo  uint64 // journal index behind the group, once committed

	parts   atomic.Int32 // deliveries under way
	owner   *committer
	spilled bool // beyond the usual number
}

// ack is what a session waits for: a part of its group's out.
type ack struct {
	s      *session
	off, n int
	frames int32
	bytes  int // of the memory budget
	hangUp bool
	done   chan<- struct{} // of an HTTP request; nil otherwise
}

// Limits of what waits between the sockets and the disk.
const (
	groups     = 4
	groupBytes = 8 << 20
	retryAfter = time.Second
)

func newCommitter(log *journal.Log, window time.Duration, m *metrics, zl *zap.Logger) *committer {
	c := &committer{journal: log, window: window, log: zl, m: m, kick: make(chan struct{}, 1), free: make(chan *group, groups)}
	for range groups {
		c.free <- &group{batch: log.NewBatch(), owner: c}
	}
	c.gather = <-c.free
	c.limit = min(groupBytes, c.gather.batch.Limit()/2) // the rest is for what the sessions have decoded already
	c.parked.limit = parkingBytes
	return c
}

// stalled says that nothing more may be decoded now: the devices keep it.
func (c *committer) stalled() bool { return c.crowded.Load() || c.parked.full.Load() }

// add puts the staged records of one read and their reply into the gathering group, and where that has no room for them, into one behind it. Who looks at
// stalled before each read adds one read at most to what has gathered.
func (c *committer) add(w *worker, a ack) error {
	c.mu.Lock()
	g := c.gather
	for done := 0; done < len(w.ends); {
		start := 0
		if done > 0 {
			start = w.ends[done-1]
		}
		n, err := g.batch.AddAll(w.stage, start, w.ends[done:])
		done += n
		if errors.Is(err, journal.ErrBatchFull) {
			g = c.spill()
			continue
		}
		if err != nil {
			c.mu.Unlock()
			return err
		}
	}
	a.off, a.n = len(g.out), len(w.out)
	g.out = append(g.out, w.out...)
	g.acks = append(g.acks, a)
	if c.crowd() {
		c.crowded.Store(true)
	}
	c.mu.Unlock()
	c.poke()
	return nil
}

// spill puts a new group behind the gathering one, which is full. The caller holds mu.
func (c *committer) spill() *group {
	c.full = append(c.full, c.gather)
	c.gather = &group{batch: c.journal.NewBatch(), owner: c, spilled: true}
	c.spilled++
	return c.gather
}

// crowd says that too much has gathered. The caller holds mu.
func (c *committer) crowd() bool {
	return len(c.full) > 0 || c.gather.batch.Bytes()+len(c.gather.out) >= c.limit
}

func (c *committer) poke() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// company is how many records in a group say that waiting pays: while fewer gather by themselves, the machine has time to commit them at once, and nobody
// waits but for the disk.
const company = 64

// run commits until ctx ends and nothing is left to commit.
func (c *committer) run(ctx context.Context) {
	last := 0 // records of the last group
	for {
		select {
		case <-c.kick:
		case <-ctx.Done():
			c.mu.Lock()
			left := len(c.gather.acks) + len(c.full)
			c.mu.Unlock()
			if left == 0 {
				return
			}
		}
		if c.window > 0 && last >= company && ctx.Err() == nil {
			time.Sleep(c.window)
		}
		g := c.take()
		if len(g.acks) == 0 && g.batch.Len() == 0 {
			c.free <- g
			continue
		}
		last = g.batch.Len()
		if !c.commit(ctx, g) {
			return // stopped while the disk was in trouble: nothing of g is acknowledged, the devices send it again
		}
		c.mu.Lock()
		eased := !c.crowd() && c.crowded.CompareAndSwap(true, false)
		c.mu.Unlock()
		if eased {
			c.resume()
		}
		c.deliver(g)
	}
}

// take returns the oldest group.
func (c *committer) take() *group {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.full) == 0 {
		c.mu.Unlock()
		next := <-c.free
		c.mu.Lock()
		if len(c.full) == 0 {
			g := c.gather
			c.gather = next
			return g
		}
		c.free <- next
	}
	g := c.full[0]
	c.full = append(c.full[:0], c.full[1:]...)
	c.poke() // there are others
	return g
}

// commit makes g durable, however long that takes. It returns false when ctx ends first.
func (c *committer) commit(ctx context.Context, g *group) bool {
	for {
		if g.batch.Len() == 0 { // replies that only kept their place behind records
			g.upTo = c.journal.Next()
			c.ease()
			return true
		}
		start := time.Now()
		_, err := c.journal.Append(g.batch)
		c.m.commitSeconds.Observe(time.Since(start).Seconds())
		if err == nil {
			g.upTo = c.journal.Next()
			c.m.commitRecords.Add(float64(g.batch.Len()))
			c.ease()
			return true
		}
		reason := err.Error()
		if c.trouble.Swap(&reason) == nil {
			c.log.Error("journal refuses records; devices keep their data until it takes them again", zap.Error(err))
		}
		c.crowded.Store(true)
		c.m.limits.WithLabelValues(journalTrouble(err)).Inc()
		select {
		case <-ctx.Done():
			return false
		case <-time.After(retryAfter):
		}
	}
}

func (c *committer) ease() {
	if c.trouble.Swap(nil) != nil {
		c.log.Info("journal takes records again")
	}
}

func journalTrouble(err error) string {
	if errors.Is(err, journal.ErrFull) {
		return "journal_full"
	}
	return "journal_failed"
}

// idle tells whether nothing is waiting for the disk or for its delivery.
func (c *committer) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.gather.acks) == 0 && len(c.full) == 0 && c.spilled == 0 && len(c.free) == groups-1
}

// done says that one part of the group has been delivered; the last one frees the group.
func (g *group) done() {
	if g.parts.Add(-1) > 0 {
		return
	}
	if g.owner == nil {
		return // a copy that waited for the store
	}
	if g.spilled {
		g.owner.mu.Lock()
		g.owner.spilled--
		g.owner.mu.Unlock()
		return
	}
	g.batch.Reset()
	clear(g.acks)
	g.out, g.acks = g.out[:0], g.acks[:0]
	g.owner.free <- g
}
