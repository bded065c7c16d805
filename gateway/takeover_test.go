package gateway

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trackgate/trackgate/gateway/journal"
)

func TestTakeover(t *testing.T) {
	r := start(t, nil)
	old, young := r.dial("tcp", r.addr), r.dial("tcp", r.addr)
	old.say("login A\n")
	old.hear("ok")
	young.say("login A\n")
	young.hear("ok")
	old.gone()
	young.say("beat\n")
	young.hear("beat")
	if got := r.counter("closes_total", "reason", "takeover"); got != 1 {
		t.Errorf("counted %v takeovers", got)
	}
}

func TestTakeoverOff(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.Takeover = "both" })
	a, b := r.dial("tcp", r.addr), r.dial("tcp", r.addr)
	for _, p := range []*peer{a, b, a, b} {
		p.say("login A\n")
		p.hear("ok")
	}
}

// TestTakeoverBothIsLimited lets in as many connections of a device as configured, and the next in the place of one that is silent.
func TestTakeoverBothIsLimited(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) {
		c.Takeover, c.ConnectionsPerDevice, c.TakeoverSilence = "both", 2, 700*time.Millisecond
	})
	first, second := r.login("A"), r.login("A")
	second.say("beat\n")
	second.hear("beat")
	r.refusedLogin("A")
	if got := r.counter("limits_hit_total", "limit", "connections_per_device"); got != 1 {
		t.Errorf("counted %v times", got)
	}
	r.login("B")
	third := r.loginUntil("A", func() { second.say("beat\n"); second.hear("beat") })
	first.gone() // it was silent
	third.say("beat\n")
	third.hear("beat")
	second.say("beat\n")
	second.hear("beat")
}

// TestTakeoverKeep refuses a newcomer while the older connection is alive, as an unknown device is refused.
func TestTakeoverKeep(t *testing.T) {
	for _, secure := range []bool{false, true} {
		keep := func(c *Config) { c.Takeover, c.TakeoverSilence = "keep", time.Minute }
		r, a := startTLS(t, false, keep)
		var old *peer
		if old = r.dial("tcp", r.addr); secure {
			old = r.dialTLS(a, r.cfg.TLS.Addr)
		}
		old.say("login A\n")
		old.hear("ok")
		for range 2 {
			r.refusedLogin("A")
		}
		old.say("beat\n")
		old.hear("beat")
		if got := r.counter("logins_refused_total", "reason", "takeover"); got != 2 {
			t.Errorf("counted %v refusals", got)
		}
		old.Close()
		young := r.loginUntil("A", nil)
		young.say("fix %d 1 1\n", time.Now().Unix())
		young.hear("1")
		for _, e := range r.store.wait(t, 2) {
			if e.Has != 0 && e.Lat != 1 {
				t.Errorf("stored %+v of a refused connection", e)
			}
		}
	}
}

// TestTakeoverKeepEndsWithSilence: a half-open connection keeps its device out for takeover_silence and no longer.
func TestTakeoverKeepEndsWithSilence(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) {
		c.Takeover, c.TakeoverSilence = "keep", 500*time.Millisecond
	})
	halfOpen := r.login("A")
	begun := time.Now()
	r.loginUntil("A", nil)
	if d := time.Since(begun); d < 400*time.Millisecond || d > 5*time.Second {
		t.Errorf("took %v", d)
	}
	halfOpen.gone()
}

// TestTakeoverKeepProbes: the refused login has TCP ask the older connection's peer, which is gone without a word.
func TestTakeoverKeepProbes(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) {
		c.Takeover, c.TakeoverSilence = "keep", time.Hour
	})
	old := r.login("A")
	r.refusedLogin("A")
	e, _ := r.core.registry.lookup("A")
	e.open.mu.Lock()
	fd := e.open.list[0].transport.(*tcpConn).conn.Fd()
	e.open.mu.Unlock()
	for option, want := range map[int]int{unix.TCP_KEEPIDLE: 1, unix.TCP_KEEPINTVL: 5, unix.TCP_KEEPCNT: 3, unix.TCP_USER_TIMEOUT: 15_000} {
		r.until("socket asks its peer", func() bool {
			got, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, option)
			return err == nil && got == want
		})
	}
	if !vanish(t, old) {
		return // without the privilege to lose a socket, that much must do
	}
	begun := time.Now()
	r.loginUntil("A", nil)
	t.Logf("the device was let in again after %v", time.Since(begun))
}

// vanish loses a connection's socket without a word to its peer, as a tracker does whose power is cut; false without the privilege for it.
func vanish(t *testing.T, p *peer) bool {
	t.Helper()
	raw, err := p.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const repair = 19 // TCP_REPAIR: closing sends nothing
	ok := false
	if err := raw.Control(func(fd uintptr) { ok = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, repair, 1) == nil }); err != nil {
		t.Fatal(err)
	}
	if ok {
		p.Close()
	}
	return ok
}

// login connects and logs in.
func (r *rig) login(id string) *peer {
	r.t.Helper()
	p := r.dial("tcp", r.addr)
	p.say("login %s\n", id)
	p.hear("ok")
	return p
}

// refusedLogin connects, tries to log in and to send a fix, and is told no.
func (r *rig) refusedLogin(id string) {
	r.t.Helper()
	p := r.dial("tcp", r.addr)
	p.say("login %s\nfix %d 9 9\n", id, time.Now().Unix())
	p.hear("no")
	p.gone()
}

// loginUntil tries to log in as a tracker does, again and again, until it is let in; between is called after each refusal.
func (r *rig) loginUntil(id string, between func()) *peer {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		p := r.dial("tcp", r.addr)
		p.say("login %s\n", id)
		answer, err := p.r.ReadString('\n')
		if err != nil {
			r.t.Fatal(err)
		}
		if answer == "ok\n" {
			return p
		}
		if between != nil {
			between()
		}
		p.gone() // a second later
	}
	r.t.Fatalf("%s is locked out", id)
	return nil
}
