package fanout

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/fanout/redistest"
)

// TestSocketIORecoveryElsewhere moves a client between two nodes.
func TestSocketIORecoveryElsewhere(t *testing.T) {
	redis := redistest.New(t)
	a, b := redisNode(t, redis.URL, nodeOptions{}), redisNode(t, redis.URL, nodeOptions{})
	mine := token(t, "u", auth.Scopes(auth.Read), "x", "y")
	connect := func(n *node, token, pid string) (*ioSocket, string) {
		t.Helper()
		v := n.dialIO(t)
		hello, _ := json.Marshal(map[string]any{"token": token, "pid": pid})
		v.send("40" + string(hello))
		var answer struct{ PID string }
		if p := v.next(); !strings.HasPrefix(p, "40") || json.Unmarshal([]byte(p[2:]), &answer) != nil {
			t.Fatalf("got %s", p)
		}
		return v, answer.PID
	}
	track := func(v *ioSocket, vehicles string) {
		t.Helper()
		v.send(`420["track:vehicle",` + vehicles + `]`)
		for p := v.next(); p != `430[{"ok":true}]`; p = v.next() {
		}
	}
	stored := func(n *node, pid string) string {
		owner, value, err := n.bus.(*Redis).look(context.Background(), pid)
		if err != nil {
			t.Fatal(err)
		}
		return owner + " " + string(value)
	}
	v, pid := connect(a, mine, "")
	track(v, `["x"]`)
	until(t, "the session is stored while it lives", func() bool { return strings.Contains(stored(a, pid), `"x"`) })

	// Another subject gets nothing on the other node, and takes nothing away.
	if _, other := connect(b, token(t, "w", auth.Scopes(auth.Read), "*"), pid); other == pid {
		t.Error("another subject has the pid")
	}
	// Node a has not missed the client yet when it comes to b.
	w, again := connect(b, mine, pid)
	if again != pid {
		t.Fatal("not recovered on the other node")
	}
	a.publish(fix("x", 1))
	if p := w.next(); !strings.Contains(p, `"vehicle":"x"`) {
		t.Errorf("got %s", p)
	}
	track(w, `["y"]`)
	until(t, "the other node has stored it", func() bool { return strings.Contains(stored(a, pid), `"y"`) })
	v.conn.Close()
	until(t, "the first node has missed it", func() bool { return a.held(pid) })
	if s := stored(a, pid); !strings.Contains(s, `"y"`) {
		t.Errorf("the late goodbye of the old connection replaced the new: %s", s)
	}
	// Back again: what counts is where it was last, not what the first node remembers.
	w.conn.Close()
	until(t, "the second node has missed it", func() bool { return b.held(pid) })
	v, again = connect(a, mine, pid)
	if again != pid {
		t.Fatal("not recovered on the first node")
	}
	b.publish(fix("y", 2))
	for p := v.next(); !strings.Contains(p, `"vehicle":"y"`); p = v.next() {
	}
	// With Redis gone, a node still knows its own.
	v.conn.Close()
	until(t, "the first node has missed it again", func() bool { return a.held(pid) })
	redis.Down()
	if v, again = connect(a, mine, pid); again != pid {
		t.Error("not recovered without Redis")
	}
	v.conn.Close()
}
