package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
)

// behind dials as a balancer does that takes the connection of source.
func (r *rig) behind(source string) *peer {
	r.t.Helper()
	p := r.dial("tcp", r.addr)
	family := "TCP4 " + source + " 192.0.2.1"
	if strings.Contains(source, ":") {
		family = "TCP6 " + source + " 2001:db8::1"
	}
	p.say("PROXY %s 12345 5000\r\n", family)
	return p
}

func proxied(c *Config) { c.ProxyFrom = []string{"127.0.0.1"} }

// put changes the registry and waits until the gateway knows.
func (r *rig) put(d protocols.Device) {
	r.t.Helper()
	r.registry.PutDevices(r.t.Context(), []protocols.Device{d})
	r.until("known", func() bool {
		got, ok := r.core.registry.Device(d.ID)
		return ok && got.Options == d.Options && got.Policy == d.Policy
	})
}

func pinned(id, networks string) protocols.Device {
	return protocols.Device{ID: id, Vehicle: id, Policy: protocols.Accept, Options: protocols.Options{Networks: networks}}
}

// TestPinnedDevice refuses a device from elsewhere, in the same words and at the same time as a number that nobody knows.
func TestPinnedDevice(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { proxied(c); c.Unknown = "reject" })
	r.put(pinned("A", "192.0.2.0/24,2001:db8::/32"))
	for _, source := range []string{"192.0.2.9", "2001:db8:1::9"} {
		p := r.behind(source)
		p.say("login A\nfix %d 1 1\n", time.Now().Unix())
		p.hear("ok")
		p.hear("1")
		p.Close()
	}
	for _, id := range []string{"A", "stranger"} {
		p := r.behind("198.51.100.7")
		begun := time.Now()
		p.say("login %s\nfix %d 9 9\nbeat\n", id, time.Now().Unix())
		p.hear("no")
		p.gone()
		if d := time.Since(begun); d < refuseLinger-100*time.Millisecond || d > 10*time.Second { // when the next tick after it comes
			t.Errorf("%s: closed after %v", id, d)
		}
	}
	for reason, want := range map[string]float64{"network": 1, "unknown": 1} {
		if got := r.counter("logins_refused_total", "reason", reason); got != want {
			t.Errorf("%s: counted %v", reason, got)
		}
	}
	for _, e := range r.store.wait(t, 2) {
		if e.Lat == 9 {
			t.Error("a refused device's fix is stored")
		}
	}
}

// TestPinnedDeviceOverUDP answers nothing from elsewhere, and goes on as soon as the operator allows it.
func TestPinnedDeviceOverUDP(t *testing.T) {
	r := start(t, nil)
	r.put(pinned("U", "192.0.2.0/24"))
	p := r.dial("udp", r.addr)
	p.say("login U\n")
	r.until("refused", func() bool { return r.counter("logins_refused_total", "reason", "network") == 1 })
	r.put(pinned("U", "127.0.0.0/8"))
	p.say("login U\n")
	p.hear("ok") // and nothing before
	p.say("beat")
	p.hear("beat")
	r.put(pinned("U", "192.0.2.0/24"))
	p.say("beat")
	r.until("refused again", func() bool { return r.counter("logins_refused_total", "reason", "network") == 2 })
	if got := len(r.store.wait(t, 1)); got != 1 {
		t.Errorf("stored %d", got)
	}
}

// TestRefusedWhileConnected ends the connection of a device that the operator rejects or pins elsewhere; what it sends then is not acknowledged.
func TestRefusedWhileConnected(t *testing.T) {
	r := start(t, nil)
	a, b := r.login("A"), r.login("B")
	r.put(pinned("A", "192.0.2.0/24"))
	r.put(protocols.Device{ID: "B", Vehicle: "B", Policy: protocols.Reject})
	for _, p := range []*peer{a, b} {
		p.say("beat\n")
		p.gone()
	}
	if network, rejected := r.counter("logins_refused_total", "reason", "network"), r.counter("logins_refused_total", "reason", "rejected"); network != 1 || rejected != 1 {
		t.Errorf("counted %v and %v", network, rejected)
	}
}

// TestReplayDoesNotEscapePins: the replay listener is a way in like any other.
func TestReplayDoesNotEscapePins(t *testing.T) {
	r := start(t, nil)
	r.put(pinned("A", "192.0.2.0/24"))
	p := r.dial("tcp", r.replay)
	p.say("login A\n")
	p.hear("no")
	p.gone()
}

// TestEnumeration tries numbers one after the other: no more than the budget of the address are answered, and a neighbour's logins go on.
func TestEnumeration(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { proxied(c); c.Unknown, c.RefusalsPerAddress = "reject", 20 })
	r.put(protocols.Device{ID: "known", Vehicle: "known", Policy: protocols.Accept})
	answered := 0
	for i := range 100 {
		p := r.behind("198.51.100.7")
		p.say("login 86000000%07d\n", i)
		p.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err := p.r.ReadByte(); err == nil {
			answered++
		} else if i < 20 {
			t.Fatalf("attempt %d: %v", i, err)
		} else if i > 25 {
			break
		}
		p.Close()
	}
	if answered != 20 {
		t.Errorf("%d answers, want 20", answered)
	}
	if got := r.counter("limits_hit_total", "limit", "refusals_per_address"); got < 1 {
		t.Errorf("counted %v", got)
	}
	p := r.behind("198.51.100.8")
	p.say("login known\n")
	p.hear("ok")
}
