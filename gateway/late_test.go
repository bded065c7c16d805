package gateway

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/gateway/simulate"
	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/all"
)

// startReal runs a gateway that speaks the real protocols.
func startReal(t *testing.T, change func(*Config, *journal.Config)) *rig {
	t.Helper()
	return startServing(t, all.Protocols, t.TempDir(), newMemory(), change)
}

// drain reads answers and forgets them.
func drain(c net.Conn) {
	b := make([]byte, 4096)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

// TestStoredUploadsDelayNothing lets devices empty their memories while another one drives: each of its points is published at once, and none of the
// stored ones moves a vehicle.
func TestStoredUploadsDelayNothing(t *testing.T) {
	const uploaders, stored, live = 4, 5000, 60
	r := startReal(t, nil)
	var mu sync.Mutex
	published := make(map[int64]time.Time) // by odometer
	driver := simulate.GT06{IMEI: simulate.IMEI(100)}
	r.live.mu.Lock()
	r.live.seen = func(e *protocols.Event) {
		if e.Device == driver.IMEI && e.Live() {
			a, _ := e.Attrs.Get("odometer_m")
			m, _ := a.Float()
			mu.Lock()
			published[int64(m)] = time.Now()
			mu.Unlock()
		}
	}
	r.live.mu.Unlock()
	now := time.Now()
	for u := range uploaders {
		p := r.dial("tcp", r.addr)
		p.SetDeadline(time.Time{})
		go drain(p.Conn)
		go func() {
			w := simulate.GT06{IMEI: simulate.IMEI(u)}
			b := w.Login(nil)
			for i := range stored {
				b, _ = w.Fixes(b, []simulate.Fix{{Time: now.Add(-time.Duration(stored-i+2) * 10 * time.Second), Lat: 52, Lng: 13, Sats: 9}}, now)
				if len(b) > 2000 || i == stored-1 {
					p.Write(b)
					b = b[:0]
				}
			}
		}()
	}
	p := r.dial("tcp", r.addr)
	go drain(p.Conn)
	p.Write(driver.Login(nil))
	sent := make(map[int64]time.Time)
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	begin := now.Truncate(time.Second).Add(-live * time.Second)
	for i := range int64(live) {
		b, _ := driver.Fixes(nil, []simulate.Fix{{Time: begin.Add(time.Duration(i) * time.Second), Lat: 48, Lng: 11, Sats: 9, Odometer: 1 + i}}, begin)
		sent[1+i] = time.Now()
		p.Write(b)
		<-every.C
	}
	var waits []time.Duration
	r.until("all live points are published", func() bool { mu.Lock(); defer mu.Unlock(); return len(published) == live })
	for i, at := range sent {
		waits = append(waits, published[i].Sub(at))
	}
	slices.Sort(waits)
	t.Logf("published after: median %v, longest %v", waits[len(waits)/2], waits[len(waits)-1])
	if longest := waits[len(waits)-1]; longest > 2*time.Second {
		t.Errorf("a live point was published after %v", longest)
	}
	for _, e := range r.store.wait(t, uploaders*stored+live) {
		if e.Device != driver.IMEI && (!e.Late || !e.Stored || e.Live()) {
			t.Fatalf("a stored record is taken for one of now: %s", e.AppendJSON(nil))
		}
	}
}

// TestClocks: a clock ahead is stored and never live, and does not freeze its vehicle; a date that rolled over is mended, said to be, and live.
func TestClocks(t *testing.T) {
	r := start(t, nil)
	r.put(protocols.Device{ID: "asis", Vehicle: "asis", Policy: protocols.Accept, Options: protocols.Options{Extra: "rollover=false"}})
	now := time.Now().Unix()
	const weeks1024 = 1024 * 7 * 24 * 3600
	p, asis := r.login("A"), r.login("asis")
	for _, at := range []int64{now + 3600, now, now - weeks1024 + 1, now - 3600} {
		p.say("fix %d 1 1\n", at)
		p.hear("1")
	}
	asis.say("fix %d 1 1\n", now-weeks1024)
	asis.hear("1")
	type verdict struct {
		time                protocols.Millis
		live, apart, rolled bool
	}
	second := func(at int64) protocols.Millis { return protocols.Millis(at * 1000) }
	check := func(where string, events []protocols.Event) {
		t.Helper()
		want := []verdict{{second(now + 3600), false, true, false}, {second(now), true, false, false}, {second(now + 1), true, false, true},
			{second(now - 3600), false, false, false}, {second(now - weeks1024), false, true, false}}
		for i, e := range events {
			_, rolled := e.Attrs.Get("rollover")
			if got := (verdict{e.Time, e.Live(), e.Apart(), rolled}); got != want[i] {
				t.Errorf("%s, event %d: %+v, want %+v", where, i, got, want[i])
			}
		}
	}
	check("store", r.store.wait(t, 5))
	check("live", r.live.wait(t, 5))
	if got := r.counter("records_total", "quality", "apart"); got != 2 {
		t.Errorf("counted %v apart", got)
	}
}

// TestRolloverOfRealTrackers: the same in the bytes of a real protocol, and in a replay a capture is as old as it looks.
func TestRolloverOfRealTrackers(t *testing.T) {
	r := startReal(t, nil)
	for i, w := range []simulate.Wire{&simulate.GT06{IMEI: simulate.IMEI(1)}, &simulate.Teltonika{IMEI: simulate.IMEI(2)}} {
		now := time.Now().Truncate(time.Second)
		p := r.dial("tcp", r.addr)
		go drain(p.Conn)
		p.Write(w.Login(nil))
		b, _ := w.Fixes(nil, []simulate.Fix{{Time: now.AddDate(0, 0, -7*1024), Lat: 52, Lng: 13, Sats: 9}}, now)
		p.Write(b)
		e := r.store.wait(t, i+1)[i]
		if _, rolled := e.Attrs.Get("rollover"); !rolled || e.Time != protocols.At(now) || !e.Valid {
			t.Errorf("%s: %s", w.Name(), e.AppendJSON(nil))
		}
	}
}
