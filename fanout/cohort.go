package fanout

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/trackgate/trackgate/fanout/auth"
)

// cohort is the clients of a shard that follow everything, or the same groups, may see the same and want it at the same rate. What has to be remembered of each vehicle is
// remembered once for all of them: a client that follows ten thousand vehicles is one entry here, not ten thousand edges.
type cohort struct {
	key     cohortKey
	in      []string     // groups; nil: all
	claims  *auth.Claims // of one of them: they allow the same
	at      int          // index in shard.fleet
	asked   int64        // hub time when its lanes were last asked for
	members []*client
	came    uint32 // members so far, with those that have gone
	lanes   []*lane
	ahead   ahead
}

type cohortKey struct {
	grants string
	in     string // groups
	gap    uint32 // ms
}

// lane is one vehicle on its way to a cohort.
type lane struct {
	cohort  *cohort
	vehicle *vehicle
	wait
	at, index int32 // in vehicle.lanes and cohort.lanes; at is -1 when it has ended
	behind    bool  // the vehicle has a position that waits for the cohort's rate
}

// grantsKey is the same for claims that allow the same.
func grantsKey(c *auth.Claims) string {
	g := &c.Grants
	if g.All {
		return "*"
	}
	sum := sha256.New()
	for _, list := range [][]string{g.Vehicles, slices.Sorted(slices.Values(g.Groups))} {
		sum.Write([]byte(strings.Join(list, "\x00")))
		sum.Write([]byte{0, 0})
	}
	return string(sum.Sum(nil))
}

// enroll puts a client into the cohort that it belongs to.
func (s *shard) enroll(c *client) {
	claims := c.claims.Load()
	key := cohortKey{grantsKey(claims), strings.Join(c.in, "\x00"), c.rates[c.rateOf(c.gap)]}
	k := s.cohorts[key]
	if k == nil {
		k = &cohort{key: key, in: c.in, claims: claims, at: len(s.fleet), asked: s.hub.now()}
		s.cohorts[key] = k
		s.fleet = append(s.fleet, k)
	}
	c.cohort, c.cohortAt = k, len(k.members)
	k.members = append(k.members, c)
	k.came++
	c.member = k.came
	s.listen()
}

// move puts a client into the cohort that it belongs to after a change.
func (s *shard) move(c *client, change func()) {
	from, member := c.cohort, c.member
	s.dismiss(c)
	change()
	s.enroll(c)
	for vehicle := range from.ahead.shown {
		if m := from.ahead.of(vehicle, member); m != nil {
			c.cohort.ahead.note(m, c.member, c.member, s.hub.now())
		}
	}
}

// dismiss undoes it. The last one out ends the cohort. The caller lets the client in again, or has the shard listen.
func (s *shard) dismiss(c *client) {
	k := c.cohort
	last := len(k.members) - 1
	k.members[c.cohortAt] = k.members[last]
	k.members[c.cohortAt].cohortAt = c.cohortAt
	k.members[last] = nil
	k.members = k.members[:last]
	c.cohort = nil
	if last > 0 {
		if c.claims.Load() == k.claims {
			k.claims = k.members[0].claims.Load()
		}
		return
	}
	for len(k.lanes) > 0 {
		s.unlane(k.lanes[len(k.lanes)-1])
	}
	delete(s.cohorts, k.key)
	s.fleet[k.at] = nil
	s.holes++
	if s.holes > 16+len(s.fleet)/2 || s.holes == len(s.fleet) {
		s.closeHoles()
	}
}

// enlist asks the cohorts that came since the vehicle was last heard of whether they may have this one.
func (s *shard) enlist(v *vehicle) {
	for ; v.joined < len(s.fleet); v.joined++ {
		k := s.fleet[v.joined]
		if k == nil || !s.may(k, v.id) || v.lane(k) != nil {
			continue
		}
		l := &lane{cohort: k, vehicle: v, at: int32(len(v.lanes)), index: int32(len(k.lanes))}
		v.lanes = append(v.lanes, l)
		k.lanes = append(k.lanes, l)
	}
}

// may says whether a vehicle is for a cohort.
func (s *shard) may(k *cohort, vehicle string) bool {
	return s.hub.policy.Allow(k.claims, auth.Read, vehicle) && (k.in == nil || s.hub.policy.In(vehicle, k.in))
}

// lane returns the vehicle's lane to a cohort; nil if there is none.
func (v *vehicle) lane(k *cohort) *lane {
	for _, l := range v.lanes {
		if l.cohort == k {
			return l
		}
	}
	return nil
}

func (s *shard) unlane(l *lane) {
	s.timers.drop(l)
	v, k := l.vehicle, l.cohort
	last := len(v.lanes) - 1
	v.lanes[l.at] = v.lanes[last]
	v.lanes[l.at].at = l.at
	v.lanes[last] = nil
	v.lanes = v.lanes[:last]
	last = len(k.lanes) - 1
	k.lanes[l.index] = k.lanes[last]
	k.lanes[l.index].index = l.index
	k.lanes[last] = nil
	k.lanes = k.lanes[:last]
	l.at = -1
}

// closeHoles moves the cohorts together; every vehicle keeps its place among them.
func (s *shard) closeHoles() {
	before := make([]int, len(s.fleet)+1) // cohorts before that index
	kept := make([]*cohort, 0, len(s.fleet)-s.holes)
	for i, k := range s.fleet {
		before[i] = len(kept)
		if k != nil {
			k.at = len(kept)
			kept = append(kept, k)
		}
	}
	before[len(s.fleet)] = len(kept)
	for _, v := range s.vehicles {
		v.joined = before[v.joined]
	}
	s.fleet, s.holes = kept, 0
}

// askAgain has a cohort that depends on more than its members' tokens asked about every vehicle anew, not more often than every 10 ms: its members' turns come
// together.
func (s *shard) askAgain(k *cohort) {
	now := s.hub.now()
	if len(k.claims.Grants.Groups) == 0 && k.in == nil || now-k.asked < 10e6 {
		return
	}
	k.asked = now
	for i := len(k.lanes) - 1; i >= 0; i-- {
		if l := k.lanes[i]; !s.may(k, l.vehicle.id) {
			s.unlane(l)
		}
	}
	s.fleet[k.at] = nil
	s.holes++
	k.at = len(s.fleet)
	s.fleet = append(s.fleet, k)
	if s.holes > 16+len(s.fleet)/2 {
		s.closeHoles()
	}
}

// position takes a vehicle's new position on behalf of the cohort.
func (l *lane) position(m *Message, now int64) {
	if !m.Alarm && l.early(l.cohort.key.gap, now) {
		if l.behind {
			l.cohort.members[0].hub.counters.Conflated.Add(uint64(len(l.cohort.members)))
		}
		l.behind = true
		l.cohort.members[0].shard.timers.set(l)
		return
	}
	l.send(m, now)
}

func (l *lane) send(m *Message, now int64) {
	s := l.cohort.members[0].shard
	if l.behind {
		l.behind = false
		s.hub.counters.Conflated.Add(uint64(len(l.cohort.members)))
	}
	s.timers.drop(l)
	l.next(l.cohort.key.gap, now)
	for _, c := range l.cohort.members {
		c.fleetPosition(l.vehicle, m)
	}
	l.cohort.ahead.brought(m)
}

// fire sends the position that waited: the vehicle's newest.
func (l *lane) fire(_ *shard, now int64) {
	if m := l.vehicle.latest; l.behind && m != nil {
		l.behind = false
		l.send(m, now)
	}
}

// event takes an event that is not the vehicle's new position.
func (l *lane) event(m *Message) {
	for _, c := range l.cohort.members {
		if c.find(l.vehicle) == nil && !c.replayed.has(m) {
			c.event(item{msg: m, event: true}, c.fleetHeld)
		}
	}
}

// fleetPosition takes a position of any vehicle for a client that follows all; one that it follows by name comes by that edge.
func (c *client) fleetPosition(v *vehicle, m *Message) {
	if len(c.edges) > 0 && c.find(v) != nil || c.replayed.has(m) {
		return
	}
	if c.fleetHeld {
		if c.missed == nil {
			c.missed = make(map[*vehicle]struct{})
		}
		c.missed[v] = struct{}{}
		if m.Alarm {
			c.event(item{msg: m, event: true}, true)
		}
		return
	}
	if k := c.cohort.ahead.of(v.id, c.member); k != nil && !newer(m, k) {
		if m.Alarm && m != k {
			c.event(item{msg: m, event: true}, false)
		}
		return
	}
	c.put(item{msg: m})
}
