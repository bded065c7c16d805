package fanout

import (
	"slices"

	"github.com/trackgate/trackgate/protocols"
)

// A window is what was published last of a vehicle, in the order in which it was published. The bus keeps one of each vehicle where every
// node can read it, so that a client that comes again, anywhere, gets what it missed. It is bounded, and may vanish at any time: then
// there is no way to say what was missed, and the client is told just that.

// DefaultWindow is how many events of each vehicle the bus keeps, if nothing else is configured.
const DefaultWindow = 64

// MaxWindow is the most events of each vehicle that the bus can be told to keep.
const MaxWindow = 1000

// maxWindowEvent is the size in bytes of the largest event in a window. A larger one leaves a hole, across which nothing is complete.
const maxWindowEvent = 4 << 10

// tail is the end of a window: what somebody missed who saw everything up to some event.
type tail struct {
	shown  *Message   // the newest position up to that event; nil where the window holds none
	missed []*Message // what was published behind it
	seen   []seen     // how far the window reaches in each of its sessions
}

// seen is an event's place in its session.
type seen struct {
	session protocols.Millis
	counter uint32
}

// tailOf returns what a window, oldest first, holds behind the event with that seq; nil in the window is a hole. It is false where the
// window does not reach back so far. An empty seq is that of somebody who saw nothing: of a vehicle that said nothing, that is all.
func tailOf(window []*Message, seq string) (tail, bool) {
	if seq == "" {
		return tail{}, len(window) == 0
	}
	session, counter, ok := protocols.ParseSeq(seq)
	if !ok {
		return tail{}, false
	}
	// The last one up to that seq, and not the first: a batch that was published again after an error stands in the window twice.
	at := -1
	var t tail
	for i, m := range window {
		if m == nil {
			continue
		}
		s, c, ok := protocols.ParseSeq(m.Seq)
		if !ok {
			continue
		}
		if s == session && c <= counter {
			at = i
		}
		if k := slices.IndexFunc(t.seen, func(p seen) bool { return p.session == s }); k < 0 {
			t.seen = append(t.seen, seen{s, c})
		} else {
			t.seen[k].counter = max(t.seen[k].counter, c)
		}
	}
	if at < 0 {
		return tail{}, false
	}
	for _, m := range window[:at+1] {
		if m != nil && m.Live && newer(m, t.shown) {
			t.shown = m
		}
	}
	sent := make(map[string]struct{}, len(window)-at-1)
	for _, m := range window[at+1:] {
		if m == nil {
			return tail{}, false
		}
		if _, twice := sent[m.Seq]; twice && m.Seq != "" {
			continue
		}
		sent[m.Seq] = struct{}{}
		t.missed = append(t.missed, m)
	}
	return t, true
}
