package fanout

import (
	"strings"
	"sync"
	"testing"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/protocols"
)

// registry says in which groups vehicles are.
type registry struct {
	mu     sync.Mutex
	groups map[string][]string
}

func (r *registry) GroupsOf(vehicle string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.groups[vehicle]
}

func (r *registry) put(vehicle string, groups ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.groups[vehicle] = groups
}

// regroup has the clients asked again, as the server does now and then.
func (r *rig) regroup(sessions ...*session) {
	for _, s := range sessions {
		if !s.grouped.Load() {
			r.t.Error("nobody would ask")
		}
		s.regrant(s.client.claims.Load())
	}
}

func TestGroups(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		groups := &registry{groups: map[string][]string{"n": {"north"}, "s": {"south"}, "b": {"north", "south"}}}
		r.policy = auth.NewPolicy(groups)
		r.publish(fix("n", 1), fix("s", 1))
		north, ln := r.client("*")
		both, lb := r.client("*")
		mine, lm := r.client("s", "b") // whose token names two
		all, la := r.client("*")
		r.ask(north, `{"groups":["north"],"max_hz":0}`)
		r.want(ln, "snapshot n1")
		r.ask(both, `{"groups":["south","north","south"],"max_hz":0}`)
		if got := lb.take(t); len(got) != 1 || got[0] != "snapshot n1 s1" && got[0] != "snapshot s1 n1" {
			t.Errorf("got %q", got)
		}
		r.ask(mine, `{"groups":["south","west"],"max_hz":0}`)
		r.want(lm, "snapshot s1")
		r.ask(all, `{"track":["*"],"max_hz":0}`)
		la.take(t)
		r.publish(fix("n", 2), fix("s", 2), fix("b", 2), fix("x", 2), alarm("n", 3))
		r.want(ln, "n2", "b2", "n!sos")
		r.want(lb, "n2", "s2", "b2", "n!sos")
		r.want(lm, "s2", "b2")
		r.want(la, "n2", "s2", "b2", "x2", "n!sos")

		groups.put("s", "north") // moves, and shows when the clients are asked again
		groups.put("n")
		r.regroup(north, both, mine)
		r.publish(fix("n", 4), fix("s", 4))
		r.want(ln, "s4")
		r.want(lb, "s4")
		r.want(lm)
		r.want(la, "n4", "s4")

		r.ask(north, `{"track":["x"]}`) // by name besides
		ln.take(t)
		r.publish(fix("x", 5), fix("s", 5))
		r.want(ln, "x5", "s5")
		r.ask(north, `{"groups":null}`)
		r.ask(all, `{"groups":["south"]}`) // narrows, as a bbox does
		la.take(t)
		r.publish(fix("x", 6), fix("s", 6), fix("b", 6))
		r.want(ln, "x6")
		r.want(la, "b6")
		r.ask(all, `{"groups":null}`)
		la.take(t)
		r.publish(fix("x", 7))
		r.want(la, "x7")
		for _, s := range []*session{north, both, mine, all} {
			s.end()
		}
		if len(r.shards[0].cohorts) != 0 || len(r.shards[0].vehicles) != 0 {
			t.Error("something is left")
		}
	})
}

// TestGroupsInAPartOfTheMap: what is in both.
func TestGroupsInAPartOfTheMap(t *testing.T) {
	inBubble(t, Limits{}, func(r *rig) {
		groups := &registry{groups: map[string][]string{"n": {"north"}, "b": {"north"}}}
		r.policy = auth.NewPolicy(groups)
		at := func(vehicle string, n int, lat float64) {
			e := fix(vehicle, n)
			e.SetFix(lat, 10, true)
			r.publish(e)
		}
		at("n", 1, 50)
		at("x", 1, 50)
		s, l := r.client("*")
		r.ask(s, `{"bbox":[9,49,11,51],"groups":["north"],"max_hz":0}`)
		r.want(l, "snapshot n1")
		at("x", 2, 50)
		at("b", 2, 60)
		at("b", 3, 50)
		at("n", 3, 50)
		r.want(l, "b3", "n3")
		groups.put("b")
		r.regroup(s)
		at("b", 4, 50)
		r.want(l)
		r.ask(s, `{"bbox":null}`) // the groups remain
		l.take(t)
		at("n", 5, 60)
		at("x", 5, 60)
		r.want(l, "n5")
		s.end()
	})
}

func TestGroupsThatAreNone(t *testing.T) {
	many, long := `"g"`+strings.Repeat(`,"g"`, maxGroups), strings.Repeat("g", protocols.MaxIdentity+1)
	for _, text := range []string{`{"groups":[` + many + `]}`, `{"groups":["` + long + `"]}`, `{"groups":[""]}`, `{"groups":[]}`, `{"groups":"north"}`, `{"groups":[1]}`, `{"groups":{}}`} {
		if _, err := parseRequest([]byte(text)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}
