package replay

import (
	"bytes"
	"slices"
	"time"
)

// maxPending is how much of one direction may wait for a segment that the capture may lack.
const maxPending = 1 << 20

// stream puts the TCP segments of one direction into their order. What was sent again is left out; what came early waits.
type stream struct {
	started bool
	next    uint32 // sequence number of the byte that is due
	pending []segment
	waiting int // bytes in pending
	lost    int // bytes that never came
}

type segment struct {
	seq  uint32
	at   time.Time
	data []byte
}

// begin sets where the stream starts: behind the SYN's number.
func (s *stream) begin(next uint32) {
	if !s.started {
		s.started, s.next = true, next
	}
}

// add takes a segment and calls emit for all that is in order now, segment by segment. data is copied. short is the number of bytes at its end that the capture
// left out.
func (s *stream) add(seq uint32, at time.Time, data []byte, short int, emit func(time.Time, []byte)) {
	s.begin(seq)
	if len(data) == 0 && short == 0 {
		return
	}
	ahead := int32(seq - s.next) // sequence numbers wrap
	if ahead > 0 {
		i, known := slices.BinarySearchFunc(s.pending, seq, func(p segment, seq uint32) int { return int(int32(p.seq - seq)) })
		if !known || len(s.pending[i].data) < len(data) {
			s.waiting += len(data) + 64 // an empty segment costs too
			s.pending = slices.Insert(s.pending, i, segment{seq, at, bytes.Clone(data)})
		}
		for s.waiting > maxPending {
			s.skip(emit)
		}
		return
	}
	s.take(segment{seq, at, data}, emit)
	if short > 0 && int32(s.next-seq) == int32(len(data)) {
		s.next += uint32(short)
		s.lost += short
	}
	s.settle(emit)
}

// take emits what of a segment is new.
func (s *stream) take(g segment, emit func(time.Time, []byte)) {
	old := int32(s.next - g.seq)
	if old < 0 || int(old) >= len(g.data) {
		return
	}
	fresh := g.data[old:]
	s.next += uint32(len(fresh))
	emit(g.at, bytes.Clone(fresh))
}

// settle emits the waiting segments that are due.
func (s *stream) settle(emit func(time.Time, []byte)) {
	n := 0
	for ; n < len(s.pending) && int32(s.pending[n].seq-s.next) <= 0; n++ {
		s.waiting -= len(s.pending[n].data) + 64
		s.take(s.pending[n], emit)
	}
	s.pending = slices.Delete(s.pending, 0, n)
}

// skip gives up the bytes before the first waiting segment.
func (s *stream) skip(emit func(time.Time, []byte)) {
	s.lost += int(int32(s.pending[0].seq - s.next))
	s.next = s.pending[0].seq
	s.settle(emit)
}

// end emits what still waits, over all gaps.
func (s *stream) end(emit func(time.Time, []byte)) {
	for len(s.pending) > 0 {
		s.skip(emit)
	}
}
