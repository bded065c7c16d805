package gateway

import "sync"

// parking holds the replies of committed groups until the store has their records, for `ack: stored`.
type parking struct {
	mu     sync.Mutex
	groups []*group
	bytes  int
	upTo   uint64 // what the store has
}

// parkingBytes bounds what waits; beyond it devices are told to wait.
const parkingBytes = 64 << 20

// park keeps a copy of what g owes. It returns nil while that must wait, a group to deliver when the store was faster, and whether there is
// room for more.
func (p *parking) park(g *group) (ready *group, room bool) {
	c := &group{out: append([]byte(nil), g.out...), acks: append([]ack(nil), g.acks...), upTo: g.upTo}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.upTo <= p.upTo && len(p.groups) == 0 {
		return c, true
	}
	p.groups = append(p.groups, c)
	p.bytes += c.size()
	return nil, p.bytes < parkingBytes
}

// release returns the groups whose records the store now has, in order.
func (p *parking) release(upTo uint64) (ready []*group, room bool) {
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
	return ready, p.bytes < parkingBytes/2
}

func (g *group) size() int { return len(g.out) + 64*len(g.acks) }
