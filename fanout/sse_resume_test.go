package fanout

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/fanout/redistest"
)

// listener is a client of server-sent events.
type listener struct {
	t     testing.TB
	lines *bufio.Scanner
	id    string // as an EventSource keeps it
	end   func()
}

// listen opens a stream; id is that of the last event that an earlier one brought.
func (n *node) listen(token, query, id string) *listener {
	n.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	n.t.Cleanup(cancel)
	req, _ := http.NewRequestWithContext(ctx, "GET", n.http.URL+"/events?"+query, nil)
	req.Header.Set("Authorization", "Bearer "+token)
	if id != "" {
		req.Header.Set("Last-Event-ID", id)
	}
	resp, err := n.http.Client().Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		n.t.Fatal(resp.Status)
	}
	n.t.Cleanup(func() { resp.Body.Close() })
	return &listener{t: n.t, lines: bufio.NewScanner(resp.Body), id: id, end: cancel}
}

func (l *listener) next() (m message) {
	l.t.Helper()
	for l.lines.Scan() {
		line := l.lines.Text()
		if v, ok := strings.CutPrefix(line, "id: "); ok {
			l.id = v
		} else if v, ok := strings.CutPrefix(line, "data: "); ok {
			if err := json.Unmarshal([]byte(v), &m); err != nil {
				l.t.Fatal(err)
			}
		} else if line == "" && m.Type != "" {
			return m
		}
	}
	l.t.Fatal("the stream ended")
	return
}

// expect reads messages and compares type, vehicle and counter.
func (l *listener) expect(want ...string) {
	l.t.Helper()
	for _, w := range want {
		m := l.next()
		got := m.Type
		if m.Vehicle != "" {
			got = fmt.Sprint(m.Type, " ", m.Vehicle, " ", counterOf(m))
		}
		for _, e := range m.Events {
			got += fmt.Sprint(" ", e.Vehicle, " ", counterOf(e))
		}
		if got != w {
			l.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

func TestLastEventID(t *testing.T) {
	url := redistest.Start(t)
	a, b := redisNode(t, url, nodeOptions{}), redisNode(t, url, nodeOptions{})
	who := token(t, "u", auth.Scopes(auth.Read), "x", "y", "z")
	a.publish(fix("y", 1))
	l := a.listen(who, "vehicles=x,y,z", "")
	l.expect("snapshot y 1")
	a.publish(fix("x", 1), alarm("x", 2))
	l.expect("location:update x 1", "event x 2")
	l.end()
	a.publish(fix("x", 3), alarm("y", 2), fix("y", 3), alarm("x", 4))
	m := b.listen(who, "vehicles=x,y,z", l.id)
	m.expect("location:update x 3", "event x 4", "event y 2", "location:update y 3", "snapshot")
	a.publish(fix("z", 1), fix("y", 4))
	m.expect("location:update z 1", "location:update y 4")
	// By the address, as a page does it whose ticket is used up; and behind events that were sent again.
	m.end()
	a.publish(alarm("z", 2))
	n := a.listen(who, "vehicles=x,y,z&last_event_id="+m.id, "")
	n.expect("event z 2", "snapshot x 3") // an alarm of x was named: the position before it may not have been seen
	n.end()

	// A window that does not reach back, another list of vehicles, and no grant.
	for i := range 3 * DefaultWindow {
		a.publish(fix("x", 10+i))
	}
	b.listen(who, "vehicles=x,y,z", n.id).expect("resync", fmt.Sprint("snapshot x ", 9+3*DefaultWindow, " z 1"))
	b.listen(who, "vehicles=x", n.id).expect("resync", fmt.Sprint("snapshot x ", 9+3*DefaultWindow))
	b.listen(who, "vehicles=x", "what is this").expect("resync", fmt.Sprint("snapshot x ", 9+3*DefaultWindow))
	b.listen(who, "vehicles=*", n.id).expect("resync")
	a.publish(fix("y", 5))
	b.listen(token(t, "w", auth.Scopes(auth.Read), "z"), "vehicles=x,y,z", n.id).expect("error x 0", "error y 0", "snapshot z 1")
}

func TestPlaces(t *testing.T) {
	many := make([]string, maxResumable+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	if newPlaces(many) != nil || newPlaces([]string{"a", "*"}) != nil || newPlaces(append(many[:maxResumable:maxResumable], "0")) == nil {
		t.Error("32 vehicles have places, more or all of them do not")
	}
	p := newPlaces([]string{"a", "b", "a"})
	id := func() string {
		return strings.TrimSpace(strings.TrimPrefix(string(p.appendID(nil, &item{note: new(note)})), "id:"))
	}
	see := func(want string, it item) {
		t.Helper()
		p.see(&it)
		if got := id(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	seq := func(session, n int) string { return fmt.Sprintf("%013d-%010d", session, n) }
	event := func(session, n int) *Message { return &Message{Vehicle: "a", Seq: seq(session, n)} }
	see(seq(2, 5)+",", item{msg: event(2, 5)})
	see(seq(2, 5)+",", item{msg: event(2, 4)}) // it had waited
	see(seq(1, 7)+",", item{msg: event(1, 7)}) // another tracker
	see(seq(3, 1)+",", item{note: &note{events: []*Message{event(3, 1), {Vehicle: "c", Seq: seq(9, 9)}}}})
	see(seq(3, 1)+",", item{note: &note{events: []*Message{event(2, 9)}}})
	see(seq(3, 1)+",", item{msg: &Message{Vehicle: "b"}})
}
