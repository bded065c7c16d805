package fanout

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// ahead is what the members of a cohort were shown of vehicles by a snapshot before the bus has brought it. Nothing up to that may take them back, while others
// still wait for what lies between. Those who come together were shown the same: after a restart a thousand dashboards of ten thousand vehicles each, so it is
// kept once for all of them, in runs of members.
type ahead struct {
	shown map[string][]sighting // by vehicle
	till  int64                 // hub time after which the bus has brought it, or never will
}

// sighting is what a member was shown, and those who came after it up to the next sighting.
type sighting struct {
	member uint32
	msg    *Message // nil: nothing
}

// aheadFor is how long a cohort remembers it.
const aheadFor = int64(time.Minute)

// of is what a member was shown of a vehicle ahead of the bus; nil: nothing.
func (a *ahead) of(vehicle string, member uint32) *Message {
	if len(a.shown) == 0 {
		return nil
	}
	list := a.shown[vehicle]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].member <= member {
			return list[i].msg
		}
	}
	return nil
}

// note keeps what a member was shown. last is the member that came last: who comes later is shown something of its own.
func (a *ahead) note(m *Message, member, last uint32, now int64) {
	a.till = now + aheadFor
	before := a.of(m.Vehicle, member)
	if before != nil && !newer(m, before) && !newer(before, m) {
		return
	}
	if a.shown == nil {
		a.shown = make(map[string][]sighting)
	}
	list := a.shown[m.Vehicle]
	i, found := slices.BinarySearchFunc(list, member, func(s sighting, member uint32) int { return cmp.Compare(s.member, member) })
	if found {
		list[i].msg = m
	} else {
		list = slices.Insert(list, i, sighting{member, m})
	}
	if i++; member < last && (i == len(list) || list[i].member != member+1) {
		list = slices.Insert(list, i, sighting{member + 1, before})
	}
	a.shown[m.Vehicle] = list
}

// brought forgets what of a vehicle the bus has brought now.
func (a *ahead) brought(m *Message) {
	list, ok := a.shown[m.Vehicle]
	if ok && !slices.ContainsFunc(list, func(s sighting) bool { return s.msg != nil && newer(s.msg, m) }) {
		delete(a.shown, m.Vehicle)
	}
}

// expire forgets all of it when its time is over.
func (a *ahead) expire(now int64) {
	if a.shown != nil && now > a.till {
		a.shown = nil
	}
}

// saw notes that a client was shown a position of its vehicle. Where that is ahead of what the bus has brought, nothing up to it may take the client back; others
// still wait for what lies between.
func (s *shard) saw(e *edge, m *Message) {
	v := s.known.at(e.vehicle)
	if m == nil || !newer(m, v.latest) {
		return
	}
	i := slices.IndexFunc(v.ahead, func(a *Message) bool { return !newer(a, m) && !newer(m, a) })
	switch {
	case i >= 0:
	case len(v.ahead) < math.MaxUint8:
		i = len(v.ahead)
		v.ahead = append(v.ahead, m)
	default:
		i = len(v.ahead) - 1 // so many are read apart only while the bus brings nothing
		if newer(m, v.ahead[i]) {
			v.ahead[i] = m
		}
	}
	e.ahead = uint8(i + 1)
}

// shown is what the client saw ahead of the bus; nil: nothing.
func (s *shard) shown(e *edge) *Message {
	if e.ahead == 0 {
		return nil
	}
	return s.known.at(e.vehicle).ahead[e.ahead-1]
}

// settle has those who were shown no more than what the bus has brought now be like the others.
func (s *shard) settle(v *vehicle, m *Message) {
	if v.ahead == nil {
		return
	}
	left := false
	for _, id := range v.edges {
		switch e := s.edges.at(id); {
		case e.ahead == 0:
		case newer(m, v.ahead[e.ahead-1]):
			e.ahead = 0
		default:
			left = true
		}
	}
	if !left {
		v.ahead = nil
	}
}
