package fanout

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
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

// spareFiles are the descriptors that are left for other things than clients: the store, Redis, devices' logins, files.
const spareFiles = 512

// within is how many connections fit into the files that the process may open, if wanted are wanted.
func within(wanted int, files uint64) int {
	if files >= uint64(wanted)+spareFiles {
		return wanted
	}
	return max(int(files)-spareFiles, int(files)/2, 1)
}

// addressOf is the address that a request came from. Behind proxies that are trusted it is what the last of them says: the entries of
// X-Forwarded-For are read from the end, up to the first that no trusted proxy wrote. Anybody may write the ones before.
func (s *Server) addressOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a := ap.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusts(a); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		a = hop.Unmap()
	}
	return customer(a)
}

func (s *Server) trusts(a netip.Addr) bool {
	a = a.WithZone("")
	return slices.ContainsFunc(s.config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// customer is what counts as one address; an IPv6 customer is the /64 that his provider gave him.
func customer(a netip.Addr) netip.Addr {
	a = a.WithZone("")
	if a.Is6() && !a.IsLoopback() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
