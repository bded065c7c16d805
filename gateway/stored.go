package gateway

import (
	"sync"
	"sync/atomic"
)

// parking holds the replies of committed groups until the store has their records, for `ack: stored`.
type parking struct {
	mu     sync.Mutex
	groups []*group
	bytes  int
	upTo   uint64 // what the store has
	limit  int    // bytes

	full atomic.Bool // devices are told to wait until half of the limit is free again
}

// parkingBytes is how much may wait; beyond it devices are told to wait. What the journal's groups hold already is still added.
const parkingBytes = 64 << 20

// park keeps a copy of what g owes. It returns nil while that must wait, and a group to deliver when the store was faster.
func (p *parking) park(g *group) (ready *group) {
	c := &group{out: append([]byte(nil), g.out...), acks: append([]ack(nil), g.acks...), upTo: g.upTo}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.upTo <= p.upTo && len(p.groups) == 0 {
		return c
	}
	p.groups = append(p.groups, c)
	p.bytes += c.size()
	if p.bytes >= p.limit {
		p.full.Store(true)
	}
	return nil
}

// release returns the groups whose records the store now has, in order, and whether there is room again after there was none.
func (p *parking) release(upTo uint64) (ready []*group, eased bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.upTo = upTo
	n := 0
	for n < len(p.groups) && p.groups[n].upTo <= upTo {
		p.bytes -= p.groups[n].size()
		n++
	}
	ready = p.groups[:n:n]
	p.groups = p.groups[n:]
	return ready, p.bytes < p.limit/2 && p.full.CompareAndSwap(true, false)
}

func (g *group) size() int { return len(g.out) + 64*len(g.acks) }
