package gateway

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/trackgate/trackgate/gateway/journal"
)

// TestConnectionRate reads a connection that sends too fast later, and loses nothing of it.
func TestConnectionRate(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.FramesPerSecond = 10 })
	p, other := r.dial("tcp", r.addr), r.dial("tcp", r.addr)
	p.say("login A\n")
	p.hear("ok")
	p.say("%s", strings.Repeat("beat\n", 25))
	other.say("login B\nbeat\n")
	other.hear("ok")
	other.hear("beat")
	for range 25 {
		p.hear("beat")
	}
	if got := r.counter("limits_hit_total", "limit", "connection_rate"); got < 2 {
		t.Errorf("counted %v pauses, want 2 or more", got)
	}
}

// TestLimitsOfAnAddress tries what loopback is exempt from.
func TestLimitsOfAnAddress(t *testing.T) {
	cfg := testConfig("", "")
	cfg.ConnectionsPerAddress, cfg.LoginsPerAddress, cfg.RefusalsPerAddress = 2, 3, 2
	c := &core{cfg: &cfg, m: newMetrics(prometheus.NewRegistry()), rate: rate.NewLimiter(5, 5), most: 100, others: func() int64 { return 0 }, peers: make(map[netip.Addr]*peerCount)}
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	admits := func(addr netip.Addr, want bool) {
		t.Helper()
		if got := c.admit(addr); got != want {
			t.Errorf("admit %v: %v", addr, got)
		}
	}
	admits(a, true)
	admits(a, true)
	admits(a, false)
	admits(b, true)
	c.leave(a)
	admits(a, true)
	admits(netip.MustParseAddr("127.0.0.1"), false) // five in a second were all

	logins := func(addr netip.Addr, now int, want bool) {
		t.Helper()
		if got := c.mayLogin(addr, clockAt(now)); got != want {
			t.Errorf("login of %v at %d ms: %v", addr, now, got)
		}
	}
	for i := range 4 {
		logins(b, i, i < 3)
	}
	logins(b, 1000, true)
	c.refusedLogin(a, clockAt(0))
	logins(a, 1, true)
	c.refusedLogin(a, clockAt(2))
	logins(a, 3, false)
	logins(a, 59_000, false)
	logins(a, 61_000, true)
	c.leave(a)
	c.leave(a)
	c.leave(b)
	c.forget(clockAt(200_000))
	if len(c.peers) != 0 {
		t.Errorf("remembers %d addresses", len(c.peers))
	}
}

func TestSessionsOfADeviceBeginApart(t *testing.T) {
	var e entry
	for i, want := range []int{0, 1, 2, 7, 8} {
		now := clockAt(0)
		if i == 3 {
			now = clockAt(7)
		}
		if got := e.begin(now); got != clockAt(want) {
			t.Errorf("session %d begins %d ms after the first, want %d", i, got-clockAt(0), want)
		}
	}
}
