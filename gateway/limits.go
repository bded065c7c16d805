package gateway

import (
	"net/netip"

	"github.com/trackgate/trackgate/protocols"
)

// peerCount is what is counted of one address.
type peerCount struct {
	connections int
	logins      window // per second
	refusals    window // per minute
}

// window counts within spans of time.
type window struct {
	since protocols.Millis
	n     int
}

// add counts one more and returns how many there were in this span.
func (w *window) add(now, span protocols.Millis) int {
	if now-w.since >= span {
		w.since, w.n = now, 0
	}
	w.n++
	return w.n
}

// admit counts a connection in, unless there are too many. Loopback has no limits of its own: balancers and replays dial from there.
func (c *core) admit(a netip.Addr) bool {
	if !c.rate.Allow() {
		c.refuseConnection("accept_rate")
		return false
	}
	if c.open.Add(1)+c.others() > c.most {
		c.open.Add(-1)
		c.refuseConnection("connections")
		return false
	}
	if !c.count(a) {
		c.open.Add(-1)
		return false
	}
	return true
}

// mustWait says that nothing of the session may be decoded now, and why: the journal can not take it, or too much of it or of all waits
// there already.
func (c *core) mustWait(s *session) (limit string, wait bool) {
	switch {
	case c.committer.stalled():
		return "stalled", true
	case int(s.pending.Load()) >= maxPending:
		return "pending", true
	case c.budget.full():
		return "memory", true
	}
	return "", false
}

// neighbourhood is what the limits of an address hold for: an IPv4 address, or the network of 64 bits that an IPv6 subscriber has to himself.
func neighbourhood(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a // of no family: not a peer's
	}
	return p.Addr()
}

// count counts a connection of an address in, unless it has too many.
func (c *core) count(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a = neighbourhood(a)
	p := c.peers[a]
	if p == nil {
		p = new(peerCount)
		c.peers[a] = p
	}
	if p.connections >= c.cfg.ConnectionsPerAddress {
		c.refuseConnection("connections_per_address")
		return false
	}
	p.connections++
	return true
}

// uncount is the inverse of count.
func (c *core) uncount(a netip.Addr) {
	if a.IsLoopback() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.peers[neighbourhood(a)]; p != nil {
		p.connections--
	}
}

// move counts a connection as that of another address: the one behind a balancer. When that has too many, it stays counted as it was.
func (c *core) move(from, to netip.Addr) bool {
	if !c.count(to) {
		return false
	}
	c.uncount(from)
	return true
}

func (c *core) refuseConnection(limit string) {
	c.m.limits.WithLabelValues(limit).Inc()
	c.m.accepts.WithLabelValues("refused").Inc()
}

// leave counts a connection out that admit let in.
func (c *core) leave(a netip.Addr) {
	c.open.Add(-1)
	c.uncount(a)
}

// mayLogin counts a login from an address; false when it has had too many of them, or too many that were refused: whoever tries ids
// one after the other learns little.
func (c *core) mayLogin(a netip.Addr, now protocols.Millis) bool {
	if a.IsLoopback() {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.peers[neighbourhood(a)]
	if p == nil {
		return true // a datagram's: nothing is answered to a device that is not accepted
	}
	if p.logins.add(now, 1000) > c.cfg.LoginsPerAddress {
		c.m.limits.WithLabelValues("logins_per_address").Inc()
		return false
	}
	if now-p.refusals.since < 60_000 && p.refusals.n >= c.cfg.RefusalsPerAddress {
		c.m.limits.WithLabelValues("refusals_per_address").Inc()
		return false
	}
	return true
}

// refusedLogin counts a login that was refused.
func (c *core) refusedLogin(a netip.Addr, now protocols.Millis) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.peers[neighbourhood(a)]; p != nil {
		p.refusals.add(now, 60_000)
	}
}

// forget drops addresses that have no connection and no recent past.
func (c *core) forget(now protocols.Millis) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for a, p := range c.peers {
		if p.connections <= 0 && now-p.refusals.since >= 60_000 {
			delete(c.peers, a)
		}
	}
}
