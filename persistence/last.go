package persistence

import (
	"slices"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// last fills newest, contact and names (sorted, so that writers of several batches take locks in one order) from the rows that
// are not kept apart. Gone rows count only as contact, and dead ones not at all.
func (p *batch) last() {
	clear(p.newest)
	clear(p.contact)
	p.names = p.names[:0]
	for i := 0; i < len(p.rows); {
		j := i + 1 // rows of one device, and so mostly of one vehicle, are side by side
		for j < len(p.rows) && p.rows[j].vehicle == p.rows[i].vehicle {
			j++
		}
		p.lastOf(i, j)
		i = j
	}
	slices.Sort(p.names)
}

// lastOf is last for the rows from i to j, all of one vehicle.
func (p *batch) lastOf(i, j int) {
	vehicle := p.rows[i].vehicle
	contact, known := p.contact[vehicle]
	best, found := p.newest[vehicle]
	heard := known
	for ; i < j; i++ {
		r := &p.rows[i]
		if r.apart {
			continue
		}
		if !heard || r.event.Received > contact {
			contact, heard = r.event.Received, true
		}
		if r.gone || (r.event.Late && !r.live()) {
			continue
		}
		if !found || p.rows[best].beforeLast(r) {
			best, found = int32(i), true
		}
	}
	if !heard {
		return // all are kept apart
	}
	if !known {
		p.names = append(p.names, vehicle)
	}
	p.contact[vehicle] = contact
	if found {
		p.newest[vehicle] = best
	}
}

// live says that the row may move its vehicle: a valid fix of now.
func (r *row) live() bool { return r.has&protocols.HasFix != 0 && r.event.Live() }

// beforeLast says that o is the better last known event: any live fix is better than none, a newer one better than an older.
func (r *row) beforeLast(o *row) bool {
	if r.live() != o.live() {
		return o.live()
	}
	return o.event.Time > r.event.Time
}

// renamed holds for a vehicle that was only ever the id of a device which the registry has since put on another: nothing more is to be heard
// of it, so it is left out where all are listed.
const renamed = `EXISTS (SELECT 1 FROM devices r WHERE r.device = l.vehicle AND r.vehicle <> '' AND r.vehicle <> r.device)`

// lastConflict is what happens to a vehicle's row in last_position when a better record comes: it wins as a whole. One that is no better changes nothing,
// not even the contact, which is then moved by a statement of its own: to ask of each column costs more, and rarely is one no better.
var lastConflict = func() string {
	var set strings.Builder
	for _, c := range append(columns[:len(columns):len(columns)], "live") {
		if c != "vehicle" {
			set.WriteString(c + " = excluded." + c + ", ")
		}
	}
	return " ON CONFLICT (vehicle) DO UPDATE SET " + set.String() +
		"contact_at = CASE WHEN excluded.contact_at > last_position.contact_at THEN excluded.contact_at ELSE last_position.contact_at END" +
		" WHERE excluded.live > last_position.live OR excluded.live = last_position.live AND excluded.time > last_position.time"
}()
