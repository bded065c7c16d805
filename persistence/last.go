package persistence

import (
	"slices"

	"github.com/trackgate/trackgate/protocols"
)

// last fills newest, contact and names (sorted, so that writers of several batches take locks in one order) from the rows that
// are not kept apart. Gone rows count only as contact, and dead ones not at all.
func (p *batch) last() {
	clear(p.newest)
	clear(p.contact)
	p.names = p.names[:0]
	for i := range p.rows {
		r := &p.rows[i]
		if r.apart {
			continue
		}
		old, known := p.contact[r.vehicle]
		if !known {
			p.names = append(p.names, r.vehicle)
		}
		if !known || r.event.Received > old {
			p.contact[r.vehicle] = r.event.Received
		}
		if r.gone || (r.event.Late && !r.live()) {
			continue
		}
		n, found := p.newest[r.vehicle]
		if !found || p.rows[n].beforeLast(r) {
			p.newest[r.vehicle] = int32(i)
		}
	}
	slices.Sort(p.names)
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
