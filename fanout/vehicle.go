package fanout

import "github.com/trackgate/trackgate/protocols"

// vehicle is what a shard knows of one vehicle that its clients follow.
type vehicle struct {
	id     string
	latest *Message
	edges  []*edge
	named  int   // edges that are named
	joined int   // the shard's fleet clients up to here have been asked whether they want it
	used   int64 // hub time of its last message
	heard  [4]heard
	turn   uint8
}

// heard are the latest events of a session. Two trackers on one vehicle are two sessions.
type heard struct {
	session protocols.Millis
	top     uint32 // highest counter
	seen    uint64 // bit n: top-n went through
}

// repeated says whether an event with that seq went through before. What is older than the window counts as a repetition.
func (v *vehicle) repeated(seq string) bool {
	session, counter, ok := protocols.ParseSeq(seq)
	if !ok {
		return false // a third party's: nothing to know it by
	}
	for i := range v.heard {
		h := &v.heard[i]
		if h.session != session {
			continue
		}
		if counter > h.top {
			if d := counter - h.top; d < 64 {
				h.seen = h.seen<<d | 1
			} else {
				h.seen = 1
			}
			h.top = counter
			return false
		}
		d := h.top - counter
		if d >= 64 || h.seen&(1<<d) != 0 {
			return true
		}
		h.seen |= 1 << d
		return false
	}
	v.heard[v.turn%uint8(len(v.heard))] = heard{session, counter, 1}
	v.turn++
	return false
}

// edge is one client's interest in one vehicle.
type edge struct {
	client  *client
	vehicle *vehicle
	pending *Message // newest position, waiting for the client's rate or its snapshot
	shown   *Message // newest position that was queued for the client
	gap     int64    // ns between two positions; 0: no limit
	due     int64    // hub time before which the next position has to wait
	at      int32    // index in vehicle.edges
	timer   int32    // index in the shard's timers, -1: none
	round   uint32   // see client.compact
	named   bool     // tracked by id; else the client follows everything, or a part of the map
	held    bool     // a snapshot is on its way: nothing else before it
	inside  bool     // the client was shown it within its part of the map
	resumes bool     // held, and positions that come meanwhile all count, not the newest alone
}

func (v *vehicle) link(e *edge) {
	e.at = int32(len(v.edges))
	v.edges = append(v.edges, e)
}

func (v *vehicle) unlink(e *edge) {
	last := len(v.edges) - 1
	v.edges[e.at] = v.edges[last]
	v.edges[e.at].at = e.at
	v.edges[last] = nil
	v.edges = v.edges[:last]
	e.at = -1
}
