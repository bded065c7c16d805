package fanout

import "github.com/trackgate/trackgate/protocols"

// vehicle is what a shard knows of one vehicle that its clients follow.
type vehicle struct {
	id     string
	number uint32 // in shard.known; a client's edges are ordered by it
	latest *Message
	ahead  []*Message // read for a snapshot, before the bus has brought them: see saw
	edges  []edgeID
	lanes  []*lane   // of the cohorts that may have it
	named  int       // edges that are named
	joined int       // the shard's cohorts up to here have been asked whether they want it
	used   int64     // hub time of its last message
	heard  *[4]heard // nil before the first event
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
	if v.heard == nil {
		v.heard = new([4]heard)
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
