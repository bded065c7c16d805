package gateway

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

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

// TestBytesPerSecond reads a connection that sends too much later, and loses nothing of it.
func TestBytesPerSecond(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.BytesPerSecond = 4000 })
	p, other := r.login("A"), r.login("B")
	pad := strings.Repeat(" ", 1000)
	for range 3 {
		for range 4 {
			p.say("beat%s\n", pad)
		}
		other.say("beat\n")
		other.hear("beat")
	}
	for range 12 {
		p.hear("beat")
	}
	if got := r.counter("limits_hit_total", "limit", "connection_rate"); got < 1 {
		t.Errorf("counted %v pauses", got)
	}
	if got := r.counter("closes_total"); got != 0 {
		t.Errorf("%v connections were closed", got)
	}
}

// TestNeighbourhood: an IPv6 subscriber has a whole network to dial from, and one limit for it.
func TestNeighbourhood(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { proxied(c); c.ConnectionsPerAddress, c.LoginsPerAddress = 2, 3 })
	for i, source := range []string{"2001:db8::1", "2001:db8::ffff:ffff:ffff:1"} {
		p := r.behind(source)
		p.say("login D%d\n", i)
		p.hear("ok")
	}
	third := r.behind("2001:db8::2")
	third.say("login E\n")
	third.gone()
	other := r.behind("2001:db8:0:1::1")
	other.say("login F\n")
	other.hear("ok")
	if got := r.counter("limits_hit_total", "limit", "connections_per_address"); got != 1 {
		t.Errorf("counted %v", got)
	}
}

// TestLoginsPerAddress hangs up on the login that is too many within a second, unanswered.
func TestLoginsPerAddress(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { proxied(c); c.LoginsPerAddress = 3 })
	var peers []*peer
	for range 20 {
		peers = append(peers, r.behind("192.0.2.7"))
	}
	r.until("all connected", func() bool { return r.counter("connections", "protocol", "any") == 20 })
	for i, p := range peers {
		p.say("login D%d\n", i)
	}
	r.until("counted", func() bool { return r.counter("limits_hit_total", "limit", "logins_per_address") > 0 })
	if got := r.counter("logins_refused_total", "reason", "budget"); got < 1 {
		t.Errorf("counted %v refusals", got)
	}
}

// TestAcceptRate refuses what comes faster, and lets it in later.
func TestAcceptRate(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.AcceptRate = 5 })
	for range 30 {
		r.dial("tcp", r.addr)
	}
	r.until("some are refused", func() bool { return r.counter("limits_hit_total", "limit", "accept_rate") > 0 })
	r.until("a device is let in again", func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprint(c, "login A\n")
		answer, err := bufio.NewReader(c).ReadString('\n')
		return err == nil && answer == "ok\n"
	})
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
