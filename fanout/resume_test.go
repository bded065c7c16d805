package fanout

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/fanout/redistest"
	"github.com/trackgate/trackgate/protocols"
)

func seqOf(e protocols.Event) string { return e.Seq() }

func TestResume(t *testing.T) {
	n := startNode(t, nodeOptions{})
	testResume(t, n, n)
}

func TestResumeOnAnotherNode(t *testing.T) {
	url := redistest.Start(t)
	testResume(t, redisNode(t, url, nodeOptions{}), redisNode(t, url, nodeOptions{}))
}

// testResume comes again to a node that may be another one.
func testResume(t *testing.T, before, after *node) {
	who := token(t, "u", auth.Scopes(auth.Read), "a", "b", "c", "quiet")
	v := before.dial(who)
	v.send(`{"track":["a","b"],"max_hz":0}`)
	v.expect("snapshot")
	before.publish(fix("a", 1), fix("b", 1), alarm("a", 2))
	for range 3 { // of two vehicles, in any order
		v.next()
	}
	v.conn.Close()

	status := alarm("a", 5)
	status.Kind, status.Alarm = protocols.Status, ""
	before.publish(fix("a", 3), alarm("a", 4), status, fix("b", 2), fix("a", 6), alarm("b", 3))
	w := after.dial(who)
	w.send(fmt.Sprintf(`{"resume":{"a":%q,"b":%q},"max_hz":1}`, seqOf(alarm("a", 2)), seqOf(fix("b", 1))))
	for _, want := range []string{"location:update a 3", "event a 4", "event a 5", "location:update a 6", "location:update b 2", "event b 3"} {
		m := w.next()
		if got := fmt.Sprint(m.Type, " ", m.Vehicle, " ", counterOf(m)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if s := w.expect("snapshot"); len(s.Events) != 0 {
		t.Errorf("what was sent again stands in the snapshot too: %+v", s)
	}
	w.send(`{"max_hz":0}`)
	before.publish(fix("a", 7))
	if m := w.expect("location:update"); m.Speed != 7 {
		t.Errorf("got %+v", m)
	}

	// Another session of the device, an unknown seq, none, and a vehicle of which nothing was ever said.
	for _, c := range []struct{ vehicle, seq, want string }{
		{"a", "1000000000000-0000000001", "resync snapshot"},
		{"a", "nonsense", "resync snapshot"},
		{"a", "", "resync snapshot"},
		{"quiet", "", "snapshot"},
		{"quiet", "1000000000000-0000000001", "resync snapshot"},
		{"9", seqOf(fix("a", 7)), "error"},
	} {
		x := after.dial(who)
		x.send(fmt.Sprintf(`{"resume":{%q:%q}}`, c.vehicle, c.seq))
		for _, want := range strings.Fields(c.want) {
			if m := x.expect(want); want == "snapshot" && (len(m.Events) == 1) != (c.vehicle == "a") {
				t.Errorf("%s from %q: got %+v", c.vehicle, c.seq, m)
			}
		}
		x.conn.Close()
	}
	u := after.dial(token(t, "w", auth.Scopes(auth.Read), "b")) // none of it to whoever may not see it
	u.send(fmt.Sprintf(`{"resume":{"a":%q}}`, seqOf(fix("a", 1))))
	if m := u.expect("error"); m.Error != "Unauthorized" || m.Vehicle != "a" {
		t.Errorf("got %+v", m)
	}
	u.send(`{"ping":1}`)
	u.expect("pong")
	c := after.counters
	until(t, "3 are counted as complete, 4 as resync and 2 as refused", func() bool {
		return c.ResumeComplete.Load() == 3 && c.ResumeResync.Load() == 4 && c.ResumeRefused.Load() == 2
	})
}

// counterOf is the counter of an event's seq.
func counterOf(m message) uint32 {
	_, counter, _ := protocols.ParseSeq(m.Seq)
	return counter
}

// returner is a client that loses its connection again and again, comes again to any of the nodes, and says what it saw last.
type returner struct {
	t       testing.TB
	nodes   []*node
	token   string
	vehicle string
	follows atomic.Bool
	seen    atomic.Uint32
}

// follow checks that each event up to the last is seen once, in order; it loses the connection after every few of them.
func (r *returner) follow(last, every int) error {
	seq := ""
	for life := 0; int(r.seen.Load()) < last; life++ {
		v := r.nodes[life%len(r.nodes)].dial(r.token)
		if seq == "" {
			v.send(fmt.Sprintf(`{"track":[%q],"max_hz":0}`, r.vehicle))
		} else {
			v.send(fmt.Sprintf(`{"resume":{%q:%q},"max_hz":0}`, r.vehicle, seq))
		}
		for n := 0; n < every && int(r.seen.Load()) < last; {
			m, err := v.read()
			if err != nil {
				return fmt.Errorf("behind %d: %w", r.seen.Load(), err)
			}
			switch m.Type {
			case "location:update", "event":
				if got, want := counterOf(m), r.seen.Load()+1; got != want {
					return fmt.Errorf("life %d: got %d, want %d", life, got, want)
				}
				r.seen.Add(1)
				seq = m.Seq
				n++
			case "snapshot":
				r.follows.Store(true)
				// An alarm was named: the position before it may not have been seen.
				if len(m.Events) > 0 && (counterOf(m.Events[0])+1 != r.seen.Load() || r.seen.Load()%5 != 0) {
					return fmt.Errorf("life %d: %+v", life, m)
				}
			default:
				return fmt.Errorf("life %d: %+v", life, m)
			}
		}
		v.conn.Close()
	}
	return nil
}

func testResumeRace(t *testing.T, publisher *node, nodes ...*node) {
	const last, clients = 1500, 8
	who := token(t, "u", auth.Scopes(auth.Read), "*")
	var wg sync.WaitGroup
	all := make([]*returner, clients)
	for i := range all {
		all[i] = &returner{t: t, nodes: nodes, token: who, vehicle: fmt.Sprint("r", i%2)}
		wg.Go(func() {
			if err := all[i].follow(last, 40+7*i); err != nil {
				t.Errorf("client %d: %v", i, err)
				all[i].seen.Store(last)
			}
		})
	}
	for _, c := range all {
		until(t, "everybody follows", c.follows.Load)
	}
	for i := 1; i <= last; i++ {
		for _, v := range []string{"r0", "r1"} {
			e := fix(v, i)
			if i%5 == 0 {
				e = alarm(v, i)
			}
			publisher.publish(e)
		}
		if i%10 == 0 { // no client may be further behind than the window reaches
			until(t, "the clients keep up", func() bool {
				for _, c := range all {
					if int(c.seen.Load()) < i-40 {
						return false
					}
				}
				return true
			})
		}
	}
	wg.Wait()
}

func TestResumeRace(t *testing.T) {
	n := startNode(t, nodeOptions{})
	testResumeRace(t, n, n)
}

func TestResumeRaceOverRedis(t *testing.T) {
	url := redistest.Start(t)
	a, b, c := redisNode(t, url, nodeOptions{}), redisNode(t, url, nodeOptions{}), redisNode(t, url, nodeOptions{})
	testResumeRace(t, a, b, c)
}

func TestResumeBeyondTheWindow(t *testing.T) {
	url := redistest.Start(t)
	bus := openRedis(t, url)
	bus.KeepWindow(10)
	n := startNode(t, nodeOptions{bus: bus})
	until(t, "Redis is connected", bus.Connected)
	for i := range 200 {
		n.publish(fix("x", i))
	}
	o, _ := redis.ParseURL(url)
	c := redis.NewClient(o)
	defer c.Close()
	if got := c.XLen(context.Background(), "tracking:recent:x").Val(); got < 10 || got > 110 {
		t.Errorf("%d events kept, want 10 and no more than a node of the stream beside", got)
	}
	if ttl := c.PTTL(context.Background(), "tracking:recent:x").Val(); ttl <= 0 || ttl > windowFor {
		t.Errorf("the window stays for %v", ttl)
	}
	who := token(t, "u", auth.Scopes(auth.Read), "*")
	v := n.dial(who)
	v.send(fmt.Sprintf(`{"resume":{"x":%q}}`, seqOf(fix("x", 20))))
	v.expect("resync")
	if s := v.expect("snapshot"); len(s.Events) != 1 || s.Events[0].Speed != 199 {
		t.Errorf("got %+v", s)
	}
	n.publish(fix("x", 200))
	if m := v.expect("location:update"); m.Speed != 200 {
		t.Errorf("got %+v", m)
	}

	// What is too large to be kept, or could not be, is not passed over in silence.
	large := fix("x", 201)
	for i := range 5 {
		large.Text(fmt.Sprint("note", i), strings.Repeat("x", protocols.MaxText))
	}
	n.publish(large, fix("x", 202))
	w := n.dial(who)
	w.send(fmt.Sprintf(`{"resume":{"x":%q}}`, seqOf(fix("x", 200))))
	w.expect("resync")
	w.expect("snapshot")
	c.Set(context.Background(), "tracking:recent:y", "somebody else's", 0)
	n.publish(fix("y", 1))
	n.publish(fix("y", 2))
	y := n.dial(who)
	y.send(fmt.Sprintf(`{"resume":{"y":%q}}`, seqOf(fix("y", 1))))
	y.expect("resync")
	y.expect("snapshot")
	if got := bus.counters.WindowFailed.Load(); got != 1 {
		t.Errorf("%d windows given up, want 1", got)
	}
}

// What comes while a client's missed events are being read is neither lost, nor sent twice, nor conflated.
func TestLiveWhileResuming(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		seq := func(n int) string { return NewMessage(ptr(fix("a", n))).Seq }
		r.publish(fix("a", 1), fix("a", 2), alarm("a", 3), fix("a", 4))
		s, l := r.client("*")
		r.bus.then = func() {
			r.publish(fix("a", 5), alarm("a", 6), fix("a", 7), fix("a", 8))
			r.want(l)
		}
		r.ask(s, `{"resume":{"a":"`+seq(1)+`"},"max_hz":0}`)
		r.want(l, "a2", "a!sos", "a4", "snapshot", "a5", "a!sos", "a7", "a8")
		// The bus brings some of it again, and late.
		r.again(fix("a", 4), alarm("a", 3), alarm("a", 6), fix("a", 8))
		r.publish(fix("a", 9))
		r.want(l, "a9")
		// One that comes again at once, faster than the bus: what it has seen on another node is not news.
		other, m := r.client("*")
		r.ask(other, `{"resume":{"a":"`+seq(12)+`"}}`)
		r.want(m, "snapshot a9")
		other.end()
		s.end()
	})
}

// again delivers what was published before.
func (r *rig) again(events ...protocols.Event) {
	for i := range events {
		events[i].Time += protocols.At(time.Now()) - baseTime
		r.Deliver(NewMessage(&events[i]))
	}
}

// A position may wait for the client's rate while a later alarm goes out. Who then names the alarm has not seen it.
func TestResumeWithAPositionWaiting(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		r.publish(fix("a", 1), fix("a", 2), alarm("a", 3))
		s, l := r.client("*")
		r.ask(s, `{"resume":{"a":"`+NewMessage(ptr(alarm("a", 3))).Seq+`"}}`)
		r.want(l, "snapshot a2")
		s.end()
	})
}

// A resume of more than may wait for a client takes as long as the client needs, and leaves nothing out.
func TestResumeMuch(t *testing.T) {
	n := startNode(t, nodeOptions{})
	const vehicles, events = 400, 60
	request := make([]string, vehicles)
	for v := range vehicles {
		name := fmt.Sprint("v", v)
		for i := range events {
			n.publish(fix(name, i))
		}
		request[v] = fmt.Sprintf("%q:%q", name, seqOf(fix(name, 0)))
	}
	v := n.dial(token(t, "u", auth.Scopes(auth.Read), "*"))
	v.send(`{"resume":{` + strings.Join(request, ",") + `}}`)
	at := make(map[string]int)
	for got := 0; got < vehicles*(events-1); {
		switch m := v.next(); m.Type {
		case "location:update":
			if at[m.Vehicle]++; int(m.Speed) != at[m.Vehicle] {
				t.Fatalf("%s: %v, want %d", m.Vehicle, m.Speed, at[m.Vehicle])
			}
			got++
		case "snapshot":
		default:
			t.Fatalf("got %+v", m)
		}
	}
}

func TestTailOf(t *testing.T) {
	window := func(spec string) (out []*Message) {
		for _, f := range strings.Fields(spec) {
			if f == "-" {
				out = append(out, nil)
				continue
			}
			var session protocols.Millis = 1_000_000_000_000
			if f[0] == 'b' {
				session *= 2
			}
			var n uint32
			fmt.Sscanf(f[1:], "%d", &n)
			e := protocols.Event{Vehicle: "v", Session: session, Counter: n, Time: protocols.Millis(n)}
			out = append(out, NewMessage(&e))
		}
		return out
	}
	f := func(spec, seen, want string) {
		t.Helper()
		seq := ""
		if seen != "" {
			seq = window(seen)[0].Seq
		}
		got := "no"
		if tail, ok := tailOf(window(spec), seq); ok {
			got = ""
			for _, m := range tail.missed {
				session, counter, _ := protocols.ParseSeq(m.Seq)
				got += fmt.Sprintf(" %c%d", 'a'+rune(session/1_000_000_000_000-1), counter)
			}
		}
		if strings.TrimSpace(got) != want {
			t.Errorf("%q behind %q: got %q, want %q", spec, seen, got, want)
		}
	}
	f("a1 a2 a3", "a1", "a2 a3")
	f("a1 a2 a3", "a3", "")
	f("a1 a3 a4", "a2", "a3 a4") // 2 was never published
	f("a2 a3", "a1", "no")
	f("", "a1", "no")
	f("", "", "")
	f("a1", "", "no")
	f("b1 b2", "a1", "no")
	f("a1 a2 b1 a3 b2", "a2", "b1 a3 b2") // two trackers on one vehicle
	f("a1 a2 b1 a3 b2", "b1", "a3 b2")
	f("a1 a2 a3 a1 a2 a3 a4", "a3", "a4") // published again after an error
	f("a1 a2 a3 a2 a3 a4", "a1", "a2 a3 a4")
	f("a1 - a2 a3", "a1", "no")
	f("- a1 a2 a3", "a1", "a2 a3")
}

func TestLocalWindowsAreBounded(t *testing.T) {
	w := newLocalWindows(10)
	w.limit = 100 << 10
	for i := range 5000 {
		w.add(NewMessage(ptr(fix(fmt.Sprint("v", i%50), i))))
		if n := len(w.vehicles[fmt.Sprint("v", i%50)]); n > 10 {
			t.Fatalf("%d events of a vehicle", n)
		}
	}
	if kept := len(w.order) - w.head; w.bytes > w.limit || kept == 0 || len(w.order) > 3*kept {
		t.Errorf("%d bytes, %d of %d events", w.bytes, kept, len(w.order))
	}
	for i := range 1000 { // one that says much drives out the others in the end
		w.add(NewMessage(ptr(fix("loud", i))))
	}
	if len(w.vehicles) != 1 || len(w.vehicles["loud"]) != 10 {
		t.Errorf("%d vehicles", len(w.vehicles))
	}
	w.size = 0
	w.add(NewMessage(ptr(fix("none", 1))))
	if len(w.vehicles["none"]) != 0 {
		t.Error("kept, though nothing is to be")
	}
}
