package persistence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/trackgate/trackgate/protocols"
)

// columns are those of location_events and location_quarantine, in the order in which rows are written.
var columns = []string{
	"device_id", "time", "fp", "received_at", "vehicle", "protocol", "kind",
	"latitude", "longitude", "altitude", "speed", "course", "satellites", "hdop",
	"valid", "late", "stored", "no_time", "alarm", "session_at", "counter",
	"ignition", "motion", "odometer_m", "attributes",
}

// row is an event on its way into a table.
type row struct {
	event  *protocols.Event
	has    protocols.Fields // less those whose value is no number
	device string           // texts as the databases take them
	vehicle,
	alarm string
	id       int64 // of the device
	fp       int32
	from, to int // of the attributes' JSON in batch.json; equal when there are none

	ignition, motion int8 // 1 true, 0 false, -1 not sent
	odometer         float64
	hasOdometer      bool

	apart bool // belongs into location_quarantine
	gone  bool // not to be written any more: a duplicate, a dead letter
	// clash says that another record of the batch has the key: the row is written after the others, alone.
	clash     bool
	differing bool // the row has moved to another fingerprint than its key

	key     int32 // fp and gone as settle left them, for another attempt
	settled bool
}

// batch is a protocols.Batch made ready for writing. Its memory is used again for the next one.
type batch struct {
	rows          []row
	unsorted      []row    // memory for settle
	order         []rowKey // likewise
	json          []byte
	dead          []protocols.DeadLetter
	result        Result
	resultSettled Result // what settle found
	deadSettled   int
	// refused are the devices of rows that the database refused.
	refused  []int64
	absorbed int // rows that are stored in the other table

	copied  []byte           // rows in the form of COPY
	newest  map[string]int32 // per vehicle the row that may become its last known
	contact map[string]protocols.Millis
	names   []string
}

var batches = sync.Pool{New: func() any {
	return &batch{newest: map[string]int32{}, contact: map[string]protocols.Millis{}}
}}

// keep is the most memory of one kind that a batch takes along to the next.
const keep = 16 << 20

func (p *batch) release() {
	clear(p.rows) // they point into the caller's events
	clear(p.dead)
	if cap(p.json) > keep || cap(p.copied) > keep || cap(p.rows) > keep/200 || len(p.newest) > 100_000 {
		return
	}
	batches.Put(p)
}

// prepare reads the events into rows. What no row can hold becomes a dead letter right here, so that the transaction meets it only
// where a reason was not foreseen.
func prepare(b *protocols.Batch) *batch {
	p := batches.Get().(*batch)
	p.rows, p.json, p.dead, p.result = p.rows[:0], p.json[:0], append(p.dead[:0], b.Dead...), Result{}
	p.refused, p.absorbed = p.refused[:0], 0
	for i := range b.Events {
		e := &b.Events[i]
		r := row{event: e, has: e.Has, fp: e.FP, ignition: -1, motion: -1}
		if err := p.fill(&r); err != nil {
			p.dead = append(p.dead, protocols.DeadLetter{Index: e.Index, Raw: e.Raw, Error: "not storable: " + err.Error()})
			continue
		}
		p.rows = append(p.rows, r)
	}
	return p
}

// Times that both databases and RFC 3339 can name: the years 1 to 9999.
const (
	firstTime protocols.Millis = -62135596800000
	lastTime  protocols.Millis = 253402300799999
)

func (p *batch) fill(r *row) error {
	e := r.event
	switch {
	case e.Device == "":
		return fmt.Errorf("an event without a device")
	case len(e.Device) > protocols.MaxIdentity || len(e.Vehicle) > protocols.MaxIdentity:
		return fmt.Errorf("an identity of more than %d bytes", protocols.MaxIdentity)
	case e.Time < firstTime || e.Time > lastTime || e.Received < firstTime || e.Received > lastTime ||
		e.Session < 0 || e.Session > lastTime:
		return fmt.Errorf("time %d ms, received %d ms", int64(e.Time), int64(e.Received))
	case e.Kind > protocols.CommandResult:
		return fmt.Errorf("kind %d", e.Kind)
	}
	r.device, r.vehicle, r.alarm = clean(e.Device), clean(e.Vehicle), clean(e.Alarm)
	if r.vehicle == "" {
		r.vehicle = r.device
	}
	drop := func(f protocols.Fields, values ...float64) {
		for _, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				r.has &^= f
			}
		}
	}
	drop(protocols.HasFix, e.Lat, e.Lng)
	drop(protocols.HasAlt, e.Alt)
	drop(protocols.HasSpeed, e.Speed)
	drop(protocols.HasCourse, e.Course)
	drop(protocols.HasHDOP, e.HDOP)
	r.apart = e.Apart()

	r.from, r.to = len(p.json), len(p.json)
	if len(e.Attrs) == 0 {
		return nil
	}
	given := false // some attribute is JSON that a decoder wrote by itself
	for i := range e.Attrs {
		a := &e.Attrs[i]
		v, number := a.Float()
		if !number {
			_, encoded := a.JSON()
			given = given || encoded
			continue
		}
		switch a.Name {
		case "ignition":
			r.ignition = truth(v)
		case "motion":
			r.motion = truth(v)
		case "odometer_m":
			r.odometer, r.hasOdometer = v, true
		}
	}
	p.json = e.Attrs.AppendJSON(p.json)
	if given && !json.Valid(p.json[r.from:]) {
		p.json = p.json[:r.from]
		return fmt.Errorf("an attribute is not JSON")
	}
	p.json = p.json[:r.from+len(withoutNUL(p.json[r.from:]))]
	r.to = len(p.json)
	return nil
}

func truth(v float64) int8 {
	if v != 0 {
		return 1
	}
	return 0
}

// withoutNUL replaces, in place, the escape of NUL in JSON by that of U+FFFD: PostgreSQL stores the former but fails on reading it
// as text.
func withoutNUL(b []byte) []byte {
	nul := []byte(`\u0000`)
	for i := 0; ; {
		j := bytes.Index(b[i:], nul)
		if j < 0 {
			return b
		}
		i += j
		before := 0 // backslashes: an odd number means that this one is itself escaped
		for k := i - 1; k >= 0 && b[k] == '\\'; k-- {
			before++
		}
		if before%2 == 0 {
			copy(b[i:], `\ufffd`)
		}
		i += len(nul)
	}
}

// maxProbes bounds the search for a free fingerprint. Differing records under one key are a matter of chance (2^-32) unless a
// device makes them on purpose; then the surplus becomes dead letters.
const maxProbes = 16

// settle puts the rows in the order of their key and resolves repetitions within the batch: a repeated record is gone, a
// different one under a taken key is marked as a clash. Rows need their device numbers.
func (p *batch) settle() {
	p.sort()
	for i := 0; i < len(p.rows); {
		j := i + 1
		for j < len(p.rows) && p.rows[j].fp == p.rows[i].fp && p.rows[j].id == p.rows[i].id && p.rows[j].event.Time == p.rows[i].event.Time {
			j++
		}
		if j-i > 1 {
			p.settleRun(p.rows[i:j])
		}
		i = j
	}
	for i := range p.rows {
		p.rows[i].key, p.rows[i].settled = p.rows[i].fp, p.rows[i].gone
	}
	p.resultSettled, p.deadSettled = p.result, len(p.dead)
}

// rowKey is what rows are ordered by: a sixth of a row, which is long to move about.
type rowKey struct {
	id    int64
	time  protocols.Millis
	fp    int32
	order int32
}

// sort puts the rows in the order of their key, those of one key in that of arrival.
func (p *batch) sort() {
	p.order = p.order[:0]
	for i := range p.rows {
		r := &p.rows[i]
		p.order = append(p.order, rowKey{r.id, r.event.Time, r.fp, int32(i)})
	}
	slices.SortFunc(p.order, func(a, b rowKey) int {
		switch {
		case a.id != b.id:
			return compare(a.id, b.id)
		case a.time != b.time:
			return compare(a.time, b.time)
		case a.fp != b.fp:
			return compare(a.fp, b.fp)
		}
		return compare(a.order, b.order)
	})
	p.rows, p.unsorted = p.unsorted[:0], p.rows
	for _, k := range p.order {
		p.rows = append(p.rows, p.unsorted[k.order])
	}
	clear(p.unsorted) // they point into the caller's events
}

// rewind forgets what an attempt to write the batch did to it.
func (p *batch) rewind() {
	for i := range p.rows {
		r := &p.rows[i]
		r.fp, r.gone, r.differing = r.key, r.settled, false
	}
	p.result, p.dead, p.refused, p.absorbed = p.resultSettled, p.dead[:p.deadSettled], p.refused[:0], 0
}

// settleRun is settle for rows of one key.
func (p *batch) settleRun(run []row) {
	var different [2][]*row // in arrival, by table
	for i := range run {
		r := &run[i]
		table := r.table()
		seen := different[table]
		known := func(o *row) bool { return p.same(r, o) }
		switch {
		case slices.ContainsFunc(seen, known) || slices.ContainsFunc(different[1-table], known):
			r.gone = true
			p.result.Duplicates++
		case len(seen) > maxProbes:
			p.bury(r, errCrowded)
		default:
			r.clash = len(seen) > 0
			different[table] = append(seen, r)
		}
	}
}

// table is the index in tables of the one that a row belongs into.
func (r *row) table() int {
	if r.apart {
		return 1
	}
	return 0
}

// tables hold the rows.
var tables = [2]string{"location_events", "location_quarantine"}

var errCrowded = fmt.Errorf("more than %d different records of one device, time and fingerprint", maxProbes)

// bury makes a row a dead letter.
func (p *batch) bury(r *row, why error) {
	r.gone = true
	p.dead = append(p.dead, protocols.DeadLetter{Index: r.event.Index, Raw: r.event.Raw, Error: "not storable: " + why.Error()})
}

// count counts a row that was added.
func (p *batch) count(r *row) {
	if r.apart {
		p.result.Quarantined++
	} else {
		p.result.Stored++
	}
	if r.differing {
		p.result.Differing++
	}
}

// refuse makes a dead letter of a row that the database does not take.
func (p *batch) refuse(r *row, why error) {
	p.bury(r, why)
	p.refused = append(p.refused, r.id)
}

// systematic says that the database refused whatever it was given, of many devices: then it is the table that is wrong, and not the
// records. To make dead letters of a whole fleet would be a loss.
func (p *batch) systematic() error {
	if len(p.refused) == 0 || p.result.Stored+p.result.Quarantined+p.result.Duplicates > 0 {
		return nil
	}
	slices.Sort(p.refused)
	if n := len(slices.Compact(p.refused)); n >= 16 {
		return fmt.Errorf("every record, of %d devices, is refused: %s", n, p.dead[len(p.dead)-1].Error)
	}
	return nil
}

// same compares two rows of one key as records.
func (p *batch) same(a, b *row) bool {
	return samePlain(a.event, a.has, a.alarm, b.event, b.has, b.alarm) &&
		sameAttrs(p.json[a.from:a.to], p.json[b.from:b.to])
}

// sameStored compares a row with a record that is stored under its key.
func (p *batch) sameStored(a *row, s *record) bool {
	return samePlain(a.event, a.has, a.alarm, &s.event, s.event.Has, s.event.Alarm) && sameAttrs(p.json[a.from:a.to], s.attrs)
}

// samePlain leaves out what two transmissions of one record may differ in: late, stored, seq, received, vehicle.
func samePlain(a *protocols.Event, aHas protocols.Fields, aAlarm string, b *protocols.Event, bHas protocols.Fields, bAlarm string) bool {
	if aHas != bHas || a.Kind != b.Kind || aAlarm != bAlarm || a.NoTime != b.NoTime || clean(a.Protocol) != clean(b.Protocol) {
		return false
	}
	f := func(f protocols.Fields, x, y float64) bool { return aHas&f == 0 || x == y }
	return f(protocols.HasFix, a.Lat, b.Lat) && f(protocols.HasFix, a.Lng, b.Lng) &&
		(aHas&protocols.HasFix == 0 || a.Valid == b.Valid) &&
		f(protocols.HasAlt, a.Alt, b.Alt) && f(protocols.HasSpeed, a.Speed, b.Speed) &&
		f(protocols.HasCourse, a.Course, b.Course) && f(protocols.HasHDOP, a.HDOP, b.HDOP) &&
		(aHas&protocols.HasSats == 0 || a.Sats == b.Sats)
}

// transmission are the attributes that tell how a record came, not what it says.
var transmission = map[string]bool{"archive": true, "checksum_ok": true}

func sameAttrs(a, b []byte) bool {
	return bytes.Equal(a, b) || bytes.Equal(essence(a), essence(b))
}

// essence is an attributes object without transmission, in the one form that reading and writing it again gives.
func essence(raw []byte) []byte {
	if len(raw) == 0 {
		return []byte("{}")
	}
	attrs, err := protocols.ParseAttrs(raw)
	if err != nil {
		return raw
	}
	return slices.DeleteFunc(attrs, func(a protocols.Attr) bool { return transmission[a.Name] }).AppendJSON(nil)
}

func compare[T int64 | int32 | protocols.Millis](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
