package fanout

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/protocols"
)

// tape is a link that records, and takes nothing while it is stuck.
type tape struct {
	hub    *Hub
	client *client
	mu     sync.Mutex
	stuck  bool
	lines  []string
	code   int
	moved  int64
	pings  int
}

func (t *tape) encode(dst []byte, items []item) []byte {
	for i := range items {
		if items[i].frame {
			dst = append(dst, "ping\n"...)
			continue
		}
		dst = append(appendItem(dst, &items[i]), '\n')
	}
	return dst
}

func (t *tape) ping() []byte { return []byte("ping") }

func (t *tape) write(b []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")...)
	if !t.stuck {
		t.moved = t.hub.now()
	}
	return !t.stuck
}

func (t *tape) progress() int64 { return t.moved }

func (t *tape) close(code int, _ string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.code = code
}

// ended is the code that the connection was closed with; 0: it is open.
func (t *tape) ended() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.code
}

func (t *tape) stick(stuck bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stuck = stuck
}

// speeds are those of the vehicle's positions, in their order; other things stand by their type.
func (t *tape) take(tb testing.TB) (out []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lines {
		if l == "ping" {
			t.pings++
			continue
		}
		var m message
		if err := json.Unmarshal([]byte(l), &m); err != nil {
			tb.Fatalf("%v: %s", err, l)
		}
		switch m.Type {
		case "location:update":
			out = append(out, fmt.Sprint(m.Vehicle, m.Speed))
		case "event":
			out = append(out, m.Vehicle+"!"+m.Alarm)
		case "skipped":
			out = append(out, fmt.Sprint("skipped ", m.Count))
		case "snapshot":
			s := "snapshot"
			for _, e := range m.Events {
				s += " " + fmt.Sprint(e.Vehicle, e.Speed)
			}
			out = append(out, s)
		default:
			out = append(out, m.Type)
		}
	}
	t.lines = nil
	return out
}

// rig is a hub in a bubble of its own time.
type rig struct {
	*Hub
	t      *testing.T
	bus    *hooked
	server *Server
}

// hooked is a bus on which something can happen between the reading of a snapshot and its sending, and which may know more than came.
type hooked struct {
	*Local
	ahead []*Message
	then  func()
}

func (h *hooked) LastKnown(ctx context.Context, vehicles []string) ([]*Message, error) {
	out, err := h.Local.LastKnown(ctx, vehicles)
	if then := h.then; then != nil {
		h.then = nil
		then()
	}
	return append(out, h.ahead...), err
}

func inBubble(t *testing.T, limits Limits, f func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		counters := new(Counters)
		bus := &hooked{Local: NewLocal(counters)}
		ctx, cancel := context.WithCancel(context.Background())
		a, err := auth.New(ctx, auth.Config{Secret: testSecret}, auth.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Config{PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second, Limits: limits},
			Parts{Bus: bus, Store: newMemory(), Authority: a, Counters: counters})
		if err != nil {
			t.Fatal(err)
		}
		s.streams = true // a poller waits outside of the bubble
		for _, shard := range s.hub.shards[1:] {
			close(shard.stopped) // one is enough here
		}
		s.hub.shards = s.hub.shards[:1]
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Run(ctx)
		}()
		f(&rig{s.hub, t, bus, s})
		cancel()
		<-done
	})
}

func (r *rig) client(vehicles ...string) (*session, *tape) {
	g, _ := auth.NewGrants(vehicles, nil)
	l := &tape{hub: r.Hub}
	c := newClient(r.Hub, l, &auth.Claims{Subject: "u", Expires: time.Now().Add(time.Hour), Scope: auth.Scopes(auth.Read), Grants: g}, 0)
	l.client = c
	r.attach(c)
	return &session{server: r.server, client: c, user: "u"}, l
}

func (r *rig) ask(s *session, text string) {
	r.t.Helper()
	q, err := parseRequest([]byte(text))
	if err != nil {
		r.t.Fatal(err)
	}
	s.handle(r.server.ctx, q)
	synctest.Wait()
}

func (r *rig) publish(events ...protocols.Event) {
	for i := range events {
		events[i].Time += protocols.At(time.Now()) - baseTime
		events[i].Received = protocols.At(time.Now())
		r.bus.Publish(context.Background(), []*Message{NewMessage(&events[i])})
	}
	synctest.Wait()
}

func (r *rig) want(l *tape, want ...string) {
	r.t.Helper()
	synctest.Wait()
	if got := l.take(r.t); fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("got %q, want %q", got, want)
	}
}

func TestMaxHz(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		s, l := r.client("*")
		r.ask(s, `{"track":["a","b"],"max_hz":1}`)
		r.want(l, "snapshot")
		start := time.Now()
		r.publish(fix("a", 1))
		r.want(l, "a1")
		time.Sleep(100 * time.Millisecond)
		r.publish(fix("a", 2), fix("b", 2), fix("a", 3))
		r.want(l, "b2") // another vehicle is not kept back
		time.Sleep(899 * time.Millisecond)
		r.want(l)
		time.Sleep(time.Millisecond)
		r.want(l, "a3") // the newest, when its time has come, and not the one that came at the right moment
		if got := time.Since(start); got != time.Second {
			t.Errorf("after %v", got)
		}
		// An alarm is not kept back, nor what is no position; none is lost.
		moving := alarm("a", 6)
		moving.SetFix(51, 10, true)
		r.publish(fix("a", 4), alarm("a", 5), moving, alarm("a", 7))
		r.want(l, "a!sos", "a0", "a!sos")
		time.Sleep(2 * time.Second)
		r.want(l) // position 4 is older than the alarm's
		r.ask(s, `{"max_hz":0}`)
		r.publish(fix("a", 10), fix("a", 11), fix("a", 12))
		r.want(l, "a10", "a11", "a12")
		if got := r.counters.Conflated.Load(); got != 2 {
			t.Errorf("%d conflated, want 2", got)
		}
		s.end()
	})
}

func TestSlowClient(t *testing.T) {
	inBubble(t, Limits{Events: 8}, func(r *rig) {
		slow, l := r.client("*")
		good, m := r.client("*")
		r.ask(slow, `{"track":["*"],"max_hz":0}`)
		r.ask(good, `{"track":["*"],"max_hz":0}`)
		l.take(t)
		m.take(t)
		l.stick(true)
		r.publish(fix("a", 0)) // fills the socket
		for i := 1; i <= 1000; i++ {
			r.publish(fix("a", i), fix("b", i))
		}
		r.publish(alarm("a", 1001))
		if got := len(m.take(t)); got != 2002 {
			t.Errorf("the good client got %d, want all 2002", got)
		}
		var waiting int
		slow.client.shard.do(func() { waiting = len(slow.client.queue) - slow.client.head })
		if waiting > 600 {
			t.Errorf("%d wait for the slow client", waiting)
		}
		l.take(t)
		l.stick(false)
		slow.client.writable()
		synctest.Wait()
		got := l.take(t)
		if !strings.HasPrefix(got[0], "skipped ") || got[len(got)-1] != "a!sos" || got[len(got)-2] != "b1000" {
			t.Errorf("got %q", got)
		}
		if sent, skipped := len(got)-1, r.counters.Skipped.Load(); sent+int(skipped) != 2001 {
			t.Errorf("%d sent and %d skipped of 2001", sent, skipped)
		}

		// Events that are no alarm may go; alarms may not, so the client does.
		l.stick(true)
		r.publish(fix("a", 1100))
		for i := range 20 {
			e := alarm("a", 1200+i)
			e.Kind, e.Alarm = protocols.Status, ""
			r.publish(e)
		}
		r.publish(alarm("a", 1300))
		if l.ended() != 0 {
			t.Fatalf("closed with %d", l.ended())
		}
		for i := range 8 {
			r.publish(alarm("a", 1301+i))
		}
		if l.ended() != CodeSlow {
			t.Errorf("closed with %d, want %d", l.ended(), CodeSlow)
		}
		slow.end()
		good.end()
	})
}

func TestStall(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		s, l := r.client("*")
		r.ask(s, `{"track":["a"]}`)
		l.stick(true)
		r.publish(fix("a", 1))
		time.Sleep(29 * time.Second)
		if l.ended() != 0 {
			t.Fatal("closed early")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if l.ended() != CodeSlow || r.counters.SlowDisconnects.Load() != 1 {
			t.Errorf("code %d, %d slow disconnects", l.ended(), r.counters.SlowDisconnects.Load())
		}
		s.end()
	})
}

func TestSilenceAndExpiry(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		silent, l := r.client("*")
		talking, m := r.client("*")
		for range 180 {
			time.Sleep(20 * time.Second)
			talking.client.heard.Store(r.now())
		}
		if l.ended() != codeGoingAway {
			t.Errorf("silent: %d", l.ended())
		}
		// The one that answers is pinged, and lives until its token ends.
		synctest.Wait()
		if m.take(t); m.ended() != 0 && m.ended() != CodeUnauthorized || m.pings < 140 || m.pings > 145 {
			t.Errorf("talking: code %d, %d pings", m.ended(), m.pings)
		}
		time.Sleep(2 * time.Second)
		if m.ended() != CodeUnauthorized {
			t.Errorf("expired: %d", m.ended())
		}
		silent.end()
		talking.end()
	})
}

func TestBox(t *testing.T) {
	at := func(n int, lat, lng float64) protocols.Event {
		e := fix("a", n)
		e.SetFix(lat, lng, true)
		return e
	}
	inBubble(t, Limits{}, func(r *rig) {
		r.publish(at(1, 50, 10))
		s, l := r.client("*")
		r.ask(s, `{"bbox":[9,49,11,51]}`)
		r.want(l, "snapshot a1")
		r.publish(at(2, 50, 10.5), alarm("a", 3))
		r.want(l, "a2", "a!sos")
		later, m := r.client("*")
		r.ask(later, `{"bbox":[9,49,11,51]}`)
		r.want(m, "snapshot a2")
		r.publish(at(4, 50, 12), at(5, 50, 13)) // leaving is seen, being away is not
		r.want(l, "a4")
		r.want(m, "a4")
		later.end()
		r.publish(alarm("a", 6))
		r.want(l)
		r.ask(s, `{"track":["a"]}`) // by name it is followed wherever it is
		r.want(l, "snapshot a5")
		r.publish(at(7, 50, 14))
		r.want(l, "a7")
		r.ask(s, `{"untrack":["a"]}`)
		r.publish(at(8, 50, 15))
		r.want(l)
		r.ask(s, `{"bbox":[170,-90,-170,90]}`) // across the 180th meridian
		r.want(l, "snapshot")
		r.publish(at(9, 0, 175), at(10, 0, -175), at(11, 0, 0))
		r.want(l, "a9", "a10", "a11")
		r.ask(s, `{"bbox":null}`)
		r.publish(at(12, 0, 175))
		r.want(l)
		s.end()
	})
}

func TestLiveBetweenReadingAndSnapshot(t *testing.T) {
	for _, request := range []string{`{"track":["a"]}`, `{"track":["*"]}`, `{"bbox":[-180,-90,180,90]}`} {
		inBubble(t, Limits{}, func(r *rig) {
			r.publish(fix("a", 1))
			s, l := r.client("*")
			r.bus.then = func() {
				r.publish(fix("a", 2), alarm("a", 3), fix("a", 4))
				r.want(l) // nothing before the snapshot
			}
			r.ask(s, request)
			r.want(l, "snapshot a4", "a!sos")
			r.publish(fix("a", 5))
			r.want(l, "a5")
			s.end()
		})
	}
}

func TestSnapshotAheadOfTheBus(t *testing.T) {
	for _, request := range []string{`{"track":["a"]}`, `{"track":["*"]}`, `{"bbox":[-180,-90,180,90]}`} {
		inBubble(t, Limits{}, func(r *rig) {
			other, m := r.client("*")
			r.ask(other, request)
			r.publish(fix("a", 5))
			r.want(m, "snapshot", "a5")
			e := fix("a", 7)
			e.Time += protocols.At(time.Now()) - baseTime
			e.Received = protocols.At(time.Now())
			r.bus.ahead = []*Message{NewMessage(&e)}
			s, l := r.client("*")
			r.ask(s, request)
			r.want(l, "snapshot a7")
			r.publish(fix("a", 6), fix("a", 7), fix("a", 8))
			r.want(m, "a6", "a7", "a8") // the one that was not ahead misses nothing
			r.want(l, "a8")             // the one that was is not taken back
			s.end()
			other.end()
		})
	}
}

func TestLeave(t *testing.T) {
	inBubble(t, Limits{Subscriptions: 3}, func(r *rig) {
		s, l := r.client("*")
		r.ask(s, `{"track":["a","b","c","d"]}`)
		if got := l.take(t); got[0] != "error" {
			t.Errorf("beyond the limit: %q", got)
		}
		r.ask(s, `{"track":["a","a"]}`)
		if got := r.rooms(); got != 3 {
			t.Errorf("%d rooms, want 3", got)
		}
		r.ask(s, `{"untrack":["a","nowhere"]}`)
		if got := r.rooms(); got != 2 {
			t.Errorf("%d rooms, want 2", got)
		}
		r.ask(s, `{"track":["*"]}`)
		r.ask(s, `{"track":["*"]}`)
		s.end()
		time.Sleep(time.Minute)
		i := r.interest
		i.mu.Lock()
		defer i.mu.Unlock()
		if len(i.vehicles) != 0 || i.all != 0 || i.allOn || r.fleets.Load() != 0 || len(r.routes) != 0 || len(r.shards[0].vehicles) != 0 {
			t.Errorf("left behind: %v, all %d %v, fleets %b, routes %v", i.vehicles, i.all, i.allOn, r.fleets.Load(), r.routes)
		}
		if n := r.counters.Subscriptions.Load(); n != 0 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

func TestRevoke(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		s, l := r.client("a", "b")
		all, m := r.client("a", "b")
		r.ask(s, `{"track":["a","b"],"max_hz":0.1}`)
		r.ask(all, `{"track":["*"]}`)
		r.publish(fix("a", 1), fix("b", 1))
		r.publish(fix("a", 2), fix("b", 2)) // b's waits for its time
		l.take(t)
		m.take(t)
		g, _ := auth.NewGrants([]string{"a"}, nil)
		less := *s.client.claims.Load()
		less.Grants = g
		s.regrant(&less)
		all.regrant(&less)
		time.Sleep(20 * time.Second)
		r.publish(fix("a", 3), fix("b", 3), alarm("b", 4))
		r.want(l, "error", "a2", "a3")
		r.want(m, "a3")
		more := less
		more.Grants.All = true
		all.regrant(&more)
		r.publish(fix("b", 5))
		r.want(m, "b5")
		s.end()
		all.end()
	})
}

func TestRepeated(t *testing.T) {
	v := new(vehicle)
	seq := func(session protocols.Millis, n uint32) string {
		return (&protocols.Event{Session: session, Counter: n}).Seq()
	}
	for _, c := range []struct {
		session protocols.Millis
		n       uint32
		want    bool
	}{{1, 5, false}, {1, 5, true}, {1, 3, false}, {1, 3, true}, {1, 4, false}, {2, 5, false}, {2, 5, true}, {1, 100, false}, {1, 99, false},
		{1, 99, true}, {1, 5, true}, {3, 1, false}, {4, 1, false}, {5, 1, false}, {5, 1, true}} {
		if got := v.repeated(seq(c.session, c.n)); got != c.want {
			t.Errorf("%d-%d: %v", c.session, c.n, got)
		}
	}
	for range 2 {
		if v.repeated("") {
			t.Error("without a seq nothing is a repetition")
		}
	}
}
