package fanout

import (
	"net/netip"
	"sync"
)

// gate counts connections against the limits.
type gate struct {
	limits *Limits

	mu        sync.Mutex
	all       int
	users     map[string]int
	addresses map[netip.Addr]int
}

func newGate(l *Limits) *gate {
	return &gate{limits: l, users: make(map[string]int), addresses: make(map[netip.Addr]int)}
}

// enter counts a connection of an address, unless there are too many.
func (g *gate) enter(a netip.Addr) (refusal, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.limits.Connections {
		return refusedConnections, false
	}
	if !a.IsLoopback() && g.addresses[a] >= g.limits.PerAddress {
		return refusedAddress, false
	}
	g.all++
	g.addresses[a]++
	return 0, true
}

// user counts it for a subject too, unless that has too many.
func (g *gate) user(sub string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users[sub] >= g.limits.PerUser {
		return false
	}
	g.users[sub]++
	return true
}

// leave undoes enter, and user if sub is not empty.
func (g *gate) leave(a netip.Addr, sub string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.addresses[a]--; g.addresses[a] <= 0 {
		delete(g.addresses, a)
	}
	if sub != "" {
		if g.users[sub]--; g.users[sub] <= 0 {
			delete(g.users, sub)
		}
	}
}

// addressOf is the address of a connection; an IPv6 customer is the /64 that his provider gave him.
func addressOf(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	a := ap.Addr().Unmap().WithZone("")
	if a.Is6() && !a.IsLoopback() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
