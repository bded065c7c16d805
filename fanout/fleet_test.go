package fanout

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
)

// awkward are coordinates where an index of tiles could go wrong: the 180th meridian, the poles, borders of tiles at many levels.
func awkward(r *rand.Rand) (lat, lng float64) {
	lats := []float64{-90, 90, 0, 45, -45, 22.5, 89.999999, 11.25, 50.1}
	lngs := []float64{-180, 180, 179.999999, -179.999999, 0, 90, -90, 45, 5.625, 10.3}
	lat, lng = lats[r.IntN(len(lats))], lngs[r.IntN(len(lngs))]
	if r.IntN(2) == 0 {
		lat, lng = lat+(r.Float64()-0.5)*3, lng+(r.Float64()-0.5)*3
	}
	return max(-90, min(90, lat)), max(-180, min(180, lng))
}

func awkwardBox(r *rand.Rand) *box {
	lat, lng := awkward(r)
	other, east := awkward(r)
	if r.IntN(3) > 0 { // a viewport rather than half of the world
		other = max(-90, min(90, lat+r.Float64()*4))
		if east = lng + r.Float64()*4; east > 180 {
			east -= 360
		}
	}
	b, err := newBox([]float64{lng, min(lat, other), east, max(lat, other)})
	if err != nil {
		panic(err)
	}
	return b
}

// TestTiles compares the index with a look at every box.
func TestTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var index tiles
	var clients []*client
	for range 400 {
		c := &client{box: awkwardBox(r)}
		index.enter(c)
		if n := len(c.tiles); n > (across+1)*(across+1) {
			t.Fatalf("%+v is entered at %d tiles", c.box, n)
		}
		clients = append(clients, c)
	}
	check := func() {
		for range 2000 {
			lat, lng := awkward(r)
			m := &Message{HasFix: true, Lat: lat, Lng: lng}
			seen := map[*client]int{}
			index.viewers(lat, lng, func(c *client) { seen[c]++ })
			for _, c := range clients {
				if n := seen[c]; n > 1 || n == 0 && c.box.contains(m) {
					t.Fatalf("%v, %v: %+v visited %d times", lat, lng, c.box, n)
				}
			}
		}
	}
	check()
	for i := range clients { // viewports that move in place, and clients that leave
		index.leave(clients[i])
		clients[i].box = awkwardBox(r)
		index.enter(clients[i])
	}
	check()
	for _, c := range clients {
		index.leave(c)
	}
	if len(index.at) != 0 || index.levels != [maxLevel + 1]int{} {
		t.Errorf("left behind: %v", index)
	}
}

// TestTileCost: who looks elsewhere costs an event nothing.
func TestTileCost(t *testing.T) {
	var index tiles
	for i := range 10_000 {
		west := -180 + float64(i%100)*3.5
		south := -80 + float64(i/100)*1.6
		index.enter(&client{box: &box{west, south, west + 0.5, south + 0.3}})
	}
	visited := 0
	index.viewers(-79.9, -179.9, func(*client) { visited++ })
	if visited == 0 || visited > 10 {
		t.Errorf("%d of 10000 asked", visited)
	}
}

// TestViewports moves vehicles across tile borders and the 180th meridian, and viewports in place, and holds what each client is sent against the
// definition: what is inside now, and the first position of what was.
func TestViewports(t *testing.T) {
	inBubble(t, Limits{}, func(g *rig) {
		r := rand.New(rand.NewPCG(3, 4))
		type seer struct {
			s      *session
			l      *tape
			box    *box
			inside map[int]bool
		}
		where := map[int]*Message{}
		look := func(v *seer) {
			v.box = awkwardBox(r)
			g.ask(v.s, fmt.Sprintf(`{"bbox":[%v,%v,%v,%v],"max_hz":0}`, v.box.west, v.box.south, v.box.east, v.box.north))
			v.inside = map[int]bool{}
			want := 0
			for id, m := range where {
				if v.box.contains(m) {
					v.inside[id] = true
					want++
				}
			}
			got := v.l.take(t)
			if len(got) != 1 || want != len(slices.Collect(fieldsOf(got[0])))-1 {
				t.Fatalf("%+v: %q, want a snapshot of %d", v.box, got, want)
			}
		}
		var seers []*seer
		for range 30 {
			v := &seer{}
			v.s, v.l = g.client("*")
			seers = append(seers, v)
			look(v)
		}
		for n := range 1500 {
			id := r.IntN(40)
			e := fix("v"+strconv.Itoa(id)+"-", n)
			lat, lng := awkward(r)
			e.SetFix(lat, lng, true)
			g.publish(e)
			m := NewMessage(&e)
			where[id] = m
			for i, v := range seers {
				want := v.box.contains(m) || v.inside[id]
				v.inside[id] = v.box.contains(m)
				got := v.l.take(t)
				if want != (len(got) == 1) || len(got) > 1 {
					t.Fatalf("event %d at %v, %v, client %d looks at %+v: got %q, want it: %v", n, lat, lng, i, v.box, got, want)
				}
			}
			if n%50 == 49 {
				look(seers[r.IntN(len(seers))])
			}
		}
		for _, v := range seers {
			v.s.end()
		}
		if n := g.counters.Subscriptions.Load(); n != 0 || len(g.shards[0].vehicles) != 0 || len(g.shards[0].tiles.at) != 0 {
			t.Errorf("left behind: %d edges", n)
		}
	})
}

func fieldsOf(s string) func(func(string) bool) {
	return func(yield func(string) bool) {
		at := 0
		for i := 0; i <= len(s); i++ {
			if i == len(s) || s[i] == ' ' {
				if i > at && !yield(s[at:i]) {
					return
				}
				at = i + 1
			}
		}
	}
}

func TestCohorts(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		a, la := r.client("*")
		b, lb := r.client("*")
		slow, ls := r.client("*")
		some, lsome := r.client("x", "y")
		for _, s := range []*session{a, b, some} {
			r.ask(s, `{"track":["*"],"max_hz":0}`)
		}
		r.ask(slow, `{"track":["*"],"max_hz":1}`)
		for _, l := range []*tape{la, lb, ls, lsome} {
			l.take(t)
		}
		if n := len(r.shards[0].cohorts); n != 3 {
			t.Errorf("%d cohorts, want 3", n)
		}
		r.ask(b, `{"track":["x"],"max_hz":0}`) // also by name: once is enough
		lb.take(t)
		r.publish(fix("x", 1), fix("z", 1))
		time.Sleep(300 * time.Millisecond)
		r.publish(fix("x", 2), fix("x", 3), alarm("z", 4))
		r.want(la, "x1", "z1", "x2", "x3", "z!sos")
		r.want(lb, "x1", "z1", "x2", "x3", "z!sos")
		r.want(ls, "x1", "z1", "z!sos")
		r.want(lsome, "x1", "x2", "x3")
		time.Sleep(time.Second)
		r.want(ls, "x3")
		// Another rate is another cohort; what waits there is not sent twice.
		r.ask(b, `{"max_hz":1}`)
		r.publish(fix("z", 5))
		r.want(la, "z5")
		r.want(lb, "z5")
		r.want(ls, "z5")
		if n := len(r.shards[0].cohorts); n != 3 {
			t.Errorf("%d cohorts, want 3", n)
		}
		late, ll := r.client("*") // joins while a position waits for that cohort's rate, and is shown it: not again
		r.publish(fix("z", 6))
		r.ask(late, `{"track":["*"],"max_hz":1}`)
		if got := ll.take(t); len(got) != 1 || got[0] != "snapshot x3 z6" && got[0] != "snapshot z6 x3" {
			t.Errorf("got %q", got)
		}
		time.Sleep(2 * time.Second)
		r.want(ls, "z6")
		r.want(ll)
		r.ask(a, `{"untrack":["*"]}`)
		la.take(t)
		r.publish(fix("z", 7))
		r.want(la)
		for _, s := range []*session{a, b, slow, some, late} {
			s.end()
		}
		if len(r.shards[0].cohorts) != 0 || len(r.shards[0].timers) != 0 || len(r.shards[0].vehicles) != 0 {
			t.Error("something is left")
		}
	})
}

// live is the heap in use, after what nobody holds has gone.
func live() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryOfInterests bounds what clients hold, sockets aside.
func TestMemoryOfInterests(t *testing.T) {
	h := newHub(NewLocal(new(Counters)), Limits{Events: 1000, Subscriptions: 1000}, auth.NewPolicy(nil), new(Counters))
	s := h.shards[0]
	claims := &auth.Claims{Subject: "u", Expires: time.Now().Add(time.Hour), Scope: auth.Scopes(auth.Read), Grants: auth.Grants{All: true}}
	publish := func(n int) {
		for i := range 10_000 {
			e := fix(strconv.Itoa(i), n)
			s.deliver(NewMessage(&e), h.now())
			for _, c := range s.dirty {
				c.dirty = false
				c.flush()
			}
			s.dirty = s.dirty[:0]
		}
	}
	make1 := func() *client {
		c := newClient(h, new(sink), claims, 0)
		c.shard = s
		s.add(c)
		return c
	}
	round := 0
	fleet := func() {
		c := make1()
		s.joinFleet(c)
		read := make([]*Message, 0, 10_000) // as from Redis: the same events, not the same messages
		for i := range cap(read) {
			if e := fix(strconv.Itoa(i), round); round > 0 {
				read = append(read, NewMessage(&e))
			}
		}
		s.fleetSnapshot(c, read, false)
		c.dirty = false
		c.flush()
		s.dirty = s.dirty[:0]
	}
	fleet()
	publish(1)
	publish(2)
	round = 2 // what the vehicles themselves and their waiting take is there
	const clients = 100
	before := live()
	for range clients {
		fleet()
	}
	publish(3)
	if each := (live() - before) / clients; each > 2<<10 {
		t.Errorf("a client that follows 10000 vehicles takes %d bytes", each)
	}
	names := make([]string, 500)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	before = live()
	for range clients {
		c := make1()
		s.track(c, names, 0)
		for _, id := range c.edges {
			s.release(s.edges.at(id), 0)
		}
	}
	publish(4)
	if each := (live() - before) / clients; each > 22<<10 {
		t.Errorf("a client that follows 500 vehicles by name takes %d bytes", each)
	}
	runtime.KeepAlive(h)
}

// TestLeavingIsCheap: with five hundred times the followers, leaving takes no longer than chance explains.
func TestLeavingIsCheap(t *testing.T) {
	took := func(followers int) time.Duration {
		h := newHub(NewLocal(new(Counters)), Limits{Events: 10, Subscriptions: 10}, auth.NewPolicy(nil), new(Counters))
		s := h.shards[0]
		claims := &auth.Claims{Expires: time.Now().Add(time.Hour), Grants: auth.Grants{All: true}}
		clients := make([]*client, followers)
		for i := range clients {
			c := newClient(h, new(sink), claims, 0)
			c.shard = s
			s.add(c)
			s.track(c, []string{"v"}, 0)
			s.joinFleet(c)
			clients[i] = c
		}
		leavers := clients[:100]
		began := time.Now()
		for _, c := range leavers {
			s.remove(c)
		}
		d := time.Since(began)
		if v := s.vehicles["v"]; followers > 100 {
			for i, id := range v.edges {
				e := s.edges.at(id)
				if int(e.at) != i || slices.Contains(leavers, s.seats.at(e.client)) {
					t.Fatalf("edge %d is at %d", i, e.at)
				}
			}
		}
		return d
	}
	small, large := time.Hour, time.Hour
	for range 5 { // the best of some: others are at work here too
		small, large = min(small, took(100)), min(large, took(50_000))
	}
	if large > 50*small {
		t.Errorf("100 of 100 left within %v, 100 of 50000 within %v", small, large)
	}
}

// TestEdgesAreOrdered: edges are found by their vehicles' numbers whatever the order of coming and going.
func TestEdgesAreOrdered(t *testing.T) {
	inBubble(t, Limits{}, func(g *rig) {
		r := rand.New(rand.NewPCG(5, 6))
		s, l := g.client("*")
		tracked := map[string]bool{}
		for range 300 {
			id := strconv.Itoa(r.IntN(60))
			if r.IntN(3) == 0 {
				g.ask(s, `{"untrack":["`+id+`"]}`)
				delete(tracked, id)
			} else {
				g.ask(s, `{"track":["`+id+`"]}`)
				tracked[id] = true
			}
			l.take(t)
		}
		var names []string
		s.client.shard.do(func() {
			names = s.client.names()
			before := uint32(0)
			for i, id := range s.client.edges {
				home := s.client.shard
				e := home.edges.at(id)
				if s.client.find(home.known.at(e.vehicle)) != e || e.vehicle <= before {
					t.Errorf("edge %d is out of order", i)
				}
				before = e.vehicle
			}
		})
		if len(names) != len(tracked) {
			t.Errorf("%d tracked, want %d", len(names), len(tracked))
		}
		s.end()
		synctest.Wait()
	})
}
