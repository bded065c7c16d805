package persistence

import "slices"

// A record belongs into location_events or into location_quarantine by its time of receipt and by what the operator says of its device,
// and both may be others when the device sends it again: a record from an hour ahead is kept apart, and in order two hours later. The
// unique key holds within one table, so whatever could be stored in the other one is looked up there first.
//
// That is every row that is kept apart, and of the rest only those of devices of which something was kept apart before: rarely any.

// candidates returns the rows that might be stored in the other table, by the table that they belong into themselves. apart are devices that have rows
// in location_quarantine.
func (p *batch) candidates(apart []int64) (list [2][]*row) {
	for i := range p.rows {
		r := &p.rows[i]
		if r.gone {
			continue
		}
		if !r.apart {
			if len(apart) == 0 {
				continue
			}
			if _, found := slices.BinarySearch(apart, r.id); !found {
				continue
			}
		}
		list[r.table()] = append(list[r.table()], r)
	}
	return list
}

// devices are those of the rows, ascending, each once. The rows are settled.
func (p *batch) devices() (ids []int64) {
	for i := range p.rows {
		if r := &p.rows[i]; !r.gone && (len(ids) == 0 || ids[len(ids)-1] != r.id) {
			ids = append(ids, r.id)
		}
	}
	return ids
}

// keepsFirst says that a row is kept apart whose device is not one of apart.
func (p *batch) keepsFirst(apart []int64) bool {
	for i := range p.rows {
		if r := &p.rows[i]; r.apart && !r.gone {
			if _, found := slices.BinarySearch(apart, r.id); !found {
				return true
			}
		}
	}
	return false
}

// absorb notes that a row is stored in the other table.
func (p *batch) absorb(r *row) {
	r.gone = true
	p.result.Duplicates++
	p.absorbed++
}
