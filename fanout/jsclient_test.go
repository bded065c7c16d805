package fanout

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/fanout/auth"
)

const jsClient = "../clients/js/test/"

func TestJavaScriptClient(t *testing.T) {
	n := startNode(t, nodeOptions{})
	n.store.add(fix("a", 1))
	c := startIO(t, jsClient+"drive.mjs")
	mine := token(t, "u", auth.Scopes(auth.Read), "a", "b", "7")
	c.do("connect", n.http.URL, mine)
	c.do("track", "a")
	c.do("track", 7)
	c.do("track", "z")
	c.said("state", `["connected"]`)
	c.said("error", `["Unauthorized","z"]`)
	location := func(vehicle string, speed float64) {
		t.Helper()
		var m message
		if json.Unmarshal(c.wait("location")[0], &m); m.Vehicle != vehicle || m.Speed != speed || m.Type != "" {
			t.Errorf("got %+v, want %s at %v", m, vehicle, speed)
		}
	}
	location("a", 1)
	n.publish(fix("a", 2), fix("7", 3), alarm("a", 4))
	location("a", 2)
	location("7", 3)
	c.wait("event")
	for round := range 2 { // what came while it was away is made up for; what it has is not repeated
		at := 10 * round
		s := n.sessionOf("u")
		s.client.link.(*socket).drop()
		c.said("state", `["connecting"]`)
		n.publish(fix("a", at+7), alarm("a", at+8), fix("a", at+9), fix("a", at+10))
		c.said("state", `["connected"]`)
		location("a", float64(at+7))
		c.wait("event")
		location("a", float64(at+9))
		location("a", float64(at+10))
		n.publish(fix("7", 10*round+11))
		location("7", float64(10*round+11))
	}
	if complete, resync := n.counters.ResumeComplete.Load(), n.counters.ResumeResync.Load(); complete != 4 || resync != 0 {
		t.Errorf("resumed: %d complete, %d resync; want 4, 0", complete, resync)
	}
	n.bus.(*Local).KeepWindow(DefaultWindow) // a bus that has lost all
	n.sessionOf("u").client.link.(*socket).drop()
	c.wait("resync")
	c.do("untrack", "7")
	c.do("track", "b")
	n.store.add(fix("b", 1))
	until(t, "b is tracked and 7 is not", func() bool {
		s, b, seven := n.sessionOf("u"), false, false
		s.client.shard.do(func() {
			names := s.client.names()
			b, seven = slices.Contains(names, "b"), slices.Contains(names, "7")
		})
		return b && !seven
	})
	n.publish(fix("7", 50), fix("b", 51))
	for {
		var m message
		if json.Unmarshal(c.wait("location")[0], &m); m.Vehicle == "7" {
			t.Errorf("untracked, yet %+v", m)
		} else if m.Speed == 51 {
			break
		}
	}
	c.do("close")
	c.said("state", `["closed"]`)
	until(t, "the connection is gone", n.idle)
}

func TestJavaScriptClientTokens(t *testing.T) {
	n := startNode(t, nodeOptions{})
	good := token(t, "u", auth.Scopes(auth.Read), "a")
	c := startIO(t, jsClient+"drive.mjs")
	c.do("connect", n.http.URL, "garbage")
	c.said("state", `["unauthorized"]`)
	c.do("track", "a")
	c.do("token", good)
	c.said("state", `["connecting"]`)
	c.said("state", `["connected"]`)
	n.publish(fix("a", 1))
	c.wait("location")

	d := startIO(t, jsClient+"drive.mjs") // one that has somebody to ask
	d.do("connect", n.http.URL, "garbage", good)
	d.wait("asked")
	d.wait("asked")
	d.said("state", `["connected"]`)
	for _, line := range d.seen {
		if strings.Contains(line, "unauthorized") {
			t.Error(line)
		}
	}
}

// TestJavaScriptClientOfGroups: what is not tracked by id is asked for again after an interruption, and the program told that there may be a gap.
func TestJavaScriptClientOfGroups(t *testing.T) {
	n := startNode(t, nodeOptions{groups: tabled{}})
	c := startIO(t, jsClient+"drive.mjs")
	c.do("connect", n.http.URL, token(t, "u", auth.Scopes(auth.Read), "*"))
	c.do("groups", []string{"vans"})
	c.said("state", `["connected"]`)
	speed := func(want float64) {
		t.Helper()
		for m := (message{}); m.Speed != want; { // those before it may come, or not
			if json.Unmarshal(c.wait("location")[0], &m); m.Vehicle != "mine" {
				t.Fatalf("got %+v, want mine at %v", m, want)
			}
		}
	}
	follows := func() bool {
		var yes bool
		s := n.sessionOf("u")
		s.client.shard.do(func() { yes = s.client.fleet() && !s.client.fleetHeld })
		return yes
	}
	until(t, "the group is followed", follows)
	n.publish(fix("other", 1), fix("mine", 1))
	speed(1)
	n.sessionOf("u").client.link.(*socket).drop()
	c.said("state", `["connecting"]`)
	n.publish(fix("mine", 2), fix("mine", 3))
	c.said("state", `["connected"]`)
	c.wait("resync")
	speed(3)
	c.do("groups", nil)
	until(t, "it is not", func() bool { return !follows() })
	c.do("close")
	until(t, "the connection is gone", n.idle)
}

func TestReactHooks(t *testing.T) { testHooks(t, "hooks.mjs") }

// TestReactNativeHooks runs the same where touching anything that only browsers or Node have is an error.
func TestReactNativeHooks(t *testing.T) { testHooks(t, "native.mjs") }

func testHooks(t *testing.T, script string) {
	n := startNode(t, nodeOptions{})
	n.store.add(fix("a", 1))
	c := startIO(t, jsClient+script, n.http.URL, token(t, "u", auth.Scopes(auth.Read), "a", "b"), "a", "b")
	c.said("render", `[{"speed":null,"connected":false}]`)
	rendered := func(want string) {
		t.Helper()
		for {
			if args, _ := json.Marshal(c.wait("render")); string(args) == want {
				return
			}
		}
	}
	rendered(`[{"speed":1,"connected":true}]`)
	n.publish(fix("a", 2))
	rendered(`[{"speed":2,"connected":true}]`)
	n.publish(fix("b", 3))
	for string(c.wait("heard")[0]) != `"b"` {
	}
	n.sessionOf("u").client.link.(*socket).drop()
	rendered(`[{"speed":2,"connected":false}]`)
	rendered(`[{"speed":2,"connected":true}]`)
	n.publish(fix("a", 4))
	rendered(`[{"speed":4,"connected":true}]`)
	c.do("unmount")
	c.wait("unmounted")
	until(t, "the connection is gone", n.idle)
}
