package fanout

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/trackgate/trackgate/fanout/auth"
)

// asked is a bus that counts how often it is asked for last positions.
type asked struct {
	*Local
	times atomic.Int64
}

func (a *asked) LastKnown(ctx context.Context, vehicles []string) ([]*Message, error) {
	a.times.Add(1)
	return a.Local.LastKnown(ctx, vehicles)
}

// A dashboard of the founding document emits track:vehicle for each of its vehicles. What comes in one piece is answered from one reading of the bus, and
// means what the packets mean one by one: in their order, each refused by itself, with no more than the limit in one call.
func TestSocketIOTracksTogether(t *testing.T) {
	bus := &asked{Local: NewLocal(new(Counters))}
	n := startNode(t, nodeOptions{bus: bus})
	vehicles := make([]string, 1500)
	for i := range vehicles {
		vehicles[i] = fmt.Sprint("v", i)
	}
	p := n.pollIO(t)
	p.send(`40{"token":"` + token(t, "u", auth.Scopes(auth.Read), vehicles...) + `"}`)
	p.next()
	var packets []string
	for i, v := range vehicles {
		packets = append(packets, `42["track:vehicle","`+v+`"]`)
		switch i {
		case 100:
			packets = append(packets, `42["track:vehicle","other"]`)
		case 200:
			packets = append(packets, `42["untrack:vehicle","v0"]`, `42["track:vehicle",{}]`)
		case 300:
			packets = append(packets, `427["track:vehicle","v1"]`)
		}
	}
	for len(packets) > 0 { // bodies within the limit of a message
		k := min(500, len(packets))
		p.send(strings.Join(packets[:k], "\x1e"))
		packets = packets[k:]
	}
	for _, want := range []string{`42["error","Unauthorized"]`, `42["error","a vehicle is a text or a number"]`, `437[{"ok":true}]`} {
		if got := p.next(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	e := n.engineOf("u")
	followed := e.session.client.tracked()
	if len(followed) != len(vehicles)-1 {
		t.Errorf("%d vehicles are followed, want all but v0 of %d", len(followed), len(vehicles))
	}
	for _, v := range followed {
		if v == "v0" || v == "other" {
			t.Errorf("%s is followed", v)
		}
	}
	if got := bus.times.Load(); got > 10 {
		t.Errorf("the bus was asked %d times for %d vehicles", got, len(vehicles))
	}
}
